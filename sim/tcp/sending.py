"""The sending half of a connection: its buffer, the window, congestion control, retransmission.

Implements SEND's queue, the sliding window with Nagle's algorithm and zero-window probes (RFC 9293
sections 3.7.4, 3.8.4, 3.8.6), NewReno with an initial window of ten segments (RFC 5681, 6582,
6928), and the retransmission timer (RFC 6298); the tail loss probe is in `sim.tcp.loss_probe`.
SACK blocks tell that a segment was lost, not yet which other ones.  Left out, on purpose: pacing,
and any other congestion control; connections are what this simulator is about.

A connection that never sends data has no `Sending`; `half(c)` makes it.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from sim.packet import ACK, FIN, PSH
from sim.tcp import loss_probe, rto
from sim.tcp.peer import TIMESTAMPS_LENGTH
from sim.tcp.seq import HALF, MASK
from sim.tcp.states import State

if TYPE_CHECKING:
    from sim.tcp.connection import Connection

LONGEST_BURST: Final = 65535
"""Bytes that are handed down at once at most (GSO_MAX_SIZE of the kernel, near enough)."""
DUPLICATES: Final = 3
"""Duplicate ACKs that start fast retransmit (RFC 5681 3.2)."""


class Sending:
    """What waits to be sent and to be acknowledged.

    `buffer` begins with the byte at snd_una (SYN apart); what lies before snd_nxt has been sent.
    """

    __slots__ = (
        "buffer",
        "cwnd",
        "duplicates",
        "early",
        "fin",
        "fin_sent",
        "last",
        "more",
        "probed",
        "pushed",
        "recover",
        "recovering",
        "resend",
        "resent",
        "small",
        "ssthresh",
        "timed",
        "timed_at",
    )

    def __init__(self, c: Connection) -> None:
        self.buffer = bytearray()
        self.early = -1
        """End of the data that the SYN has carried (RFC 7413), -1: it carried none."""
        self.fin = False
        """Whether the user has closed: a FIN follows the data."""
        self.fin_sent = False
        self.more = False
        """Whether the user said of the last data that more is to come (MSG_MORE)."""
        self.cwnd = c.stack.profile.initial_cwnd if c.total_retransmits < 2 else 1
        """Congestion window, segments."""
        self.ssthresh = 1 << 30
        self.duplicates = 0
        self.recovering = False
        self.last = c.snd_nxt
        """Where the last new segment begins."""
        self.recover = c.snd_nxt
        """RFC 6582: snd_nxt when the loss was noticed."""
        self.resend = -1
        """Next sequence number to send again after a timeout, up to `recover`; -1: none."""
        self.resent: list[int] = []
        """Ends of segments that were sent again and are not acknowledged."""
        self.probed = -1
        """snd_nxt when a loss probe was sent that is not acknowledged, -1: none."""
        self.pushed = c.snd_nxt
        """End of the last write: the segment that carries it has PSH set."""
        self.small = c.snd_una
        """End of the last segment shorter than the MSS (Minshall's variant of Nagle)."""
        self.timed = -1
        """Sequence number whose acknowledgment gives a round-trip time, -1: none (Karn)."""
        self.timed_at = 0


def half(c: Connection) -> Sending:
    """Return the sending half of a connection, made if need be."""
    if c.sending is None:
        c.sending = Sending(c)
    return c.sending


def start(c: Connection) -> int:
    """Return the sequence number of the first byte in the buffer."""
    return c.snd_una if c.snd_una != c.iss else (c.iss + 1) & MASK


def unsent(c: Connection, s: Sending) -> int:
    """Return how many bytes of the buffer have never been sent; the FIN is the last of all."""
    return 0 if s.fin_sent else len(s.buffer) - ((c.snd_nxt - start(c)) & MASK)


def full(c: Connection) -> int:
    """Return the bytes of data in a full segment: the MSS counts the timestamps option."""
    return c.mss - TIMESTAMPS_LENGTH if c.ts_recent >= 0 else c.mss


def limit(c: Connection) -> int:
    """Return the size of the send buffer, bytes."""
    profile = c.stack.profile
    return c.settings.sndbuf << profile.doubles_buffers or profile.send_buffer


def room(c: Connection) -> int:
    """Return how many bytes send() takes at the moment.

    Linux, which looks at the limit only when it begins a burst, fills that burst: half the
    peer's window in full segments.
    """
    s = c.sending
    queued = len(s.buffer) if s is not None else 0
    if not c.stack.profile.fills_bursts:
        return max(limit(c) - queued, 0)
    burst = max(min(c.snd_wnd // 2, LONGEST_BURST) // full(c), 1) * full(c)
    begun = unsent(c, s) % burst if s is not None else 0
    return burst - begun if begun or queued < limit(c) else 0


def writable(c: Connection) -> bool:
    """Return whether a program that waits to write is told: in Linux when a third is free."""
    queued = len(c.sending.buffer) if c.sending is not None else 0
    if c.stack.profile.fills_bursts:
        return 3 * queued <= 2 * limit(c)
    return queued < limit(c)


def output(c: Connection, now: int, force: bool = False) -> None:
    """Send what the windows and Nagle's algorithm permit; `force`: what the windows do."""
    s = c.sending
    if s is None:
        return
    if s.resend >= 0:
        resend_lost(c, s, now)
    before = c.snd_nxt
    while True:
        length = unsent(c, s)
        flight = (c.snd_nxt - start(c)) & MASK
        window = min(c.snd_wnd, s.cwnd * full(c)) - flight
        size = min(length, full(c), window)
        last = size == length and s.fin and not s.fin_sent
        if size <= 0 and not (last and not length):
            break
        if size < full(c) and size == length and not last and not force and held_back(c, s):
            break
        if size < min(length, full(c)) and flight and size < c.snd_wnd // 2:
            break  # Silly window: wait for a full segment's room (RFC 9293 3.8.6.2.1).
        send_new(c, s, size, last, now)
        if last:
            break
    if (c.timer is None and (unsent(c, s) or c.snd_una != c.snd_nxt)) or (
        c.snd_nxt != before and loss_probe.wanted(c, s)
    ):
        set_timer(c, now)


def push(c: Connection, now: int) -> None:
    """Send what a cork, or MSG_MORE, has held back."""
    if c.sending is not None and may_send(c.state) and c.snd_una != c.iss:
        output(c, now, force=True)


def held_back(c: Connection, s: Sending) -> bool:
    """Nagle: a small segment waits while an earlier small one is unacknowledged."""
    if c.settings.cork or s.more:
        return True
    if c.settings.nodelay or c.snd_una == c.snd_nxt:
        return False
    return (s.small - c.snd_una - 1) & MASK < HALF and s.small != c.snd_una


def send_new(c: Connection, s: Sending, size: int, last: bool, now: int) -> None:
    """Send the next `size` bytes, the last segment with FIN."""
    offset = (c.snd_nxt - start(c)) & MASK
    payload = bytes(s.buffer[offset : offset + size])
    s.last = seq = c.snd_nxt
    c.snd_nxt = end = (seq + size + last) & MASK
    flags = ACK
    if size and (seq + size) & MASK == s.pushed:
        flags |= PSH
    if last:
        flags |= FIN
        s.fin_sent = True
    if seq == c.snd_una:
        c.unanswered = now
    if size < full(c):
        s.small = end
    if s.timed < 0:
        s.timed, s.timed_at = end, now
    c.send(flags, seq, now, payload)


def segment_at(c: Connection, s: Sending, seq: int, most: int) -> tuple[int, bytes]:
    """Return flags and data of the segment to send again from `seq`, `most` bytes at most."""
    offset = (seq - start(c)) & MASK
    sent = (c.snd_nxt - seq) & MASK
    payload = bytes(s.buffer[offset : offset + min(full(c), sent, most)])
    flags = ACK
    end = (seq + len(payload)) & MASK
    if payload and end in (s.pushed, s.early):
        flags |= PSH
    if s.fin_sent and (end + 1) & MASK == c.snd_nxt:
        flags |= FIN
    return flags, payload


def retransmit(c: Connection, s: Sending, seq: int, now: int, most: int = HALF) -> int:
    """Send the segment at `seq` again, `most` bytes; returns the sequence number after it."""
    flags, payload = segment_at(c, s, seq, most)
    s.timed = -1
    c.total_retransmits += 1
    c.stack.counters["TcpRetransSegs"] += 1
    c.send(flags, seq, now, payload)
    end = (seq + len(payload) + (flags & FIN)) & MASK
    s.resent.append(end)
    return end


def resend_lost(c: Connection, s: Sending, now: int) -> None:
    """After a timeout: send again what was in flight, as the congestion window opens."""
    if (s.resend - c.snd_una) & MASK >= HALF:
        s.resend = c.snd_una
    while (s.recover - s.resend) & MASK < HALF and s.resend != s.recover:
        if (s.resend - c.snd_una) & MASK >= s.cwnd * full(c):
            return
        s.resend = retransmit(c, s, s.resend, now)
    s.resend = -1


def set_timer(c: Connection, now: int) -> None:
    """Start the timer of a probe, of a retransmission or, if the window is shut, of persistence."""
    c.stop_timer()
    wait, expire = rto.timeout(c), c.retransmit_timeout
    s = c.sending
    if s is not None and loss_probe.wanted(c, s):
        wait, expire = min(wait, loss_probe.timeout(c, s)), c.probe_timeout
    elif c.retransmits and c.settings.user_timeout:
        wait = max(min(wait, c.unanswered + c.settings.user_timeout - now), 0)
    c.timer = c.stack.timers.start(now, wait, expire)


def probe_tail(c: Connection, now: int) -> None:
    """Send a new segment, or the last one again; the retransmission timer starts anew behind it."""
    s = half(c)
    c.stack.counters["TcpExtTCPLossProbes"] += 1
    flight = (c.snd_nxt - c.snd_una) & MASK
    size = min(unsent(c, s), full(c), c.snd_wnd - flight)
    if size > 0:
        send_new(c, s, size, False, now)
    else:
        retransmit(c, s, loss_probe.last_segment(c, s), now)
    s.probed = c.snd_nxt
    set_timer(c, now)


def acknowledged(c: Connection, ack: int, now: int) -> None:
    """Take note that all before `ack` has arrived: free the buffer, open the window."""
    s = half(c)
    old = start(c)
    fresh = (ack - old) & MASK
    c.snd_una = ack
    del s.buffer[: min(fresh, len(s.buffer))]
    if s.timed >= 0 and (ack - s.timed) & MASK < HALF:
        rto.sample(c, now - s.timed_at)
        s.timed = -1
    c.backoff = c.retransmits = 0
    c.unanswered = now
    s.duplicates = 0
    if s.resent:
        s.resent = [end for end in s.resent if (end - ack - 1) & MASK < HALF]
    if s.probed >= 0 and (ack - s.probed) & MASK < HALF:
        s.probed = -1
    if s.recovering:
        if (ack - s.recover) & MASK < HALF:
            s.recovering = False
            s.cwnd = s.ssthresh
        else:  # A partial ACK: the next segment is lost too (RFC 6582 3.2).
            retransmit(c, s, ack, now)
    elif s.cwnd < s.ssthresh:
        s.cwnd += -(-fresh // full(c))
    else:
        s.cwnd += 1 if fresh >= s.cwnd * full(c) else 0
    if ack == c.snd_nxt and not unsent(c, s):
        c.stop_timer()
    else:
        set_timer(c, now)


def duplicate(c: Connection, sack: tuple[tuple[int, int], ...], now: int) -> None:
    """Count a duplicate ACK; the third one sends the segment at snd_una again (RFC 5681 3.2).

    So does one that reports more than two segments beyond it by SACK (RFC 6675 IsLost).
    """
    s = c.sending
    if s is None or c.snd_una == c.snd_nxt:
        return
    s.duplicates += 1
    beyond = [block for block in sack if (block[0] - c.snd_una - 1) & MASK < HALF]
    known_lost = sum((end - begin) & MASK for begin, end in beyond) > (DUPLICATES - 1) * full(c)
    if (s.duplicates == DUPLICATES or known_lost) and not s.recovering:
        flight = ((c.snd_nxt - c.snd_una) & MASK) // full(c)
        s.ssthresh = max(flight // 2, 2)
        s.cwnd = s.ssthresh + DUPLICATES
        s.recovering, s.recover = True, c.snd_nxt
        edge = min(((block[0] - c.snd_una) & MASK for block in beyond), default=HALF)
        retransmit(c, s, c.snd_una, now, edge)
    elif s.recovering:
        s.cwnd += 1


def timed_out(c: Connection, now: int) -> None:
    """Handle the retransmission timer in a synchronized state (RFC 9293 3.10.8, RFC 6298 5.4)."""
    s = half(c)
    if c.snd_una == c.snd_nxt:
        probe(c, s, now)
        return
    profile = c.stack.profile
    limit = c.settings.user_timeout or (profile.orphan_limit if c.orphan else profile.data_limit)
    c.stack.counters["TcpExtTCPTimeouts"] += 1
    if c.retransmits and now - c.unanswered >= limit:
        c.stack.counters["TcpExtTCPAbortOnTimeout"] += 1
        c.fail(c.soft_error or errno.ETIMEDOUT, now)
        return
    c.retransmits += 1
    c.backoff += 1
    s.ssthresh = max(((c.snd_nxt - c.snd_una) & MASK) // full(c) // 2, 2)
    s.cwnd = 1
    s.recovering = False
    s.duplicates = 0
    s.recover = c.snd_nxt
    s.resend = retransmit(c, s, c.snd_una, now)
    set_timer(c, now)


def probe(c: Connection, s: Sending, now: int) -> None:
    """Ask whether a shut window has opened: an old sequence number draws an ACK (3.8.6.1).

    If it is open a cork has held data back; now it goes out.
    """
    if not unsent(c, s):
        return
    if c.snd_wnd:
        s.pushed = (start(c) + len(s.buffer)) & MASK
        output(c, now, force=True)
        return
    c.send(ACK, (c.snd_una - 1) & MASK, now)
    c.backoff += 1
    c.stack.counters["TcpExtTCPWinProbe"] += 1
    set_timer(c, now)


def may_send(state: State) -> bool:
    """Whether the user may still send in this state."""
    return state in (State.SYN_SENT, State.SYN_RECEIVED, State.ESTABLISHED, State.CLOSE_WAIT)
