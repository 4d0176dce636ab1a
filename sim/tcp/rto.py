"""The retransmission timeout (RFC 6298).

The estimate is worked out when a timer is set: connections that send no data never pay for it.
Kernel measurement E9: 244 ms after a round trip of 40 ms on Linux, whose least variance term is
200 ms; three seconds (RFC 6298 5.7) when the SYN was sent again and no sample could be taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sim.tcp.connection import Connection

INITIAL: Final = 1_000_000_000
"""RTO before the first sample, ns (RFC 6298 2.1)."""
AFTER_SYN_TIMEOUT: Final = 3_000_000_000
"""RTO when data begins without a sample after the SYN timed out, ns (RFC 6298 5.7)."""


def sample(c: Connection, rtt: int) -> None:
    """Take a round-trip time, ns, into the estimate (RFC 6298 2.2, 2.3)."""
    if not c.srtt:
        c.srtt = rtt
        c.rttvar = rtt // 2
    else:
        c.rttvar += (abs(c.srtt - rtt) - c.rttvar) // 4
        c.srtt += (rtt - c.srtt) // 8


def timeout(c: Connection) -> int:
    """Return the RTO with its backoff, ns, rounded up to the host's tick."""
    profile = c.stack.profile
    if not c.srtt:
        rto = AFTER_SYN_TIMEOUT if c.total_retransmits else INITIAL
    else:
        variance = c.rttvar << 2
        if profile.rto_min_is_variance:
            rto = c.srtt + max(variance, profile.rto_min)
        else:
            rto = max(c.srtt + variance, profile.rto_min)
        tick = profile.wheel.tick or 1
        rto = -(-rto // tick) * tick
    return min((rto << min(c.backoff, 32)) + profile.rto_slop, profile.rto_max)
