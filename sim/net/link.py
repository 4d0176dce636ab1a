"""A link, in one direction: delay, and loss of each packet independently of the others.

A packet in flight is one entry of the calendar: the receiver's method, to be called with the packet
when it is due at the far end.  Loss costs a countdown a packet: the gap to the next lost packet is
drawn once, from the geometric distribution.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from mypy_extensions import mypyc_attr

from sim.calendar import NORMAL
from sim.engine import Engine
from sim.streams import Streams

FOREVER: Final = 1 << 62
"""A gap between losses that no simulation sees the end of."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Link:
    """One direction of a link.

    `delay` in ns; `loss` the probability that a packet is lost, 0 to 1; `receive` takes a packet
    at the far end.  `name` names the link's random stream.
    """

    __slots__ = (
        *("_cut", "_gap", "_random", "_streams"),
        *("calendar", "delay", "engine", "loss", "name", "receive"),
    )

    def __init__(
        self,
        engine: Engine,
        streams: Streams,
        name: str,
        receive: Callable[[Any], None],
        delay: int,
        loss: float = 0.0,
    ) -> None:
        if delay < 0:
            raise ValueError(f"link {name}: the delay is negative: {delay} ns")
        self.engine = engine
        self.calendar = engine.calendar
        self.name = name
        self.receive = receive
        self.delay = delay
        self._cut = False
        self._streams = streams
        self._random: np.random.Generator | None = None
        """The link's random stream; made when the first packet comes, many links see none."""
        self.change_loss(loss)

    def change_loss(self, loss: float) -> None:
        """Lose packets with another probability from now on; ValueError outside 0..1."""
        if not 0 <= loss <= 1:
            raise ValueError(f"link {self.name}: the loss is not between 0 and 1: {loss}")
        self.loss = loss
        self._start()

    @property
    def cut(self) -> bool:
        """Whether the link loses everything, unseen by its ends."""
        return self._cut

    @cut.setter
    def cut(self, cut: bool) -> None:
        self._cut = cut
        self._start()

    def send(self, packet: Any) -> None:
        """Put a packet on the link: it arrives `delay` later, or is lost."""
        if not self._gap and self._loses():
            self.drop(packet, "loss")
            return
        self._gap -= 1
        calendar = self.calendar
        calendar.put(calendar.now + self.delay, NORMAL, self.receive, packet)

    def drop(self, packet: Any, reason: str) -> None:
        """Let go of a packet that does not get through; `reason` says why in a word or two."""
        self.engine.lost(packet)

    def _start(self) -> None:
        """Forget the gap drawn so far, which belongs to another loss."""
        self._gap = 0 if self.loss or self._cut else FOREVER
        if self._random is not None and self._gap == 0:
            self._gap = self._next_gap()

    def _loses(self) -> bool:
        """Whether a packet that finds no gap left is lost; draw the next gap."""
        if self._random is None:
            self._random = self._streams.generator(f"loss {self.name}")
            self._gap = self._next_gap()
            if self._gap:
                return False
        self._gap = self._next_gap()
        return True

    def _next_gap(self) -> int:
        """Draw how many packets pass before the next loss, by inversion."""
        if self._cut or self.loss >= 1:
            return 0
        assert self._random is not None
        return int(math.log1p(-self._random.random()) / math.log1p(-self.loss))
