"""Queues in front of a link that is busy: drop-tail, RED and CoDel.

Each holds packets and decides which of them to drop; it knows neither a clock nor a link, but is
told the time.  Implements RED by Floyd and Jacobson (1993), counting bytes, and CoDel by RFC 8289
section 5.  Left out is marking instead of dropping (ECN): no SYN can be marked.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, final

from sim.units import MS

Drop = Callable[[Any], None]
"""Takes a packet that the queue dropped."""

UNLIMITED: Final = 1 << 62


class Queue(Protocol):
    """Packets waiting for a link."""

    def enqueue(self, packet: Any, size: int, now: int, drop: Drop) -> None:
        """Take a packet of `size` bytes at `now` (ns), or drop it."""

    def dequeue(self, now: int, drop: Drop) -> tuple[Any, int] | None:
        """Return the next packet to send and its size, or None; others may be dropped."""

    def __len__(self) -> int:
        """Return how many packets wait."""


@final
class _Waiting:
    __slots__ = ("packet", "since", "size")

    def __init__(self, packet: Any, size: int, since: int) -> None:
        self.packet = packet
        self.size = size
        self.since = since


class DropTail:
    """First in, first out; a packet that finds `packets` packets or no room is dropped.

    There is room for a packet while all packets together have at most `size` bytes.
    """

    def __init__(self, packets: int = UNLIMITED, size: int = UNLIMITED) -> None:
        self.packets = packets
        self.size = size
        self.bytes = 0
        """Bytes waiting."""
        self._fifo: deque[_Waiting] = deque()

    def __len__(self) -> int:
        return len(self._fifo)

    def enqueue(self, packet: Any, size: int, now: int, drop: Drop) -> None:
        """Take a packet of `size` bytes at `now` (ns), or drop it."""
        if len(self._fifo) >= self.packets or self.bytes + size > self.size:
            drop(packet)
            return
        self.bytes += size
        self._fifo.append(_Waiting(packet, size, now))

    def dequeue(self, now: int, drop: Drop) -> tuple[Any, int] | None:
        """Return the next packet to send and its size, or None."""
        head = self.take()
        return None if head is None else (head.packet, head.size)

    def take(self) -> _Waiting | None:
        """Return the packet that has waited longest."""
        if not self._fifo:
            return None
        head = self._fifo.popleft()
        self.bytes -= head.size
        return head


@dataclass(frozen=True, slots=True)
class RedParameters:
    """What RED is set to; sizes in bytes of the average queue, as for tc."""

    least: int
    """Below this average nothing is dropped early."""
    most: int
    """From this average on everything is."""
    probability: float = 0.02
    """Chance of an early drop as the average comes near `most`."""
    weight: float = 0.002
    """Weight of the queue that a packet finds in the average."""
    packet_time: int = MS
    """Time (ns) to send a typical packet: an idle time ages the average by so many packets."""


class Red:
    """Random early detection: drops begin before the queue is full, with a growing chance.

    `draw` returns uniform random numbers 0 <= u < 1; `size` is the limit of the queue in bytes.
    """

    def __init__(self, parameters: RedParameters, size: int, draw: Callable[[], float]) -> None:
        self.parameters = parameters
        self.average = 0.0
        """Moving average of the bytes waiting."""
        self._draw = draw
        self._since_drop = -1
        """Packets taken since the last early drop while the average is in the range of such."""
        self._idle_since: int | None = 0
        self._queue = DropTail(size=size)

    def __len__(self) -> int:
        return len(self._queue)

    def enqueue(self, packet: Any, size: int, now: int, drop: Drop) -> None:
        """Take a packet of `size` bytes at `now` (ns), or drop it."""
        self._update_average(now)
        if self._drops_early():
            drop(packet)
        else:
            self._queue.enqueue(packet, size, now, drop)

    def dequeue(self, now: int, drop: Drop) -> tuple[Any, int] | None:
        """Return the next packet to send and its size, or None."""
        head = self._queue.dequeue(now, drop)
        if not self._queue and self._idle_since is None:
            self._idle_since = now
        return head

    def _update_average(self, now: int) -> None:
        weight = self.parameters.weight
        if self._idle_since is not None:
            idle = (now - self._idle_since) / self.parameters.packet_time
            self.average *= math.pow(1 - weight, idle)
            self._idle_since = None
        self.average += weight * (self._queue.bytes - self.average)

    def _drops_early(self) -> bool:
        red = self.parameters
        if self.average < red.least:
            self._since_drop = -1
            return False
        if self.average >= red.most:
            self._since_drop = 0
            return True
        self._since_drop += 1
        share = red.probability * (self.average - red.least) / (red.most - red.least)
        spaced = 1 - self._since_drop * share
        if spaced > 0 and self._draw() >= share / spaced:
            return False
        self._since_drop = 0
        return True


class CoDel:
    """Controlled delay: drops from the head while packets have waited too long for too long.

    `target` and `interval` in ns, `packets` the limit of the queue; a queue of no more than one
    packet of `mtu` bytes is never too long.
    """

    def __init__(
        self,
        target: int = 5 * MS,
        interval: int = 100 * MS,
        packets: int = 1000,
        mtu: int = 1500,
    ) -> None:
        self.target = target
        self.interval = interval
        self.mtu = mtu
        self.dropping = False
        self._first_above: int | None = None
        """When waits above the target will have lasted for an interval."""
        self._drop_next = 0
        self._count = self._last_count = 0
        """Drops since dropping began, now and when it last began."""
        self._queue = DropTail(packets)

    def __len__(self) -> int:
        return len(self._queue)

    def enqueue(self, packet: Any, size: int, now: int, drop: Drop) -> None:
        """Take a packet of `size` bytes at `now` (ns), or drop it."""
        self._queue.enqueue(packet, size, now, drop)

    def dequeue(self, now: int, drop: Drop) -> tuple[Any, int] | None:
        """Return the next packet to send and its size, or None (RFC 8289 section 5.6)."""
        head, too_late = self._look(now)
        if self.dropping:
            self.dropping = too_late
            while head is not None and self.dropping and now >= self._drop_next:
                drop(head.packet)
                self._count += 1
                head, self.dropping = self._look(now)
                if self.dropping:
                    self._drop_next = self._control_law(self._drop_next)
        elif head is not None and too_late:
            drop(head.packet)
            head, _ = self._look(now)
            self._begin_dropping(now)
        return None if head is None else (head.packet, head.size)

    def _begin_dropping(self, now: int) -> None:
        """Begin at the rate that controlled the queue last, if that was not long ago."""
        self.dropping = True
        drops = self._count - self._last_count
        recent = now - self._drop_next < self.interval << 4
        self._count = self._last_count = drops if drops > 1 and recent else 1
        self._drop_next = self._control_law(now)

    def _control_law(self, time: int) -> int:
        return time + round(self.interval / math.sqrt(self._count))

    def _look(self, now: int) -> tuple[_Waiting | None, bool]:
        """Take the head, and say whether waits have been above the target for an interval."""
        head = self._queue.take()
        if head is None or now - head.since < self.target or self._queue.bytes <= self.mtu:
            self._first_above = None
        elif self._first_above is None:
            self._first_above = now + self.interval
        else:
            return head, now >= self._first_above
        return head, False
