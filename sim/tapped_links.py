"""Links of every kind that record their packets and what becomes of them (see `sim.trace`)."""

from __future__ import annotations

from typing import Any

from sim.engine import Engine
from sim.net.impaired import ImpairedLink
from sim.net.impairments import Fate, Outcome
from sim.net.link import Link
from sim.net.queued import QueuedLink
from sim.net.wire import Filler
from sim.trace import Trace


class LinkTap:
    """What makes any kind of link record what is put on it and what does not get through.

    It stands before the kind of link among the bases of a class.
    """

    trace: Trace
    engine: Engine
    name: str

    def __init__(self, trace: Trace, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.trace = trace

    def send(self, packet: Any) -> None:
        """Record the packet, then put it on the link."""
        if not isinstance(packet, Filler):
            self.trace.packet(self.engine.now, self.name, "over", "sent", packet)
        super().send(packet)  # type: ignore[misc]

    def drop(self, packet: Any, reason: str) -> None:
        """Record that the packet is lost, and why."""
        if not isinstance(packet, Filler):
            self.trace.packet(self.engine.now, self.name, "over", "dropped", packet, reason)
            self.trace.forget(packet)
        super().drop(packet, reason)  # type: ignore[misc]


class TracedLink(LinkTap, Link):
    """A link that records its packets."""


class TracedImpairedLink(LinkTap, ImpairedLink):
    """A link with impairments that records its packets, and what it does to them."""

    def transmit(self, packet: Any, size: int, now: int) -> list[Outcome]:
        """Record the copies that the link makes and those that it damages."""
        outcomes = super().transmit(packet, size, now)
        for copy, fate, _ in outcomes:
            if isinstance(copy, Filler):
                continue
            if copy is not packet:
                self.trace.packet(now, self.name, "over", "duplicated", copy)
            if fate is Fate.CORRUPTED:
                self.trace.packet(now, self.name, "over", "corrupted", copy)
        return outcomes


class TracedQueuedLink(LinkTap, QueuedLink):
    """A link with a queue that records its packets."""
