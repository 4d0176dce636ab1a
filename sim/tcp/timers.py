"""Retransmission schedules and timer rounding, as data.

RFC 6298 (initial RTO and doubling), RFC 9293 section 3.8.3 (R2), and what kernels do: Linux's
linear phase and its give-up rule (kernel measurement E1), the deadlines of Windows and the BSDs,
and the rounding of timers (FACTS: the timer wheel).
"""

from __future__ import annotations

from dataclasses import dataclass

NEVER = 1 << 62
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
    levels: tuple[tuple[int, int], ...] = ()

    def deadline(self, phase: int, now: int, timeout: int) -> int:
        """Return when a timer of `timeout` ns started at `now` expires, ns.

        `phase` is how far the host's clock was, in ns, when the simulation began.

        >>> Wheel(4_000_000, ((63, 0), (504, 3))).deadline(0, 0, 1_000_000_000)
        1024000000
        """
        tick = self.tick
        if not tick:
            return now + timeout
        ticks = -(-timeout // tick)
        shift = 0
        for limit, level in self.levels:
            shift = level
            if ticks < limit:
                break
        return (((((now + phase) // tick + ticks) >> shift) + 1) << shift) * tick - phase


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
    """Whether it also ends once (2 ** (retries + 1) - 1) * initial has passed."""
    deadline: int = NEVER
    """The whole attempt is cut off this long after its start, ns, whatever the schedule says."""
    longest: int = 120_000_000_000
    """No wait is longer than this, ns."""

    def wait(self, retransmits: int) -> int:
        """Return the wait after the transmission that followed `retransmits` others, ns.

        >>> [Backoff(1, retries=6, linear=4).wait(n) for n in range(8)]
        [1, 1, 1, 1, 1, 2, 4, 8]
        """
        doublings = retransmits - self.linear
        if doublings <= 0:
            return self.initial
        return min(self.initial << min(doublings, 40), self.longest)

    def gives_up(self, retransmits: int, elapsed: int) -> bool:
        """Whether a timer that expires after `retransmits` retransmissions is the last one.

        `elapsed` is the time since the first transmission, ns.
        """
        return (
            retransmits >= self.retries + self.linear
            or elapsed >= self.deadline
            or (self.elapsed_limit and elapsed >= ((2 << self.retries) - 1) * self.initial)
        )

    def waits(self) -> list[int]:
        """Return every wait of an attempt that nobody answers, before rounding, ns.

        >>> Backoff(1, retries=6, linear=4, elapsed_limit=True).waits()
        [1, 1, 1, 1, 1, 2, 4, 8, 16, 32, 64]
        """
        waits: list[int] = []
        elapsed = 0
        while True:
            waits.append(min(self.wait(len(waits)), self.deadline - elapsed))
            elapsed += waits[-1]
            if self.gives_up(len(waits) - 1, elapsed):
                return waits
