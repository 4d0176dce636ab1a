"""A link, in one direction, that sends one packet after the other and queues those that wait.

A packet occupies the link for the time that its bits take at `bitrate`, then travels for `delay`.
One that finds the link busy waits in a `sim.net.queues.Queue`.  An idle link costs one event a
packet, as a plain one does; a busy one costs another.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any, ClassVar

from mypy_extensions import mypyc_attr
from simpy.events import NORMAL

from sim.engine import Engine
from sim.net.link import Link
from sim.net.queues import DropTail, Queue
from sim.net.wire import wire_size
from sim.streams import Streams
from sim.units import S


@mypyc_attr(allow_interpreted_subclasses=True)
class QueuedLink(Link):
    """One direction of a link of `bitrate` (bit/s) with a queue, without limit if none is given.

    The other arguments are those of `Link`; a packet that the link loses has been sent, and took
    its time.  `dropped` counts the packets that the queue dropped.
    """

    __slots__ = ("_free_at", "_wake", "bitrate", "dropped", "queue")

    def __init__(
        self,
        engine: Engine,
        streams: Streams,
        name: str,
        receive: Callable[[Any], None],
        delay: int,
        bitrate: int,
        loss: float = 0.0,
        queue: Queue | None = None,
    ) -> None:
        super().__init__(engine, streams, name, receive, delay, loss)
        if bitrate <= 0:
            raise ValueError(f"link {name}: the bit rate is not above 0: {bitrate}")
        self.bitrate = bitrate
        self.queue: Queue = DropTail() if queue is None else queue
        self.dropped = 0
        self._free_at = 0
        """When the packet now being sent has left."""
        self._wake = _Wake()

    def send(self, packet: Any) -> None:
        """Send a packet, or let it wait until the link is free."""
        now = self.engine._now
        size = wire_size(packet)
        if now >= self._free_at and not self.queue:
            self._transmit(packet, size)
            return
        self.queue.enqueue(packet, size, now, self._queue_drops)
        self._wake_when_free()

    def _queue_drops(self, packet: Any) -> None:
        self.dropped += 1
        self.drop(packet, "queue")

    def _send_next(self, event: Any) -> None:
        head = self.queue.dequeue(self.engine._now, self._queue_drops)
        if head is not None:
            self._transmit(*head)
        self._wake_when_free()

    def _wake_when_free(self) -> None:
        if self.queue and self._wake.callbacks is None:
            self._wake.callbacks = (self._send_next,)
            self._push(self._free_at, self._wake)

    def _transmit(self, packet: Any, size: int) -> None:
        self._free_at = self.engine._now + size * 8 * S // self.bitrate
        if not self._gap and self._loses():
            self.drop(packet, "loss")
            return
        self._gap -= 1
        packet.callbacks = self.receivers
        self._push(self._free_at + self.delay, packet)

    def _push(self, time: int, event: Any) -> None:
        heappush(self._queue, (time, NORMAL, next(self.engine._eid), event))


class _Wake:
    """The event that the link is free while packets wait; without callbacks it is not due."""

    __slots__ = ("callbacks",)

    _ok: ClassVar[bool] = True
    _value: ClassVar[Any] = None
    defused: ClassVar[bool] = True

    def __init__(self) -> None:
        self.callbacks: tuple[Callable[[Any], None], ...] | None = None
