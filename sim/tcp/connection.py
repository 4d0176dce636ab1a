"""A connection's transmission control block (RFC 9293 section 3.3.1) and the user's calls on it.

The control block is all that a host knows of a connection; the peer has another, and neither sees
the other's.  OPEN (active), CLOSE and ABORT of section 3.10 are here, with the SYN's and the FIN's
retransmission; what an arriving segment does is in `sim.tcp.arrives`, the passive open in
`sim.tcp.listener`.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Protocol

from sim.packet import (
    ACK,
    FIN,
    NO_TIMESTAMP,
    NOT_OBSERVED,
    RST,
    SYN,
    SYN_ACK,
    Flow,
    Packet,
    SynOptions,
)
from sim.tcp.arrives import ARRIVES
from sim.tcp.isn import initial_sequence_number
from sim.tcp.seq import MASK
from sim.tcp.states import TRANSITIONS, Event, State

if TYPE_CHECKING:
    from sim.tcp.peer import Peer
    from sim.tcp.stack import RunningTimer, Stack

TICK = 1_000_000
"""The timestamp clock ticks every millisecond, ns (RFC 7323 section 5.4)."""


class User(Protocol):
    """Whom a connection tells what happened: the socket that opened or accepted it."""

    def connected(self, now: int) -> None:
        """Hear that the connection is ESTABLISHED."""

    def failed(self, number: int, now: int) -> None:
        """Hear that the connection is gone; `number` is the errno."""

    def peer_closed(self, now: int) -> None:
        """Hear that the peer sends no more."""


class Connection:
    """One end of a connection: RFC 9293's TCB, under the RFC's names."""

    __slots__ = (
        "error",
        "flow",
        "irs",
        "iss",
        "key",
        "mss",
        "observed",
        "options",
        "peer",
        "rcv_nxt",
        "rcv_wnd",
        "rcv_wscale",
        "retransmits",
        "sack_ok",
        "snd_nxt",
        "snd_una",
        "snd_wl1",
        "snd_wl2",
        "snd_wnd",
        "snd_wscale",
        "srtt",
        "stack",
        "started",
        "state",
        "timer",
        "ts_recent",
        "user",
    )

    key: Flow
    """The flow of the peer's segments, by which the connection is found."""
    flow: Flow
    """The flow of our own segments."""
    peer: Peer
    options: SynOptions
    """What our SYN or SYN-ACK offered."""
    iss: int
    snd_una: int
    snd_nxt: int
    snd_wnd: int
    """The peer's window, bytes, scale applied."""
    snd_wl1: int
    snd_wl2: int
    irs: int
    rcv_nxt: int
    rcv_wnd: int
    """Our window, bytes."""
    mss: int
    """Largest segment that we send, bytes."""

    def __init__(self, stack: Stack, user: User | None, observed: int = NOT_OBSERVED) -> None:
        self.stack = stack
        self.user = user
        self.observed = observed
        """Row of the connect() that the observer knows; no stack reads it."""
        self.state = State.CLOSED
        self.timer: RunningTimer | None = None
        self.retransmits = 0
        """How often the segment at snd_una was sent again."""
        self.error = 0
        """The errno that ended it, or 0."""
        self.started = 0
        """When the SYN was first sent, ns; for a passive open when it was established."""
        self.srtt = 0
        """Smoothed round-trip time, ns; 0 before the first sample."""
        self.ts_recent = NO_TIMESTAMP
        """TS.Recent of RFC 7323; NO_TIMESTAMP while the option is not agreed."""
        self.sack_ok = False
        self.snd_wscale = 0
        self.rcv_wscale = 0

    def move(self, event: Event) -> None:
        """Go where the table of transitions says."""
        self.state = TRANSITIONS[self.state][event]

    def segment_arrives(self, segment: Packet, now: int) -> None:
        """Process a segment (RFC 9293 3.10.7) as the state demands."""
        ARRIVES[self.state](self, segment, now)

    # The active open.

    def open(self, key: Flow, peer: Peer, now: int) -> None:
        """Send a SYN and wait for the answer."""
        self.key = key
        self.flow = key.reverse()
        self.peer = peer
        self.options = peer.syn
        self.mss = peer.mss
        iss = initial_sequence_number(peer.key, key[3], key[1], now)
        self.iss = self.snd_una = iss
        self.snd_nxt = (iss + 1) & MASK
        self.irs = self.rcv_nxt = 0
        self.snd_wnd = self.snd_wl1 = self.snd_wl2 = 0
        self.rcv_wnd = peer.first_window
        self.started = now
        self.move(Event.ACTIVE_OPEN)
        self.send_syn(now)

    def send_syn(self, now: int) -> None:
        """Send the SYN, or the SYN-ACK of a simultaneous open, and start its timer."""
        stack = self.stack
        profile = stack.profile
        flow = self.flow
        flags, ts_ecr = SYN, 0
        if self.state == State.SYN_RECEIVED:
            flags, ts_ecr = SYN_ACK, max(self.ts_recent, 0)
        ts_val = (now // TICK + self.peer.ts_offset) & MASK if profile.timestamps else NO_TIMESTAMP
        stack.routes[flow[2]](
            Packet(
                flow,
                flags,
                self.iss,
                self.rcv_nxt,
                self.rcv_wnd,
                self.options,
                ts_val,
                ts_ecr,
                b"",
                (),
                profile.ttl,
                self.observed,
            )
        )
        stack.observer.syn_sent(self.observed)
        wait = profile.syn.waits[self.retransmits]
        self.timer = stack.timers.start(now, wait, self.syn_timeout)

    def syn_timeout(self, now: int) -> None:
        """Send the SYN again, or give up (RFC 9293 3.10.8; schedules: E1)."""
        self.timer = None
        counters = self.stack.counters
        if self.stack.profile.syn.gives_up(self.retransmits, now - self.started):
            self.fail(errno.ETIMEDOUT, now)
            return
        self.retransmits += 1
        counters["TcpExtTCPTimeouts"] += 1
        counters["TcpRetransSegs"] += 1
        counters["TcpExtTCPSynRetrans"] += 1
        self.send_syn(now)

    # What an established connection sends.

    def send(self, flags: int, seq: int, now: int) -> None:
        """Send a segment without data; its window is scaled and rounded up, as in Linux."""
        stack = self.stack
        flow = self.flow
        ts_val, ts_ecr = NO_TIMESTAMP, 0
        if self.ts_recent >= 0:
            ts_val = (now // TICK + self.peer.ts_offset) & MASK
            ts_ecr = self.ts_recent
        stack.routes[flow[2]](
            Packet(
                flow,
                flags,
                seq,
                self.rcv_nxt,
                -(-self.rcv_wnd >> self.rcv_wscale),
                None,
                ts_val,
                ts_ecr,
                b"",
                (),
                stack.profile.ttl,
                self.observed,
            )
        )

    def send_ack(self, now: int) -> None:
        """Acknowledge all that has arrived."""
        self.send(ACK, self.snd_nxt, now)

    # The end.

    def close(self, now: int) -> None:
        """CLOSE (RFC 9293 3.10.4): send no more; the peer still may."""
        state = self.state
        if state in (State.ESTABLISHED, State.CLOSE_WAIT, State.SYN_RECEIVED):
            self.move(Event.CLOSE)
            self.retransmits = 0
            self.snd_nxt = (self.snd_nxt + 1) & MASK
            self.send_fin(now)
        elif state == State.SYN_SENT:
            self.delete(Event.DELETE_TCB)

    def send_fin(self, now: int) -> None:
        """Send the FIN and start its timer."""
        self.send(FIN | ACK, (self.snd_nxt - 1) & MASK, now)
        wait = self.stack.profile.fin.waits[self.retransmits]
        self.timer = self.stack.timers.start(now, wait, self.fin_timeout)

    def fin_timeout(self, now: int) -> None:
        """Send the FIN again, or forget the connection."""
        self.timer = None
        if self.stack.profile.fin.gives_up(self.retransmits, now - self.started):
            self.fail(errno.ETIMEDOUT, now)
            return
        self.retransmits += 1
        self.stack.counters["TcpRetransSegs"] += 1
        self.send_fin(now)

    def abort(self, now: int) -> None:
        """ABORT (RFC 9293 3.10.5): tell the peer with a RST and delete the control block."""
        if self.state not in (State.CLOSED, State.SYN_SENT, State.TIME_WAIT):
            self.send(RST | ACK, self.snd_nxt, now)
            self.stack.counters["TcpOutRsts"] += 1
        self.delete(Event.DELETE_TCB)

    def fail(self, number: int, now: int) -> None:
        """Delete the control block and report the errno `number` to the user."""
        if self.state in (State.SYN_SENT, State.SYN_RECEIVED):
            self.stack.counters["TcpAttemptFails"] += 1
        self.error = number
        user = self.user
        self.delete(Event.DELETE_TCB)
        if user is not None:
            user.failed(number, now)

    def delete(self, event: Event) -> None:
        """Delete the control block: its timer, its entry and its buffers."""
        self.move(event)
        self.stop_timer()
        self.user = None
        self.stack.forget(self.key)

    def stop_timer(self) -> None:
        """Stop the retransmission timer, if it runs."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def wait_2msl(self, now: int) -> None:
        """Stay in TIME-WAIT for twice the MSL (RFC 9293 MUST-13)."""
        self.stop_timer()
        self.timer = self.stack.timers.start(now, 2 * self.stack.profile.msl, self.time_wait_over)

    def time_wait_over(self, _now: int) -> None:
        """Leave TIME-WAIT."""
        self.timer = None
        self.delete(Event.TIMEOUT_2MSL)
