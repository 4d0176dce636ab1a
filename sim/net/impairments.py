"""What happens to packets on one direction of a link: the models of `sim.net.models` at work.

The order is that of the kernel's sch_netem.c: a packet is perhaps duplicated, lost, corrupted,
refused because too many are held, and then sent at once past those delayed, or delayed,
serialised and held for a slot.  Nothing here knows a clock or a queue of events: `Impairments`
is told the time and answers when each copy of a packet arrives.  Each model has a random stream
of its own.  Left out are the kernel's quirks in correlated numbers (see `sim.net.models`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from enum import Enum
from heapq import heappop, heappush
from itertools import cycle, repeat
from typing import Final, NamedTuple

import numpy as np

from sim.net.models import (
    Chance,
    Delay,
    FourState,
    GilbertElliott,
    Loss,
    LossTrace,
    Netem,
    Reorder,
    Slot,
)
from sim.net.wire import AnyPacket

Draw = Callable[[], float]
"""Returns the next uniform number 0 <= u < 1 of a stream."""

Lose = Callable[[AnyPacket], bool]
"""Says whether a packet is lost."""

BATCH: Final = 256
NEVER: Final = Chance(0.0)


def uniforms(generator: np.random.Generator) -> Draw:
    """Return the uniform numbers of a stream, one a call."""

    def numbers() -> Iterator[float]:
        while True:
            yield from generator.random(BATCH).tolist()

    return numbers().__next__


def correlated(draw: Draw, correlation: float) -> Draw:
    """Return uniform numbers each of which repeats the one before with that probability.

    They remain uniform, and `correlation` is the lag-1 correlation of any function of them.
    """

    def numbers() -> Iterator[float]:
        number = draw()
        while True:
            yield number
            if draw() >= correlation:
                number = draw()

    return numbers().__next__ if correlation else draw


def events(chance: Chance, draw: Draw) -> Iterator[bool]:
    """Yield for each packet whether the event of that chance happens to it."""
    if not chance.probability:
        yield from repeat(False)
    number = correlated(draw, chance.correlation)
    while True:
        yield number() < chance.probability


def losses(model: Loss, draw: Draw) -> Iterator[bool]:
    """Yield for each packet whether the model loses it."""
    match model:
        case Chance():
            return events(model, draw)
        case GilbertElliott():
            return _gilbert_elliott(model, draw)
        case FourState():
            return _four_state(model, draw)
        case LossTrace():
            return cycle(model.fates)


def _gilbert_elliott(model: GilbertElliott, draw: Draw) -> Iterator[bool]:
    bad = False
    while True:
        change, loss = (model.to_good, model.bad_loss) if bad else (model.to_bad, model.good_loss)
        bad ^= draw() < change
        yield draw() < loss


def _four_state(model: FourState, draw: Draw) -> Iterator[bool]:
    state = 1
    while True:
        number = draw()
        if state == 1:
            lost_alone = number < model.p14
            state = 4 if lost_alone else 3 if number < model.p14 + model.p13 else 1
        elif state == 2:
            state = 3 if number < model.p23 else 2
        elif state == 3:
            received = number < model.p32
            state = 2 if received else 1 if number < model.p32 + model.p31 else 3
        else:
            state = 1
        yield state >= 3


def delays(model: Delay, draw: Draw) -> Iterator[int]:
    """Yield the delay of each packet in ns."""
    number = correlated(draw, model.correlation)
    latency, jitter, table = model.latency, model.jitter, model.distribution.table
    if not jitter:
        yield from repeat(max(model.least, latency))
    size = len(table)
    while True:
        yield max(model.least, latency + round(jitter * table[int(number() * size)]))


class Fate(Enum):
    """What becomes of one copy of a packet."""

    ARRIVES = "arrives"
    CORRUPTED = "corrupted"
    """It arrives, and the checksum tells that it is not what was sent."""
    LOST = "loss"
    REFUSED = "limit"
    """More packets were held than the link's limit."""


class Outcome(NamedTuple):
    """One copy of a packet, what becomes of it, and when (ns)."""

    packet: AnyPacket
    fate: Fate
    time: int


class Impairments:
    """What one direction of a link does to its packets, in the order of the calls.

    `stream` gives a fresh random generator for a name; `lose` stands in for the model's loss.
    """

    def __init__(
        self,
        model: Netem,
        stream: Callable[[str], np.random.Generator],
        lose: Lose | None = None,
    ) -> None:
        def draw(name: str) -> Draw:
            return uniforms(stream(name))

        self.model = model
        if lose is None and model.loss is not None:
            fates = losses(model.loss, draw("loss"))
            lose = lambda packet: next(fates)  # noqa: E731
        self._lose = lose
        self._duplicated = events(model.duplicate or NEVER, draw("duplicate"))
        self._corrupted = events(model.corrupt or NEVER, draw("corrupt"))
        self._hurried = hurried(model.reorder or Reorder(NEVER), draw("reorder"))
        self._delays = delays(model.delay, draw("delay"))
        self._slots = None if model.slot is None else Slots(model.slot, draw("slot"))
        self._held: list[int] = []
        """When the packets now held leave: a heap."""
        self._last = 0
        """When the last of them leaves."""

    def transmit(self, packet: AnyPacket, size: int, now: int) -> list[Outcome]:
        """Return what becomes of a packet of `size` bytes put on the link at `now` (ns)."""
        if next(self._duplicated):
            if self._is_lost(packet):
                return self._queue(packet, size, now)
            twin = copy(packet)
            return self._queue(packet, size, now) + self._survive(twin, size, now)
        return self._survive(packet, size, now)

    def _survive(self, packet: AnyPacket, size: int, now: int) -> list[Outcome]:
        if self._is_lost(packet):
            return [Outcome(packet, Fate.LOST, now)]
        return self._queue(packet, size, now)

    def _is_lost(self, packet: AnyPacket) -> bool:
        if self._lose is None or not self._lose(packet):
            return False
        if self.model.ecn and packet.tos & 3:
            packet.tos |= 3
            return False
        return True

    def _queue(self, packet: AnyPacket, size: int, now: int) -> list[Outcome]:
        corrupted = next(self._corrupted)
        held = self._held
        while held and held[0] <= now:
            heappop(held)
        if len(held) >= self.model.limit:
            return [Outcome(packet, Fate.REFUSED, now)]
        leaves = now if next(self._hurried) else self._leaves(size, now)
        heappush(held, leaves)
        return [Outcome(packet, Fate.CORRUPTED if corrupted else Fate.ARRIVES, leaves)]

    def _leaves(self, size: int, now: int) -> int:
        """Return when a packet that is delayed leaves, at a rate after the last one held."""
        delay = next(self._delays)
        rate = self.model.rate
        if rate is None:
            leaves = now + delay
        else:
            leaves = max(now + delay, self._last) + rate.duration(size)
            self._last = leaves
        return leaves if self._slots is None else self._slots.leave(leaves, size, now)


def hurried(model: Reorder, draw: Draw) -> Iterator[bool]:
    """Yield for each packet whether it is sent at once, past those delayed."""
    chance = events(model.chance, draw)
    delayed = 0
    while True:
        hurry = delayed >= model.gap - 1 and next(chance)
        delayed = 0 if hurry else delayed + 1
        yield hurry


class Slots:
    """The slots of a link: packets wait for the next, and at most so many share one."""

    def __init__(self, model: Slot, draw: Draw) -> None:
        self._model = model
        self._delays = delays(model.delay, draw)
        self._start = 0
        self._packets = self._bytes = 0
        """Left in the slot."""

    def leave(self, ready: int, size: int, now: int) -> int:
        """Return when a packet leaves that is ready at `ready`, if it is looked at from `now` on.

        Packets are asked for in the order in which they leave.
        """
        time = now
        while True:
            if self._start < ready:
                self._open(time)
            if ready <= time and self._start <= time:
                break
            time = max(ready, self._start)
        self._packets -= 1
        self._bytes -= size
        if (self._model.packets and not self._packets) or (self._model.size and self._bytes <= 0):
            self._open(time)
        return time

    def _open(self, time: int) -> None:
        self._start = time + next(self._delays)
        self._packets, self._bytes = self._model.packets, self._model.size
