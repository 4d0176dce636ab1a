"""SEGMENT ARRIVES (RFC 9293 section 3.10.7), step by step, for each state with a control block.

CLOSED is in `sim.tcp.stack`, LISTEN and the passive SYN-RECEIVED in `sim.tcp.listener`.  Left out:
urgent data and security/compartment; congestion control has modules of its own.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.packet import ACK, FIN, NO_SYN_OPTIONS, NO_TIMESTAMP, RST, SYN, Packet
from sim.tcp.seq import MASK, between, distance
from sim.tcp.states import TRANSITIONS, Event, State

if TYPE_CHECKING:
    from sim.tcp.connection import Connection


def syn_sent(c: Connection, segment: Packet, now: int) -> None:
    """3.10.7.3: the answer to our SYN, or a SYN that crosses it."""
    flags = segment.flags
    # First, check the ACK bit.
    if flags & ACK and not 0 < (segment.ack - c.snd_una) & MASK <= (c.snd_nxt - c.snd_una) & MASK:
        c.stack.reset(segment)
        return
    # Second, check the RST bit.
    if flags & RST:
        if flags & ACK:
            c.fail(errno.ECONNREFUSED, now)
        return
    # Fourth, check the SYN bit.
    if not flags & SYN:
        return
    c.irs = segment.seq
    c.rcv_nxt = (segment.seq + 1) & MASK
    agree_options(c, segment)
    c.snd_wnd = segment.window
    c.snd_wl1 = segment.seq
    c.snd_wl2 = segment.ack
    if not flags & ACK:
        c.state = TRANSITIONS[c.state][Event.RCV_SYN]
        c.stop_timer()
        c.send_syn(now)
        return
    c.snd_una = segment.ack
    c.srtt = now - c.started
    c.retransmits = 0
    timer = c.timer
    if timer is not None:
        timer.cancel()
        c.timer = None
    c.state = TRANSITIONS[c.state][Event.RCV_SYN_ACK]
    c.send(ACK, c.snd_nxt, now)
    user = c.user
    if user is not None:
        user.connected(now)


def agree_options(c: Connection, segment: Packet) -> None:
    """Take from the peer's SYN what both sides offered (RFC 9293 3.7.1, RFC 7323, RFC 2018)."""
    theirs = segment.options or NO_SYN_OPTIONS
    mss, wscale, sack_permitted, _, _ = theirs
    ours = c.options
    if mss < 0:
        mss = DEFAULT_MSS
    c.mss = min(c.mss, mss)
    c.sack_ok = sack_permitted and ours.sack_permitted
    if wscale >= 0 and ours.wscale >= 0:
        c.snd_wscale = wscale if wscale < MAX_WSCALE else MAX_WSCALE
        c.rcv_wscale = ours.wscale
    if c.stack.profile.timestamps:
        c.ts_recent = segment.ts_val


MAX_WSCALE = 14
"""Largest window scale that is used (RFC 7323 section 2.3)."""

DEFAULT_MSS = 536
"""Segment size for a peer that offers none, over IPv4 (RFC 9293 MUST-15)."""


def synchronized(c: Connection, segment: Packet, now: int) -> None:
    """3.10.7.4: every state from SYN-RECEIVED on."""
    flags = segment.flags
    # First, check the sequence number.
    if not acceptable(c, segment):
        if not flags & RST:
            c.send_ack(now)
        return
    if segment.ts_val != NO_TIMESTAMP and c.ts_recent >= 0 and segment.seq == c.rcv_nxt:
        c.ts_recent = segment.ts_val
    # Second, check the RST bit (RFC 5961 section 3: exactly RCV.NXT, else a challenge).
    if flags & RST:
        if segment.seq == c.rcv_nxt:
            reset_arrives(c, now)
        else:
            c.send_ack(now)
        return
    # Fourth, check the SYN bit (RFC 5961 section 4).
    if flags & SYN:
        c.send_ack(now)
        return
    # Fifth, check the ACK field.
    if not flags & ACK or not acknowledge(c, segment, now):
        return
    # Eighth, check the FIN bit.
    if flags & FIN and segment.seq + len(segment.payload) & MASK == c.rcv_nxt:
        fin_arrives(c, now)


def acceptable(c: Connection, segment: Packet) -> bool:
    """Return whether any part of the segment lies in the receive window (table 6)."""
    length = segment.length
    start = distance(c.rcv_nxt, segment.seq)
    if not length:
        return 0 <= start < c.rcv_wnd or start == 0
    end = start + length - 1
    return c.rcv_wnd > 0 and (0 <= start < c.rcv_wnd or 0 <= end < c.rcv_wnd)


def reset_arrives(c: Connection, now: int) -> None:
    """Step two: the peer reset the connection."""
    if c.state == State.TIME_WAIT:
        c.delete(Event.DELETE_TCB)
    elif c.state == State.SYN_RECEIVED:
        c.fail(errno.ECONNREFUSED, now)
    else:
        c.stack.counters["TcpEstabResets"] += 1
        c.fail(errno.EPIPE if c.state == State.CLOSE_WAIT else errno.ECONNRESET, now)


def acknowledge(c: Connection, segment: Packet, now: int) -> bool:
    """Step five; False if the segment is to be dropped."""
    ack = segment.ack
    if c.state == State.SYN_RECEIVED:
        if not between(c.snd_una, ack, c.snd_nxt):
            c.stack.reset(segment)
            return False
        c.move(Event.RCV_ACK_OF_SYN)
        c.snd_una = ack
        c.retransmits = 0
        c.stop_timer()
        if c.user is not None:
            c.user.connected(now)
    elif between(c.snd_nxt, ack, c.snd_nxt + MASK // 2 & MASK):
        c.send_ack(now)
        return False
    elif between(c.snd_una, ack, c.snd_nxt):
        c.snd_una = ack
    c.snd_wnd = segment.window << c.snd_wscale
    return ack != c.snd_nxt or fin_acknowledged(c, segment, now)


def fin_acknowledged(c: Connection, segment: Packet, now: int) -> bool:
    """Go on from FIN-WAIT-1, CLOSING or LAST-ACK when our FIN is acknowledged."""
    state = c.state
    if state == State.FIN_WAIT_1:
        c.stop_timer()
        both = segment.flags & FIN and segment.seq == c.rcv_nxt
        if not both:
            c.move(Event.RCV_ACK_OF_FIN)
    elif state == State.CLOSING:
        c.move(Event.RCV_ACK_OF_FIN)
        c.wait_2msl(now)
    elif state == State.LAST_ACK:
        c.delete(Event.RCV_ACK_OF_FIN)
        return False
    return True


def fin_arrives(c: Connection, now: int) -> None:
    """Step eight: the peer sends no more."""
    state = c.state
    if state in (State.CLOSE_WAIT, State.CLOSING, State.LAST_ACK):
        return
    if state == State.TIME_WAIT:
        c.send_ack(now)
        c.wait_2msl(now)
        return
    c.rcv_nxt = (c.rcv_nxt + 1) & MASK
    if state == State.FIN_WAIT_1 and c.snd_una == c.snd_nxt:
        c.move(Event.RCV_FIN_AND_ACK_OF_FIN)
    else:
        c.move(Event.RCV_FIN)
    c.send_ack(now)
    if c.state == State.TIME_WAIT:
        c.wait_2msl(now)
    if c.user is not None:
        c.user.peer_closed(now)


def unreachable(c: Connection, segment: Packet, now: int) -> None:
    """Raise: CLOSED and LISTEN have no control block."""
    raise AssertionError(f"{c.state} has no control block")


ARRIVES: tuple[Callable[[Connection, Packet, int], None], ...] = (
    unreachable,  # CLOSED
    unreachable,  # LISTEN
    syn_sent,
    *(synchronized,) * (len(State) - 3),
)
"""What takes a segment, by state."""
