"""TCP Fast Open as a server (RFC 7413): a connection that is open before the third segment.

The cookie is a keyed hash of the client's address, so that the server keeps nothing.  Left out: key
rotation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.packet import Packet
from sim.tcp import receiving
from sim.tcp.header import EXPERIMENT
from sim.tcp.isn import address_key
from sim.tcp.request import Request
from sim.tcp.seq import MASK
from sim.tcp.siphash import fastopen_cookie
from sim.tcp.states import State

if TYPE_CHECKING:
    from sim.tcp.listener import Listener

SERVER: Final = 2
WITHOUT_COOKIE: Final = 0x200
ALL_LISTENERS: Final = 0x400
"""Bits of net.ipv4.tcp_fastopen."""


def cookie(listener: Listener, client: str, server: str) -> bytes:
    """Return the cookie that a listener gives to a client's address: eight bytes.

    With a key of the user's it is the one that Linux makes; otherwise only the host knows it.
    """
    stack = listener.stack
    key = listener.settings.fastopen_key or stack.profile.fastopen_key
    if key:
        return fastopen_cookie(key, client, server)
    return address_key(stack.secret, "fastopen", client).to_bytes(8, "big", signed=True)


def offered(listener: Listener, segment: Packet) -> bool:
    """Whether a SYN asks for Fast Open and the listener grants it."""
    options = segment.options
    bits = listener.stack.profile.fastopen
    if options is None or not bits & SERVER:
        return False
    enabled = listener.settings.fastopen or bits & ALL_LISTENERS
    return bool(enabled) and (
        options.fastopen is not None or bool(segment.payload and bits & WITHOUT_COOKIE)
    )


def syn_arrives(listener: Listener, segment: Packet, now: int, isn: int) -> None:
    """Answer a SYN that asks for a cookie, or open a connection at once for one that has it."""
    stack = listener.stack
    assert segment.options is not None
    own = cookie(listener, segment.flow.src, segment.flow.dst)
    theirs = segment.options.fastopen
    valid = theirs == own or bool(stack.profile.fastopen & WITHOUT_COOKIE)
    request = Request(listener, segment, now, isn)
    room = listener.fast_open_pending < max(listener.settings.fastopen, 1)
    if not valid or not room or not stack.has_memory():
        if theirs is not None and not valid:
            peer = request.peer
            experimental = EXPERIMENT in segment.options.layout
            write = peer.with_experimental_fast_open if experimental else peer.with_fast_open
            request.options = write(request.options, own)
            if theirs:
                stack.counters["TcpExtTCPFastOpenPassiveFail"] += 1
            else:
                stack.counters["TcpExtTCPFastOpenCookieReqd"] += 1
        listener.take(request, now)
        return
    open_at_once(listener, request, segment, now)


def open_at_once(listener: Listener, request: Request, segment: Packet, now: int) -> None:
    """Make the connection on the SYN: it may be accepted and answer before the third segment."""
    stack = listener.stack
    stack.reserve_memory()
    connection = request.connection(segment, now)
    connection.state = State.SYN_RECEIVED
    connection.iss = request.iss
    connection.snd_una = request.iss
    connection.snd_nxt = (request.iss + 1) & MASK
    connection.snd_wnd = segment.window
    connection.srtt = connection.rttvar = 0
    stack.connections[request.key] = connection
    stack.counters["TcpExtTCPFastOpenPassive"] += 1
    stack.counters["TcpPassiveOpens"] += 1
    connection.fast_open = True
    connection.syn_data = bool(segment.payload)
    if segment.payload:
        receiving.accept_early(connection, segment.payload)
    connection.send_syn(now)
    connection.start_syn_timer(now)
    listener.enqueue(connection, now)
