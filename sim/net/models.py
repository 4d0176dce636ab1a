"""What a link can do to packets, as data: each model with its parameters and its long-run mean.

The vocabulary is that of `tc netem`; `sim.net.netem` reads its text and `sim.net.impairments`
does what the models say.

Where the manual of netem and the arithmetic of its kernel module differ, the manual holds: with a
correlation the rates and distributions remain what they are without one.  (The kernel's recursion
narrows its random numbers, so that rare losses become rarer by far, and its modulo then takes the
correlation of delays away.)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sim.net.distributions import Distribution, named
from sim.units import S


@dataclass(frozen=True, slots=True)
class Chance:
    """Something that happens to each packet with `probability`, in runs if correlated.

    With `correlation` c a packet meets the fate of the one before it with probability c and a
    fresh draw otherwise.  So the share of packets is `probability` whatever the correlation, the
    lag-1 correlation is c, and runs have a mean length of 1 / ((1 - c) (1 - probability)).
    """

    probability: float
    correlation: float = 0.0

    @property
    def mean(self) -> float:
        """Long-run share of packets."""
        return self.probability

    @property
    def mean_run(self) -> float:
        """Mean number of packets in a row."""
        remain = (1 - self.correlation) * (1 - self.probability)
        return 1 / remain if remain else float("inf")


@dataclass(frozen=True, slots=True)
class GilbertElliott:
    """Loss by a chain of a good and a bad state: `loss gemodel P [R [1-H [1-K]]]`.

    Each packet is lost with the probability of the state that it finds (`good_loss` is 1-K,
    `bad_loss` 1-H); the state changes for the next packet.
    """

    to_bad: float
    to_good: float
    bad_loss: float = 1.0
    good_loss: float = 0.0

    @property
    def mean(self) -> float:
        """Long-run share of packets lost."""
        if not self.to_bad:
            return self.good_loss
        bad = self.to_bad / (self.to_bad + self.to_good)
        return bad * self.bad_loss + (1 - bad) * self.good_loss

    @property
    def mean_stay(self) -> float:
        """Mean number of packets that meet the bad state in a row."""
        return 1 / self.to_good if self.to_good else float("inf")


@dataclass(frozen=True, slots=True)
class FourState:
    """Loss by a chain of four states: `loss state P13 [P31 [P32 [P23 [P14]]]]`.

    1: received in a gap between bursts, 2: received in a burst, 3: lost in a burst, 4: lost
    alone, which 1 always follows.  A packet meets the state that the chain moves to with it.
    """

    p13: float
    p31: float
    p32: float = 0.0
    p23: float = 1.0
    p14: float = 0.0

    @property
    def mean(self) -> float:
        """Long-run share of packets lost: of the chain's time in states 3 and 4."""
        p13, p31 = min(self.p13, 1 - self.p14), min(self.p31, 1 - self.p32)
        if not p13:
            return self.p14 / (1 + self.p14)
        if self.p32 and not self.p23:
            return 0.0
        received_in_burst = self.p32 / self.p23 if self.p32 else 0.0
        if not p31:
            return 1 / (1 + received_in_burst)
        lost_in_burst = p13 / p31
        lost = lost_in_burst + self.p14
        return lost / (1 + lost + lost_in_burst * received_in_burst)


@dataclass(frozen=True, slots=True)
class LossTrace:
    """Loss as it was seen once: True for each packet lost; from the end it begins again.

    Raises ValueError for a trace of no packets.
    """

    fates: tuple[bool, ...]

    def __post_init__(self) -> None:
        """Refuse a trace of no packets."""
        if not self.fates:
            raise ValueError("a trace of losses needs at least one packet")

    @property
    def mean(self) -> float:
        """Share of packets lost."""
        return sum(self.fates) / len(self.fates)


Loss = Chance | GilbertElliott | FourState | LossTrace


@dataclass(frozen=True, slots=True)
class Delay:
    """A delay of `latency` + `jitter` x a draw of `distribution`, at least `least`, all in ns.

    With `correlation` c a packet has the delay of the one before it with probability c, which
    leaves the distribution as it is and makes the lag-1 correlation c.
    """

    latency: int = 0
    jitter: int = 0
    correlation: float = 0.0
    distribution: Distribution = field(default_factory=lambda: named("uniform"))
    least: int = 0
    """Negative where the delay of the link, which is added, may become less."""

    @property
    def mean(self) -> float:
        """Mean in ns, if the jitter never asks for less than `least`."""
        return self.latency + self.jitter * self.distribution.mean


@dataclass(frozen=True, slots=True)
class Reorder:
    """Of `gap` packets the last is sent at once, past those delayed, with `chance`."""

    chance: Chance
    gap: int = 1

    @property
    def mean(self) -> float:
        """Long-run share of packets sent at once, the chance being uncorrelated."""
        return self.chance.probability / (1 + (self.gap - 1) * self.chance.probability)


@dataclass(frozen=True, slots=True)
class Rate:
    """Serialisation at `bitrate` (bit/s); overheads and cell size in bytes, as for ATM."""

    bitrate: int
    packet_overhead: int = 0
    cell_size: int = 0
    cell_overhead: int = 0

    def duration(self, size: int) -> int:
        """Return the ns that a packet of `size` bytes takes, in whole cells if there are cells."""
        size += self.packet_overhead
        if self.cell_size:
            size = -(-size // self.cell_size) * (self.cell_size + self.cell_overhead)
        return max(0, size) * 8 * S // self.bitrate


@dataclass(frozen=True, slots=True)
class Slot:
    """Packets leave together at slots, `delay` (ns) apart, so many packets or bytes in each."""

    delay: Delay
    packets: int = 0
    """Packets a slot; 0: any number."""
    size: int = 0
    """Bytes a slot; 0: any number."""


NO_LIMIT: Final = 2**32 - 1
"""The largest limit that netem can be given."""


@dataclass(frozen=True, slots=True)
class Netem:
    """All that one netem text says; None where it says nothing."""

    delay: Delay = field(default_factory=Delay)
    loss: Loss | None = None
    ecn: bool = False
    """Packets that can carry the mark "congestion experienced" are marked instead of lost."""
    duplicate: Chance | None = None
    corrupt: Chance | None = None
    reorder: Reorder | None = None
    rate: Rate | None = None
    limit: int = 1000
    """Packets that may be delayed at a time; more are dropped."""
    slot: Slot | None = None
    seed: int | None = None
