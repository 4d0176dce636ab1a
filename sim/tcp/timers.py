"""Retransmission schedules and timer rounding, as data.

RFC 6298 (initial RTO and doubling), RFC 9293 section 3.8.3 (R2), and what kernels do: Linux's
linear phase and its give-up rule (kernel measurement E1), the deadlines of Windows and the BSDs,
and the rounding of timers (FACTS: the timer wheel).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from sim.timers import Rounding

NEVER: Final = 1 << 62
"""A time that no simulation reaches, ns."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """How a host's clock rounds a timer up.

    A timeout of fewer than `limit` ticks expires at
    `(((now + timeout) >> shift) + 1) << shift` ticks, for the first (limit, shift) that fits.
    `tick` 0: timers are exact.
    """

    tick: int
    """Length of a tick, ns."""
    levels: tuple[tuple[int, int], ...] = ((NEVER, 0),)

    def rounding(self, phase: int, timeout: int) -> Rounding:
        """Return how timers of `timeout` ns are rounded.

        `phase` is how far the host's clock was, in ns, when the simulation began.

        >>> Wheel(4_000_000, ((63, 0), (504, 3))).rounding(0, 1_000_000_000).deadline(0)
        1024000000
        """
        tick = self.tick
        if not tick:
            return Rounding(0, timeout)
        ticks = -(-timeout // tick)
        shift = next((s for limit, s in self.levels if ticks < limit), self.levels[-1][1])
        return Rounding(tick, ticks, shift, phase)


@dataclass(frozen=True, slots=True)
class Backoff:
    """A schedule of (re)transmissions and when to give up."""

    initial: int
    """Wait after the first transmission, ns."""
    retries: int
    """Retransmissions in the exponential phase, as tcp_syn_retries counts them."""
    linear: int = 0
    """Retransmissions that wait `initial` each before doubling begins (tcp_syn_linear_timeouts)."""
    elapsed_limit: bool = False
    """Whether it also ends once so much has passed as doubling alone takes for `retries`: of 1 s,
    2 ** (retries + 1) - 1 seconds (tcp_model_timeout)."""
    deadline: int = NEVER
    """The whole attempt is cut off this long after its start, ns, whatever the schedule says."""
    longest: int = 120_000_000_000
    """No wait is longer than this, ns."""
    slop: int = 0
    """Added to every wait but the first, ns (FreeBSD: net.inet.tcp.rexmit_slop)."""
    limit: int = field(init=False)
    """It ends with the timer that expires this long after the start or later, ns."""
    waits: tuple[int, ...] = field(init=False)
    """The wait after each transmission of an attempt that nobody answers, before rounding, ns.

    >>> Backoff(1, retries=6, linear=4, elapsed_limit=True).waits
    (1, 1, 1, 1, 1, 2, 4, 8, 16, 32, 64)
    """

    def __post_init__(self) -> None:
        limit = self.deadline
        if self.elapsed_limit:
            doubling = (self.initial << n for n in range(self.retries + 1))
            limit = min(limit, sum(min(wait, self.longest) for wait in doubling))
        waits: list[int] = []
        elapsed = 0
        while len(waits) <= self.retries + self.linear and elapsed < limit:
            wait = min(self.wait(len(waits)), self.deadline - elapsed)
            waits.append(wait)
            elapsed += wait
        object.__setattr__(self, "limit", limit)
        object.__setattr__(self, "waits", tuple(waits))

    def wait(self, retransmissions: int) -> int:
        """Return the wait after so many retransmissions, ns, whether or not it comes to that."""
        doublings = min(max(retransmissions - self.linear, 0), 40)
        slop = self.slop if retransmissions else 0
        return min((self.initial << doublings) + slop, self.longest)

    def limited(self, retries: int = 0, deadline: int = 0) -> Backoff:
        """Return the schedule with a user's own limits, TCP_SYNCNT and TCP_KEEPINIT; 0: none."""
        if not retries and not deadline:
            return self
        return replace(self, retries=retries or self.retries, deadline=deadline or self.deadline)

    def gives_up(self, retransmits: int, elapsed: int) -> bool:
        """Whether a timer that expires after `retransmits` retransmissions is the last one.

        `elapsed` is the time since the first transmission, ns.
        """
        return retransmits + 1 >= len(self.waits) or elapsed >= self.limit
