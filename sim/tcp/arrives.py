"""SEGMENT ARRIVES (RFC 9293 section 3.10.7), step by step, for each state with a control block.

CLOSED is in `sim.tcp.stack`, LISTEN in `sim.tcp.listener`, the SYN-RECEIVED of a passive open in
`sim.tcp.request`, TIME-WAIT in `sim.tcp.time_wait`.  Also implemented: PAWS (RFC 7323 section 5),
the defences of RFC 5961 against blind resets, SYNs and data.  Left out: urgent data, security and
compartment.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sim.packet import ACK, FIN, NO_SYN_OPTIONS, NO_TIMESTAMP, RST, SYN, Packet
from sim.tcp import fastopen_client, receiving, rto, sending
from sim.tcp.challenge import limited
from sim.tcp.header import TIMESTAMPS
from sim.tcp.peer import TICK
from sim.tcp.seq import HALF, MASK, distance
from sim.tcp.states import Event, State

if TYPE_CHECKING:
    from sim.tcp.connection import Connection

MAX_WSCALE: Final = 14
"""Largest window scale that is used (RFC 7323 section 2.3)."""
PAWS_AGE: Final = 24 * 24 * 3600 * 1_000_000_000
"""After so long without a segment a timestamp proves nothing, ns (RFC 7323 section 5.5)."""


# SYN-SENT, 3.10.7.3


def syn_sent(c: Connection, segment: Packet, now: int) -> None:
    """Process the answer to our SYN, or a SYN that crosses it."""
    flags = segment.flags
    # First, check the ACK bit.
    if flags & ACK and not 0 < (segment.ack - c.snd_una) & MASK <= (c.snd_nxt - c.snd_una) & MASK:
        hurry = c.stack.profile.hurried_syn
        if hurry and not c.retransmits:
            c.stop_timer()
            c.timer = c.stack.timers.start(now, hurry, c.syn_timeout)
        c.stack.reset(segment)
        return
    if segment.ts_ecr and flags & ACK and echoes_other(c, segment, now):
        c.stack.counters["TcpExtPAWSActive"] += 1
        c.stack.reset(segment)
        return
    # Second, check the RST bit.
    if flags & RST:
        if flags & ACK:
            refused(c, now)
        return
    # Fourth, check the SYN bit.
    if not flags & SYN or (flags & FIN and c.stack.profile.drops_syn_fin):
        return
    c.irs = segment.seq
    c.rcv_nxt = (segment.seq + 1) & MASK
    agree_options(c, segment)
    c.snd_wnd = segment.window
    if not flags & ACK:
        crossed(c, segment, now)
    else:
        established_by_answer(c, segment, now)


def crossed(c: Connection, segment: Packet, now: int) -> None:
    """Go from SYN-SENT to SYN-RECEIVED: both sides open at once (MUST-10).

    The timer of the SYN runs on.
    """
    profile = c.stack.profile
    c.move(Event.RCV_SYN)
    if not profile.repeats_offer:
        theirs = segment.options or NO_SYN_OPTIONS
        c.options = c.peer.agreed(c.options, theirs.wscale >= 0, c.sack_ok, c.ts_recent >= 0)
    if segment.payload and profile.keeps_syn_text:
        receiving.keep(c, c.rcv_nxt, segment.payload)
    c.send_syn(now)


def echoes_other(c: Connection, segment: Packet, now: int) -> bool:
    """Return whether a SYN-ACK echoes a timestamp that no SYN of ours had, which Linux resets."""
    profile = c.stack.profile
    if not profile.judges_echo or not profile.timestamps:
        return False
    age = (now // TICK + c.peer.ts_offset - segment.ts_ecr) & MASK
    return age > now // TICK - c.unanswered // TICK


def established_by_answer(c: Connection, segment: Packet, now: int) -> None:
    """Go from SYN-SENT to ESTABLISHED: our SYN is acknowledged."""
    if c.ts_recent >= 0 and segment.ts_ecr:
        # The timestamp tells how long ago the SYN was sent that is answered (RFC 7323 4.1).
        ticks = (now // TICK + c.peer.ts_offset - segment.ts_ecr) & MASK
        rtt = ticks * TICK if c.retransmits else now - c.unanswered
    else:
        rtt = 0 if c.retransmits else now - c.unanswered
    c.srtt = rtt
    c.rttvar = rtt // 2
    c.retransmits = 0
    timer = c.timer
    if timer is not None:
        timer.cancel()
        c.timer = None
    c.move(Event.RCV_SYN_ACK)
    if c.sending is None:
        c.snd_una = segment.ack
        take_early_text(c, segment, now)
        c.send(ACK, c.snd_nxt, now)
    else:
        fastopen_client.answered(c, segment)
        early = c.snd_nxt
        sending.acknowledged(c, segment.ack, now)
        c.sending.fin_sent = False
        take_early_text(c, segment, now)
        rest = sending.unsent(c, c.sending)
        if segment.ack != early:
            fastopen_client.resend(c, c.sending, now)
        elif rest:
            # The user waits to send the rest: what the peer says next is answered with data.
            receiving.half(c).dialogue = True
        sending.output(c, now)
        if segment.ack == early and not rest:
            c.send(ACK, c.snd_nxt, now)
    user = c.user
    if user is not None:
        user.connected(now)


def take_early_text(c: Connection, segment: Packet, now: int) -> None:
    """Take what a SYN-ACK carries; one acknowledgment answers all (RFC 7413 4.2.1)."""
    if not c.asked and not c.stack.profile.keeps_syn_text:
        return
    if segment.payload:
        receiving.accept(c, receiving.half(c), segment.payload)
        if c.user is not None:
            c.user.readable(now)
    if segment.flags & FIN:
        fin_arrives(c, now)


def agree_options(c: Connection, segment: Packet) -> None:
    """Take from the peer's SYN what both sides offered (RFC 9293 3.7.1, RFC 7323, RFC 2018)."""
    mss, wscale, sack_permitted, _, _ = segment.options or NO_SYN_OPTIONS
    ours = c.options
    profile = c.stack.profile
    c.mss = min(c.mss, profile.believed_mss(mss, six=":" in c.key.src))
    if profile.buffer_in_segments:
        c.rcv_wnd = profile.receive_window(c.rcv_wnd, c.mss, c.settings.rcvbuf)
    c.sack_ok = sack_permitted and ours.sack_permitted
    if wscale >= 0 and ours.wscale >= 0:
        c.snd_wscale = wscale if wscale < MAX_WSCALE else MAX_WSCALE
        c.rcv_wscale = ours.wscale
    if TIMESTAMPS in ours.layout:
        c.ts_recent = segment.ts_val


def refused(c: Connection, now: int) -> None:
    """Take a RST that answers our SYN: most systems fail at once, Windows tries again."""
    profile = c.stack.profile
    if c.total_retransmits < profile.refused_retries:
        c.stop_timer()
        c.timer = c.stack.timers.start(now, profile.refused_wait, c.syn_timeout)
        return
    c.fail(errno.ECONNREFUSED, now)


# Every state from SYN-RECEIVED on, 3.10.7.4


def synchronized(c: Connection, segment: Packet, now: int) -> None:
    """Process a segment once the peer's sequence numbers are known."""
    flags = segment.flags
    if not flags & (ACK | RST | SYN):
        return
    # First, check the sequence number; old timestamps first (PAWS).
    if is_old(c, segment) and not flags & RST:
        if flags & SYN:
            challenge(c, now)
            return
        c.stack.counters["TcpExtPAWSEstab"] += 1
        if segment.length or not limited(c, now):
            c.send_ack(now)
        return
    if not acceptable(c, segment):
        if flags & SYN and not flags & RST:
            judge_syn(c, segment, now)
        elif not flags & RST and (segment.length or not limited(c, now)):
            c.send_ack(now)
        return
    # Second, check the RST bit.
    if flags & RST:
        judge_reset(c, segment, now)
        return
    # Fourth, check the SYN bit; a SYN-ACK may end a simultaneous open.
    if flags & SYN and not completes_simultaneous_open(c, segment):
        judge_syn(c, segment, now)
        return
    # Fifth, check the ACK field.
    if acknowledge(c, segment, now):
        after_acknowledgment(c, segment, now, flags & SYN and 1)


def is_old(c: Connection, segment: Packet) -> bool:
    """Return whether a timestamp shows that the segment is an old duplicate (RFC 7323 5.3)."""
    return (
        c.ts_recent > 0
        and segment.ts_val != NO_TIMESTAMP
        and (segment.ts_val - c.ts_recent) & MASK >= HALF
    )


def acceptable(c: Connection, segment: Packet) -> bool:
    """Return whether any part of the segment lies in the receive window (table 6).

    As in Linux, a segment that ends at RCV.NXT still counts: it may carry an acknowledgment.
    """
    start = distance(c.rcv_nxt, segment.seq)
    return start + segment.length >= 0 and start <= c.rcv_wnd


def before_edge(c: Connection, segment: Packet) -> bool:
    """Return whether an acceptable segment begins before the window's right edge."""
    return distance(c.rcv_nxt, segment.seq) < c.rcv_wnd


def challenge(c: Connection, now: int) -> None:
    """Send a challenge ACK (RFC 5961), unless one was sent just now."""
    if not limited(c, now):
        c.stack.counters["TcpExtTCPChallengeACK"] += 1
        c.send(ACK, c.snd_nxt, now)


def completes_simultaneous_open(c: Connection, segment: Packet) -> bool:
    """Return whether this is the SYN-ACK of a peer that opened at the same time (figure 8)."""
    return (
        c.state == State.SYN_RECEIVED
        and bool(segment.flags & ACK)
        and segment.seq == c.irs
        and segment.ack == c.snd_nxt
    )


def judge_reset(c: Connection, segment: Packet, now: int) -> None:
    """Believe a RST at exactly RCV.NXT; challenge another (RFC 5961 section 3)."""
    profile = c.stack.profile
    if segment.seq == c.rcv_nxt or (profile.insecure_rst and before_edge(c, segment)):
        reset_arrives(c, now)
    elif not profile.resets_before_edge or before_edge(c, segment):
        challenge(c, now)


def judge_syn(c: Connection, segment: Packet, now: int) -> None:
    """Challenge a SYN (RFC 5961 section 4), or answer a repeated one that Fast Open has taken."""
    if c.fast_open and c.state == State.SYN_RECEIVED and segment.seq == c.irs:
        c.send_syn(now)
    elif c.stack.profile.insecure_syn and 0 <= distance(c.rcv_nxt, segment.seq) < c.rcv_wnd:
        c.send_reset(now)
        reset_arrives(c, now)
    else:
        challenge(c, now)


def reset_arrives(c: Connection, now: int) -> None:
    """Step two: the peer has reset the connection."""
    profile = c.stack.profile
    number = errno.ECONNRESET
    if c.state == State.SYN_RECEIVED and profile.refuses_in_syn_received:
        number = errno.ECONNREFUSED
    elif c.state == State.CLOSE_WAIT and profile.pipe_in_close_wait:
        number = errno.EPIPE
    c.fail(number, now)


def acknowledge(c: Connection, segment: Packet, now: int) -> bool:
    """Step five: take the acknowledgment and the window; False if the segment is to be dropped."""
    if not segment.flags & ACK:
        return False
    ack = segment.ack
    ahead = distance(c.snd_nxt, ack)
    fresh = distance(c.snd_una, ack)
    if c.state == State.SYN_RECEIVED:
        if fresh <= 0 or ahead > 0:
            c.stack.reset(segment)
            return False
        syn_acknowledged(c, segment, now)
    elif ahead > 0 or fresh < -(c.rcv_wnd + 65535 << c.snd_wscale):
        # RFC 5961 section 5: never sent, or too old.
        if c.stack.profile.answers_unsent_ack or c.state != State.ESTABLISHED:
            challenge(c, now)
        return False
    if (
        segment.ts_val != NO_TIMESTAMP
        and c.ts_recent >= 0
        and distance(c.rcv_nxt, segment.seq) <= 0
    ):
        c.ts_recent = segment.ts_val
    if fresh < 0:
        return True
    window = segment.window << c.snd_wscale
    if fresh > 0:
        c.snd_wnd = window
        if c.sending is None:
            c.snd_una = ack
        else:
            sending.acknowledged(c, ack, now)
    elif (
        c.sending is not None
        and not segment.length
        and (window == c.snd_wnd or segment.sack)
        and c.snd_una != c.snd_nxt
    ):
        sending.duplicate(c, segment.sack, now)
    c.snd_wnd = window
    return True


def syn_acknowledged(c: Connection, segment: Packet, now: int) -> None:
    """Go from SYN-RECEIVED to ESTABLISHED, or on to where the user has gone meanwhile."""
    if not c.retransmits and not c.total_retransmits:
        rto.sample(c, now - c.unanswered)
    c.stop_timer()
    c.retransmits = 0
    c.snd_wnd = segment.window << c.snd_wscale
    c.move(Event.RCV_ACK_OF_SYN)
    if segment.flags & SYN:
        c.send_ack(now)
    if c.user is not None:
        c.user.connected(now)
    if c.receiving is not None and c.receiving.gaps:
        receiving.opened(c, c.receiving, now)


def after_acknowledgment(c: Connection, segment: Packet, now: int, syn: int) -> None:
    """Go on behind the acknowledgment, steps five to eight; `syn`: 1 if the segment has a SYN."""
    if c.sending is not None and fin_acknowledged(c, segment, now):
        return
    # Seventh, process the segment text.  Eighth, check the FIN bit.
    fin = bool(segment.flags & FIN)
    if segment.payload or fin or (c.receiving is not None and c.receiving.gaps):
        if c.orphan and segment.payload and not c.peer_closed and data_refused(c, segment):
            return
        if not c.peer_closed:
            seq = (segment.seq + syn) & MASK
            if segment.payload or (fin and seq != c.rcv_nxt):
                fin = receiving.text(c, seq, segment.payload, fin, now)
            if fin:
                fin_arrives(c, now)
        else:
            c.send_ack(now)
    if c.sending is not None and c.state != State.CLOSED:
        sending.output(c, now)
        if c.user is not None and sending.writable(c):
            c.user.writable(now)


def data_refused(c: Connection, segment: Packet) -> bool:
    """Reset a connection whose user has closed and does not want the data (RFC 9293 MAY-1)."""
    if distance(c.rcv_nxt, segment.seq + len(segment.payload)) <= 0:
        return False
    c.stack.counters["TcpExtTCPAbortOnData"] += 1
    c.stack.reset(segment)
    c.delete(Event.DELETE_TCB)
    return True


def fin_acknowledged(c: Connection, segment: Packet, now: int) -> bool:
    """Go on from FIN-WAIT-1, CLOSING or LAST-ACK once our FIN is acknowledged; True at the end."""
    assert c.sending is not None
    if not c.sending.fin_sent or c.snd_una != c.snd_nxt:
        return False
    state = c.state
    if state == State.FIN_WAIT_1:
        if not (segment.flags & FIN and segment.seq + len(segment.payload) & MASK == c.rcv_nxt):
            c.move(Event.RCV_ACK_OF_FIN)
            if not segment.payload:
                c.orphaned(now)
                return c.orphan
    elif state == State.CLOSING:
        c.move(Event.RCV_ACK_OF_FIN)
        c.wait_2msl(now)
        return True
    elif state == State.LAST_ACK:
        c.delete(Event.RCV_ACK_OF_FIN)
        return True
    return False


def fin_arrives(c: Connection, now: int) -> None:
    """Step eight: the peer sends no more."""
    c.rcv_nxt = (c.rcv_nxt + 1) & MASK
    c.peer_closed = True
    user = c.user
    acknowledged = c.sending is not None and c.sending.fin_sent and c.snd_una == c.snd_nxt
    if c.state == State.FIN_WAIT_1 and acknowledged:
        c.move(Event.RCV_FIN_AND_ACK_OF_FIN)
    else:
        c.move(Event.RCV_FIN)
    if c.state == State.CLOSE_WAIT:
        receiving.acknowledge_fin(c, now)
    else:
        c.send_ack(now)
    if c.state == State.TIME_WAIT:
        c.wait_2msl(now)
    if user is not None:
        user.readable(now)
