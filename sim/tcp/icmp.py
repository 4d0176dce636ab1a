"""What an ICMP error does to a connection (RFC 9293 section 3.9.2.2, RFC 5927, RFC 1191).

Linux aborts a connect() on nearly every error (kernel measurement E4), the RFC only on hard ones;
an established connection keeps the error in mind, and reports it if it fails later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.packet import Packet
from sim.tcp import sending
from sim.tcp.errors import FRAGMENTATION_NEEDED, TOO_BIG_V6, UNREACHABLE, icmp_errno
from sim.tcp.seq import MASK
from sim.tcp.states import State

if TYPE_CHECKING:
    from sim.tcp.connection import Connection

HEADERS: Final = 40
"""Bytes of an IPv4 and a TCP header without options."""
IPV6_EXCESS: Final = 20
"""Bytes by which an IPv6 header is longer."""
MIN_MTU: Final = 68 + HEADERS
"""A smaller MTU is not believed (RFC 791: every link takes 68 bytes)."""
MIN_MTU_V6: Final = 1280
"""The same for IPv6 (RFC 8200 section 5)."""


def icmp_arrives(c: Connection, kind: int, code: int, quoted: Packet, mtu: int, now: int) -> None:
    """Process an ICMP error about a segment of ours; one that was never sent is ignored."""
    profile = c.stack.profile
    unsent = (c.snd_nxt - c.snd_una + profile.icmp_of_acks) & MASK
    if (quoted.seq - c.snd_una) & MASK >= unsent:
        c.stack.counters["TcpExtOutOfWindowIcmps"] += 1
        return
    six = ":" in c.key.src
    if kind == TOO_BIG_V6 if six else (kind, code) == (UNREACHABLE, FRAGMENTATION_NEEDED):
        packet_too_big(c, mtu, now)
        return
    number = 0
    if c.state in (State.SYN_SENT, State.SYN_RECEIVED):
        number = profile.connect_errors(kind, code, six=six)
    if number:
        c.fail(number, now)
    else:
        c.soft_error = icmp_errno(kind, code, six=six) or c.soft_error


def packet_too_big(c: Connection, mtu: int, now: int) -> None:
    """Send smaller segments to this peer from now on (RFC 1191)."""
    six = ":" in c.key.src
    mss = mtu - HEADERS - (IPV6_EXCESS if six else 0)
    if mtu < (MIN_MTU_V6 if six else MIN_MTU) or mss >= c.peer.mss:
        return
    c.peer.shrink(mss)
    c.mss = min(c.mss, mss)
    if c.state == State.SYN_SENT:
        c.options = c.options._replace(mss=min(c.options.mss, mss))
        if c.snd_nxt != (c.iss + 1) & MASK:
            # The SYN's data did not fit: a plain SYN goes out at once (tcp_simple_retransmit).
            c.total_retransmits += 1
            c.withdraw_fast_open()
            c.send_syn(now)
    elif c.sending is not None and c.snd_una != c.snd_nxt:
        c.sending.resend = c.snd_una
        c.sending.recover = c.snd_nxt
        sending.output(c, now)
