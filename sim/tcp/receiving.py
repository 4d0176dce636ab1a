"""The receiving half of a connection: reassembly, the window, and when to acknowledge.

Implements the seventh step of SEGMENT ARRIVES (RFC 9293 section 3.10.7.4), SACK blocks (RFC 2018)
and delayed acknowledgments (section 3.8.6.3) with Linux's quick start: the first segments are
acknowledged at once, until the connection turns into a dialogue.

A connection that never receives data has no `Receiving`; `half(c)` makes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.tcp.seq import MASK, distance

if TYPE_CHECKING:
    from sim.tcp.connection import Connection
    from sim.timers import Timer

QUICK_SEGMENTS: Final = 16
"""Segments acknowledged at once at the start (TCP_MAX_QUICKACKS of the kernel)."""
SMALL_SEGMENT: Final = 536
"""What a full segment is taken for before one has come (TCP_MSS_DEFAULT)."""
SACK_BLOCKS: Final = 4
"""SACK blocks in a segment at most; 3 beside timestamps (RFC 2018 section 3)."""


class Receiving:
    """What has arrived and was not yet read."""

    __slots__ = (
        "buffer",
        "dialogue",
        "early",
        "gaps",
        "quick",
        "segment",
        "timer",
        "unacked",
        "urgent",
    )

    def __init__(self) -> None:
        self.buffer = bytearray()
        """In order, up to rcv_nxt."""
        self.early = 0
        """Bytes at its beginning that came with the SYN: they take nothing of the window."""
        self.gaps: list[tuple[int, bytes, bool]] = []
        """Out of order: (sequence number, data, FIN), the latest first."""
        self.quick = QUICK_SEGMENTS
        self.dialogue = False
        """Whether this side answers (pingpong mode): then acknowledgments wait for the answer."""
        self.segment = SMALL_SEGMENT
        """The largest segment that has come, bytes, as far as it is known (rcv_mss in Linux)."""
        self.unacked = 0
        """Bytes received since the last acknowledgment."""
        self.timer: Timer | None = None
        """Delayed acknowledgment."""
        self.urgent = False
        """Whether the next acknowledgment may not wait: a gap has closed."""


def half(c: Connection) -> Receiving:
    """Return the receiving half of a connection, made if need be."""
    if c.receiving is None:
        c.receiving = Receiving()
    return c.receiving


def text(c: Connection, seq: int, payload: bytes, fin: bool, now: int) -> bool:
    """Process a segment's data from `seq` on; returns whether a FIN is now in order.

    `fin` says whether the segment carries one behind the data.  Whoever takes the FIN acknowledges
    it, and the data with it.
    """
    r = half(c)
    offset = distance(c.rcv_nxt, seq)
    data = payload
    if offset <= 0:
        data = data[-offset:][: c.rcv_wnd]
        arrived = bool(data)
        accept(c, r, data)
        r.unacked += len(data)
        if len(data) > r.segment:
            r.segment = min(len(data), c.options.mss)
        fin = fin and distance(c.rcv_nxt, seq + len(payload)) == 0
        if r.gaps:
            fin = close_gaps(c, r) or fin
            r.urgent = fin
            if not fin:
                c.send_ack(now)
        elif arrived and not fin:
            schedule_ack(c, r, now)
        elif payload and not fin:
            c.send_ack(now)  # All of it is old: the acknowledgment was lost.
        if arrived and c.user is not None:
            c.user.readable(now)
        return fin
    r.gaps.insert(0, (seq, data[: max(c.rcv_wnd - offset, 0)], fin))
    c.stack.counters["TcpExtTCPOFOQueue"] += 1
    c.send_ack(now)
    return False


def accept(c: Connection, r: Receiving, data: bytes) -> None:
    """Append data that is in order."""
    if data:
        r.buffer += data
        c.rcv_nxt = (c.rcv_nxt + len(data)) & MASK
        c.rcv_wnd -= len(data)


def keep(c: Connection, seq: int, payload: bytes) -> None:
    """Keep text that came with the peer's SYN until the connection is open."""
    half(c).gaps.append((seq, payload[: c.rcv_wnd], False))


def opened(c: Connection, r: Receiving, now: int) -> None:
    """Take the text that was kept, now that the connection is open."""
    close_gaps(c, r)
    delay_ack(c, r, now)
    if c.user is not None:
        c.user.readable(now)


def accept_early(c: Connection, data: bytes) -> None:
    """Append what a SYN carried: the window of the answer begins behind it, as Linux has it."""
    r = half(c)
    accept(c, r, data)
    r.early = len(data)
    c.rcv_wnd += len(data)


def close_gaps(c: Connection, r: Receiving) -> bool:
    """Take from the out-of-order segments what is in order now; returns whether a FIN is."""
    fin = False
    progress = True
    while progress:
        progress = False
        for entry in r.gaps:
            seq, data, ends = entry
            offset = distance(seq, c.rcv_nxt)
            if offset >= 0:
                r.gaps.remove(entry)
                if offset <= len(data):
                    accept(c, r, data[offset:])
                    fin = fin or (ends and offset <= len(data))
                progress = True
                break
    return fin


def schedule_ack(c: Connection, r: Receiving, now: int) -> None:
    """Acknowledge now or soon (RFC 9293 3.8.6.3: at the latest every second full segment)."""
    if r.quick and not r.dialogue:
        r.quick -= 1
        c.send_ack(now)
    elif r.unacked > r.segment:
        c.send_ack(now)
    else:
        delay_ack(c, r, now)


def delay_ack(c: Connection, r: Receiving, now: int) -> None:
    """Acknowledge within the host's delay."""
    if r.timer is None:
        delay = c.stack.profile.delayed_ack
        r.timer = c.stack.timers.start(now, delay, c.delayed_ack_timeout)


def acknowledge_fin(c: Connection, now: int) -> None:
    """Acknowledge the FIN of a peer to which this side may still have something to say.

    As in Linux that waits, unless a gap has closed or more than a full segment came before; where
    no data has come but with the SYN the estimate of the delay is still zero, and it waits for the
    next tick of the clock only.
    """
    r = half(c)
    if r.urgent or r.unacked + 1 > r.segment or c.stack.profile.acks_fin_at_once:
        c.send_ack(now)
    elif r.quick == QUICK_SEGMENTS and not r.dialogue:
        if r.timer is None:
            r.timer = c.stack.timers.start(now, 0, c.delayed_ack_timeout)
    else:
        delay_ack(c, r, now)


def acknowledging(r: Receiving) -> None:
    """Take note that a segment with an acknowledgment leaves."""
    r.unacked = 0
    r.urgent = False
    if r.timer is not None:
        r.timer.cancel()
        r.timer = None


def sack_blocks(c: Connection, r: Receiving) -> tuple[tuple[int, int], ...]:
    """Return what lies beyond the gaps, the latest first (RFC 2018 section 4)."""
    blocks: list[tuple[int, int]] = []
    for seq, data, _ in r.gaps:
        left, right = seq, (seq + len(data)) & MASK
        if left == right:
            continue
        merged = True
        while merged:
            merged = False
            for other, known, _ in r.gaps:
                end = (other + len(known)) & MASK
                if distance(left, end) >= 0 and distance(other, right) >= 0:
                    low = other if distance(other, left) > 0 else left
                    high = end if distance(right, end) > 0 else right
                    if (low, high) != (left, right):
                        left, right, merged = low, high, True
        if (left, right) not in blocks:
            blocks.append((left, right))
    return tuple(blocks[: SACK_BLOCKS - (c.ts_recent >= 0)])


def read(c: Connection, count: int, now: int) -> bytes:
    """Take up to `count` bytes; an opened window is announced when it has grown enough."""
    r = half(c)
    data = bytes(r.buffer[:count])
    del r.buffer[:count]
    shut = c.rcv_wnd < c.mss
    early = min(r.early, len(data))
    r.early -= early
    c.rcv_wnd += len(data) - early
    if shut and c.rcv_wnd >= c.mss and not r.gaps:
        c.send_ack(now)
    return data
