"""How often a host answers segments that are out of order.

Challenge ACKs (RFC 5961 section 7) and acknowledgments of segments outside the window are limited
for each connection: one in `invalid_ratelimit` (Linux: net.ipv4.tcp_invalid_ratelimit, 500 ms).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from sim.tcp.stack import Stack

NEVER_YET: Final = -(1 << 62)
"""Before the first answer."""


class Answering(Protocol):
    """A control block that remembers when it last answered."""

    stack: Stack
    answered: int


def limited(control: Answering, now: int, state: str = "Challenge") -> bool:
    """Whether an answer is held back; if not, the time of this one is kept.

    `state` ends the name of the counter (TCPACKSkippedSynRecv...).
    """
    if now - control.answered < control.stack.profile.invalid_ratelimit:
        control.stack.counters[f"TcpExtTCPACKSkipped{state}"] += 1
        return True
    control.answered = now
    return False
