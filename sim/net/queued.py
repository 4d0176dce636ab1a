"""A link, in one direction, that sends one packet after the other and queues those that wait.

A packet occupies the link for the time that its bits take at `bitrate`, then travels for `delay`.
One that finds the link busy waits in a `sim.net.queues.Queue`.  An idle link costs one event a
packet, as a plain one does; a busy one costs another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mypy_extensions import mypyc_attr

from sim.calendar import NORMAL
from sim.engine import Engine
from sim.net.link import Link
from sim.net.queues import DropTail, Queue
from sim.net.wire import Filler, wire_size
from sim.streams import Streams
from sim.units import S


@mypyc_attr(allow_interpreted_subclasses=True)
class QueuedLink(Link):
    """One direction of a link of `bitrate` (bit/s) with a queue, without limit if none is given.

    The other arguments are those of `Link`; a packet that the link loses has been sent, and took
    its time.  `dropped` counts the packets that the queue dropped.
    """

    __slots__ = ("_due", "_free_at", "bitrate", "dropped", "queue")

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
        self._due = False
        """Whether the calendar has the moment when the link is free for those that wait."""

    def send(self, packet: Any) -> None:
        """Send a packet, or let it wait until the link is free."""
        now = self.calendar.now
        size = wire_size(packet)
        if now >= self._free_at and not self.queue:
            self._transmit(packet, size)
            return
        self.queue.enqueue(packet, size, now, self._queue_drops)
        self._wake_when_free()

    def _queue_drops(self, packet: Any) -> None:
        self.dropped += 1
        self.drop(packet, "queue")

    def _send_next(self, _: object) -> None:
        self._due = False
        head = self.queue.dequeue(self.calendar.now, self._queue_drops)
        if head is not None:
            self._transmit(*head)
        self._wake_when_free()

    def _wake_when_free(self) -> None:
        if self.queue and not self._due:
            self._due = True
            self.calendar.put(self._free_at, NORMAL, self._send_next, None)

    def _transmit(self, packet: Any, size: int) -> None:
        self._free_at = self.calendar.now + size * 8 * S // self.bitrate
        if not self._gap and self._loses():
            self.drop(packet, "loss")
            return
        self._gap -= 1
        if not isinstance(packet, Filler):
            self.calendar.put(self._free_at + self.delay, NORMAL, self.receive, packet)
