"""TCP Fast Open as a client (RFC 7413): data in the SYN, on the strength of a server's cookie.

The cookie is kept with what the host knows of the peer.  Kernel measurement E11.  Left out:
blackhole detection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.packet import Packet
from sim.tcp import sending
from sim.tcp.seq import MASK

if TYPE_CHECKING:
    from sim.tcp.connection import Connection

CLIENT, WITHOUT_COOKIE = 1, 4
"""Bits of net.ipv4.tcp_fastopen."""

OPTIONS_LENGTH = 40
"""Bytes of options that a SYN with data is reckoned to have (RFC 9293 3.1: at most 40)."""


def prepare(c: Connection, data: bytes) -> None:
    """Let the SYN of a connection about to be opened carry data, or ask for a cookie.

    Without a cookie the data waits for the connection.
    """
    bits = c.stack.profile.fastopen
    s = sending.half(c)
    s.buffer += data
    s.pushed = (c.iss + 1 + len(data)) & MASK
    if not bits & CLIENT:
        return
    known = c.peer.cookie
    c.options = c.peer.with_fast_open(c.options, known)
    if known or bits & WITHOUT_COOKIE:
        taken = min(len(data), c.mss - OPTIONS_LENGTH)
        c.snd_nxt = (c.iss + 1 + taken) & MASK
        s.recover = c.snd_nxt
        c.stack.counters["TcpExtTCPFastOpenActive"] += 1


def answered(c: Connection, segment: Packet) -> None:
    """Take the cookie of a SYN-ACK, and note whether the SYN's data was taken."""
    if c.options.fastopen is None:
        return
    options = segment.options
    if options is not None and options.fastopen:
        c.peer.cookie = options.fastopen
    if c.snd_nxt != (c.iss + 1) & MASK and segment.ack != c.snd_nxt:
        c.stack.counters["TcpExtTCPFastOpenActiveFail"] += 1
