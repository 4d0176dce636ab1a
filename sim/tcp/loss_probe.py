"""The tail loss probe (RFC 8985 section 7), as Linux does it.

Nothing tells a sender of the loss of its last segments but the retransmission timer.  Two round
trips after them it therefore sends one more segment, new data or the last one again: the answer
says what is missing.  Only if that is not answered either does the timeout count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.tcp import sending
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
    single = (c.snd_una - s.last) & MASK < HALF
    return 2 * c.srtt + (c.stack.profile.rto_min if single else MARGIN)


def send(c: Connection, now: int) -> None:
    """Send the probe; the retransmission timer starts anew behind it."""
    s = sending.half(c)
    flight = (c.snd_nxt - c.snd_una) & MASK
    size = min(sending.unsent(c, s), sending.full(c), c.snd_wnd - flight)
    c.stack.counters["TcpExtTCPLossProbes"] += 1
    if size > 0:
        sending.send_new(c, s, size, False, now)
        s.probed = c.snd_nxt
    else:
        s.probed = c.snd_nxt
        partly = (c.snd_una - s.last) & MASK < HALF
        sending.retransmit(c, s, c.snd_una if partly else s.last, now)
    sending.set_timer(c, now)
