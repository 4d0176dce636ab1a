"""TCP Fast Open as a client (RFC 7413): data in the SYN, on the strength of a server's cookie.

The cookie is kept with what the host knows of the peer.  Kernel measurement E11.  Left out:
blackhole detection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.packet import Packet, SynOptions
from sim.tcp import sending
from sim.tcp.header import EXPERIMENT
from sim.tcp.seq import MASK

if TYPE_CHECKING:
    from sim.tcp.connection import Connection
    from sim.tcp.peer import Peer
    from sim.tcp.profile import Profile
    from sim.tcp.sending import Sending
    from sim.tcp.settings import Settings

CLIENT: Final = 1
WITHOUT_COOKIE: Final = 4
"""Bits of net.ipv4.tcp_fastopen."""

COOKIE_LENGTHS: Final = range(4, 17, 2)
"""Bytes that a cookie may have; any other is ignored (RFC 7413 section 4.1.1)."""

OPTIONS_LENGTH: Final = 40
"""Bytes of options that a SYN with data is reckoned to have (RFC 9293 3.1: at most 40)."""


def room(peer: Peer, profile: Profile, settings: Settings) -> int:
    """Return how many bytes the SYN of a connection to be opened may carry."""
    if not profile.fastopen & CLIENT or not (peer.cookie or profile.fastopen & WITHOUT_COOKIE):
        return 0
    limits = peer.mss, settings.maxseg or peer.mss, peer.fastopen_mss or peer.mss
    return max(min(limits) - OPTIONS_LENGTH, 0)


def prepare(c: Connection, data: bytes) -> None:
    """Let the SYN of a connection about to be opened carry data, or ask for a cookie.

    Without a cookie the data waits for the connection.
    """
    profile = c.stack.profile
    s = sending.half(c)
    s.buffer += data
    s.pushed = (c.iss + 1 + len(data)) & MASK
    if not profile.fastopen & CLIENT:
        return
    peer = c.peer
    if not profile.fastopen & WITHOUT_COOKIE:
        write = peer.with_experimental_fast_open if peer.experimental else peer.with_fast_open
        c.options = write(c.options, peer.cookie)
        c.asked = True
    taken = min(len(data), room(c.peer, profile, c.settings))
    if taken:
        c.snd_nxt = s.early = s.recover = (c.iss + 1 + taken) & MASK


def answered(c: Connection, segment: Packet) -> None:
    """Take the cookie of a SYN-ACK, and note whether the SYN's data was taken."""
    options = segment.options
    early = c.snd_nxt != (c.iss + 1) & MASK
    if options is not None and (early or c.asked):
        c.peer.fastopen_mss = max(options.mss, 0)
    if options is not None and c.asked:
        remember_cookie(c, options, early)
    if early:
        c.syn_data = segment.ack == c.snd_nxt
        outcome = "TcpExtTCPFastOpenActive" if c.syn_data else "TcpExtTCPFastOpenActiveFail"
        c.stack.counters[outcome] += 1


def resend(c: Connection, s: Sending, now: int) -> None:
    """Send again what the answer does not cover of the SYN's data, apart from the data behind it.

    It ends in a PSH as it did in the SYN (tcp_send_syn_data of the kernel).
    """
    seq = c.snd_una
    while seq != s.early:
        seq = sending.retransmit(c, s, seq, now)


def remember_cookie(c: Connection, options: SynOptions, early: bool) -> None:
    """Keep a cookie that was asked for; without an answer try the option's other form once."""
    peer = c.peer
    cookie = options.fastopen
    if cookie is not None and len(cookie) in COOKIE_LENGTHS:
        peer.cookie = cookie
        peer.experimental = EXPERIMENT in options.layout
    elif not cookie and not early and not c.total_retransmits and not peer.cookie:
        peer.experimental = not peer.tried_experimental
        peer.tried_experimental = True
