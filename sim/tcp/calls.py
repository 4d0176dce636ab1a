"""What a user asks of a connection: SEND, RECEIVE, CLOSE, ABORT (RFC 9293 3.10.2 to 3.10.6).

As on a BSD host, shutdown() is the RFC's CLOSE and close() also gives the socket up: what the peer
sends after that is refused.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sim.tcp import receiving, sending
from sim.tcp.errors import os_error
from sim.tcp.seq import MASK
from sim.tcp.states import Event, State

if TYPE_CHECKING:
    from sim.tcp.connection import Connection

CLOSABLE: Final = (State.SYN_RECEIVED, State.ESTABLISHED, State.CLOSE_WAIT)


def send(c: Connection, data: bytes, now: int, more: bool = False) -> int:
    """SEND: queue data; returns how many bytes the buffer took.

    `more`: a segment that is not full waits for what follows, and is not pushed.
    Raises OSError: EPIPE if this side has closed, ENOTCONN before the connection is opened.
    """
    if not sending.may_send(c.state) or (c.sending is not None and c.sending.fin):
        raise os_error(errno.EPIPE)
    if data and c.receiving is not None:
        c.receiving.dialogue = True
    taken = 0
    while taken < len(data) and (room := sending.room(c)):
        s = sending.half(c)
        s.buffer += data[taken : taken + room]
        taken = min(taken + room, len(data))
        s.more = more or taken < len(data)
        if not s.more:
            s.pushed = (sending.start(c) + len(s.buffer)) & MASK
        if c.state in (State.ESTABLISHED, State.CLOSE_WAIT) or c.fast_open:
            sending.output(c, now)
    return taken


def shutdown(c: Connection, now: int) -> None:
    """CLOSE: send no more; a FIN follows what is queued."""
    if c.state in CLOSABLE:
        s = sending.half(c)
        s.fin = True
        c.move(Event.CLOSE)
        sending.output(c, now)


def close(c: Connection, now: int) -> None:
    """Give the connection up: close it, or reset it if data was lost by that.

    SO_LINGER 0 resets it, and so does data that nobody has read (RFC 2525 2.17), or a host that
    has too many such connections already (tcp_max_orphans).
    """
    c.user = None
    stack = c.stack
    counters = stack.counters
    if c.state in (State.CLOSED, State.TIME_WAIT):
        return
    c.orphan = True
    stack.orphans += 1
    if c.state == State.SYN_SENT:
        c.delete(Event.DELETE_TCB)
    elif c.receiving is not None and c.receiving.buffer:
        counters["TcpExtTCPAbortOnClose"] += 1
        abort(c, now)
    elif c.settings.linger == 0:
        counters["TcpExtTCPAbortOnData"] += 1
        abort(c, now)
    else:
        shutdown(c, now)
        c.orphaned(now)
        if stack.orphans > stack.profile.max_orphans and stack.connections.get(c.key) is c:
            counters["TcpExtTCPAbortOnMemory"] += 1
            abort(c, now)


def abort(c: Connection, now: int) -> None:
    """ABORT: tell the peer with a RST and delete the control block."""
    if c.state not in (State.CLOSED, State.SYN_SENT):
        c.send_reset(now)
    if c.state != State.CLOSED:
        c.delete(Event.DELETE_TCB)


def receive(c: Connection, count: int, now: int) -> bytes | None:
    """RECEIVE: take up to `count` bytes; b"" at the end of the stream, None if there is none yet.

    Raises OSError with the errno that ended the connection, once.
    """
    if c.receiving is not None and c.receiving.buffer:
        return receiving.read(c, count, now)
    if c.error:
        number, c.error = c.error, 0
        raise os_error(number)
    if c.peer_closed or c.state == State.CLOSED:
        return b""
    return None
