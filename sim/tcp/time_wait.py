"""TIME-WAIT, and FIN-WAIT-2 once the program has closed: what is left of a connection then.

Implements TIME-WAIT's part of SEGMENT ARRIVES (RFC 9293 section 3.10.7.4), the reopening of a
connection by a new SYN (MAY-2, RFC 6191) and the reuse of its port by connect() (kernel
measurement E10).  As in Linux it is a small record of its own: buffers and socket are gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.packet import ACK, FIN, NO_TIMESTAMP, RST, SYN, Packet
from sim.tcp.challenge import limited
from sim.tcp.interfaces import Endpoint
from sim.tcp.seq import MASK, distance
from sim.tcp.states import TRANSITIONS, Event, State

if TYPE_CHECKING:
    from sim.tcp.connection import Connection
    from sim.timers import Timer

NEW_ISN_GAP: Final = 65535 + 2
"""How far beyond the old connection's numbers a reopened one begins (RFC 9293 MAY-2)."""


class TimeWait(Endpoint):
    """The rest of a connection that this side has closed."""

    __slots__ = (
        "answered",
        "flow",
        "key",
        "observed",
        "peer",
        "rcv_nxt",
        "rcv_wscale",
        "since",
        "snd_nxt",
        "stack",
        "state",
        "timer",
        "ts_recent",
        "window",
    )

    def __init__(self, c: Connection, now: int, duration: int) -> None:
        self.stack = c.stack
        self.key = c.key
        self.flow = c.flow
        self.peer = c.peer
        self.observed = c.observed
        self.state = c.state
        self.snd_nxt = c.snd_nxt
        self.rcv_nxt = c.rcv_nxt
        self.window = c.rcv_wnd
        self.rcv_wscale = c.rcv_wscale
        self.ts_recent = c.ts_recent
        self.since = now
        self.answered = c.answered
        """When a segment out of order was last answered, ns."""
        self.timer: Timer = c.stack.timers.start(now, duration, self.over)

    def over(self, _now: int) -> None:
        """Forget the connection: 2 MSL have passed, or the peer's FIN never came."""
        event = Event.TIMEOUT_2MSL if self.state == State.TIME_WAIT else Event.DELETE_TCB
        self._end(event)

    def kill(self) -> None:
        """Forget the connection before its time."""
        self.timer.cancel()
        self._end(Event.DELETE_TCB)

    def vanish(self) -> None:
        """Leave the table: the host has lost power."""
        self.kill()

    def _end(self, event: Event) -> None:
        self.state = TRANSITIONS[self.state][event]
        del self.stack.connections[self.key]
        self.stack.ports.give_back(self.key)

    def reusable(self, now: int) -> bool:
        """Whether connect() may take the port for a new connection (net.ipv4.tcp_tw_reuse)."""
        profile = self.stack.profile
        reuse = self.lockable() and profile.reuses_time_wait(self.key.src == self.key.dst)
        return reuse and now - self.since >= profile.tw_reuse_delay

    def lockable(self) -> bool:
        """Whether connect() may take the port at once if bind() has reserved it."""
        return self.state == State.TIME_WAIT and self.ts_recent >= 0

    def next_isn(self) -> int:
        """Return where the numbers of a reopened connection begin."""
        return (self.snd_nxt + NEW_ISN_GAP) & MASK

    def segment_arrives(self, segment: Packet, now: int) -> None:
        """Process a segment for the closed connection (tcp_timewait_state_process)."""
        flags = segment.flags
        profile = self.stack.profile
        start = distance(self.rcv_nxt, segment.seq)
        end = start + segment.length
        old_stamp = (
            self.ts_recent >= 0
            and segment.ts_val != NO_TIMESTAMP
            and distance(self.ts_recent, segment.ts_val) < 0
        )
        if self.state == State.FIN_WAIT_2:
            self._fin_wait_2(segment, start, end, old_stamp, now)
            return
        if not old_stamp and start == 0 and (not segment.length or flags & RST):
            if flags & RST:
                if profile.reset_ends_wait:
                    self.kill()
            elif segment.ts_val != NO_TIMESTAMP:
                self.ts_recent = max(self.ts_recent, segment.ts_val)
            return
        if flags & SYN and flags & FIN and profile.drops_syn_fin:
            return
        if flags & SYN and not flags & (RST | ACK) and self._opens(segment, start, old_stamp):
            self.kill()
            self.stack.segment_arrives(segment, now, self.next_isn())
            return
        if flags & RST or (profile.wait_needs_ack and not flags & ACK):
            return
        if flags & (ACK | FIN):
            self._restart(now)
        if segment.length or not limited(self, now):
            self.send_ack(now)

    def _opens(self, segment: Packet, start: int, old_stamp: bool) -> bool:
        newer = (
            self.ts_recent >= 0
            and segment.ts_val != NO_TIMESTAMP
            and distance(self.ts_recent, segment.ts_val) > 0
        )
        return not old_stamp and (start > 0 or newer)

    def _fin_wait_2(self, segment: Packet, start: int, end: int, old_stamp: bool, now: int) -> None:
        """Process a segment of a peer that has acknowledged our FIN; data is refused (RST)."""
        flags = segment.flags
        inside = -1 <= start <= self.window and end >= 0
        if old_stamp or not inside:
            if not flags & RST and not limited(self, now):
                self.send_ack(now)
            return
        if flags & RST:
            self.kill()
            return
        if flags & SYN and start >= 0:
            self.stack.reset(segment)
            return
        if not flags & ACK or end <= 0:
            return
        if not flags & FIN or end != 1:
            self.kill()
            self.stack.reset(segment)
            return
        self.rcv_nxt = (self.rcv_nxt + 1) & MASK
        self.state = TRANSITIONS[self.state][Event.RCV_FIN]
        if self.ts_recent >= 0 and segment.ts_val != NO_TIMESTAMP:
            self.ts_recent = segment.ts_val
        self._restart(now)
        self.send_ack(now)

    def _restart(self, now: int) -> None:
        self.timer.cancel()
        self.timer = self.stack.timers.start(now, self.stack.profile.msl << 1, self.over)

    def send_ack(self, now: int) -> None:
        """Acknowledge the peer's FIN again."""
        stack = self.stack
        up = stack.profile.scales_up
        window = -(-self.window >> self.rcv_wscale) if up else self.window >> self.rcv_wscale
        stack.routes[self.flow.dst](
            Packet(
                self.flow,
                ACK,
                self.snd_nxt,
                self.rcv_nxt,
                window if window < 65536 else 65535,
                None,
                self.peer.timestamp(now) if self.ts_recent >= 0 else NO_TIMESTAMP,
                self.ts_recent if self.ts_recent >= 0 else 0,
                ttl=stack.profile.ttl,
                connection=self.observed,
            )
        )
