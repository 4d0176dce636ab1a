"""The tail loss probe (RFC 8985 section 7), as Linux does it.

Nothing tells a sender of the loss of its last segments but the retransmission timer.  Two round
trips after them it therefore sends one more segment, new data or the last one again: the answer
says what is missing.  Only if that is not answered either does the timeout count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.tcp.seq import HALF, MASK
from sim.units import MS, S

if TYPE_CHECKING:
    from sim.tcp.connection import Connection
    from sim.tcp.sending import Sending

MARGIN: Final = 2 * MS
"""Added to two round trips (TCP_TIMEOUT_MIN_US of the kernel)."""
WITHOUT_SAMPLE: Final = 1 * S
"""When to probe if no round-trip time is known, ns (TCP_TIMEOUT_INIT)."""


def wanted(c: Connection, s: Sending) -> bool:
    """Whether the next timeout is that of a probe: nothing is known to be lost, none is out."""
    return (
        c.stack.profile.tail_loss_probe
        and c.sack_ok
        and s.probed < 0
        and c.snd_una != c.snd_nxt
        and not c.backoff
        and not s.recovering
        and s.resend < 0
        and not s.resent
        and not c.fast_open
    )


def timeout(c: Connection, s: Sending) -> int:
    """Return how long after the last segment to probe, ns.

    A single segment may wait for its acknowledgment as long as the peer delays it.
    """
    if not c.srtt:
        return WITHOUT_SAMPLE
    single = last_segment(c, s) == c.snd_una
    return (c.srtt << 1) + (c.stack.profile.rto_min if single else MARGIN)


def last_segment(c: Connection, s: Sending) -> int:
    """Return where the last segment in flight begins, or what is left of it."""
    return c.snd_una if (c.snd_una - s.last) & MASK < HALF else s.last
