"""A link, in one direction, that does to packets what `tc netem` does, or a script says.

A packet takes the link's own loss and delay and then, as if the queueing discipline stood in
front of it, what `sim.net.impairments` makes of it.  A corrupted packet arrives and fails its
checksum there: it is counted and dropped at the far end of the link.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from sim.calendar import NORMAL
from sim.engine import Engine
from sim.net.impairments import Fate, Impairments, Lose, Outcome
from sim.net.link import Link
from sim.net.models import Netem
from sim.net.wire import wire_size
from sim.streams import Streams


class ImpairedLink(Link):
    """One direction of a link with the impairments of `netem`, and with `lose` deciding losses.

    `corrupted` hears of each packet that fails its checksum.  The other arguments are those of
    `Link`.  `counts` says how many copies met each `Fate` but arrival.
    """

    __slots__ = ("_corrupted", "_sized", "counts", "impairments")

    def __init__(
        self,
        engine: Engine,
        streams: Streams,
        name: str,
        receive: Callable[[Any], None],
        delay: int,
        loss: float = 0.0,
        *,
        netem: Netem | None = None,
        lose: Lose | None = None,
        corrupted: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(engine, streams, name, receive, delay, loss)
        self._corrupted = corrupted
        model = Netem() if netem is None else netem
        source = streams if model.seed is None else Streams(model.seed)
        self.impairments = Impairments(
            model, lambda kind: source.generator(f"{kind} of {name}"), lose
        )
        self.counts: Counter[Fate] = Counter()
        self._sized = model.rate is not None or model.slot is not None

    def send(self, packet: Any) -> None:
        """Put a packet on the link: copies of it arrive, some time later, or it is lost."""
        now = self.calendar.now
        if not self._gap and self._loses():
            self._drop(packet, Fate.LOST)
            return
        self._gap -= 1
        size = wire_size(packet) if self._sized else 0
        for copy, fate, time in self.transmit(packet, size, now):
            if fate is Fate.LOST or fate is Fate.REFUSED:
                self._drop(copy, fate)
            else:
                receive = self.receive if fate is Fate.ARRIVES else self.fails
                self.calendar.put(max(now, time + self.delay), NORMAL, receive, copy)

    def transmit(self, packet: Any, size: int, now: int) -> list[Outcome]:
        """Return what becomes of a packet of `size` bytes: its copies, and when they leave."""
        return self.impairments.transmit(packet, size, now)

    def fails(self, packet: Any) -> None:
        """Take a corrupted packet at the far end: its checksum fails."""
        self._corrupted()
        self._drop(packet, Fate.CORRUPTED)

    def _drop(self, packet: Any, fate: Fate) -> None:
        self.counts[fate] += 1
        self.drop(packet, fate.value)
