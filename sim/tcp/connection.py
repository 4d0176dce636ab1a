"""A connection's transmission control block (RFC 9293 section 3.3.1) and what it sends.

The control block is all that a host knows of a connection; the peer has another, and neither sees
the other's.  Here are the active OPEN, the retransmission of a SYN or SYN-ACK, and the ways in
which a control block is deleted.  What an arriving segment does is in `sim.tcp.arrives`, the user's
calls in `sim.tcp.calls`, data in `sim.tcp.sending` and `sim.tcp.receiving`, and the passive open in
`sim.tcp.listener`.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

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
from sim.tcp import arrives, fastopen_client, receiving, sending
from sim.tcp.challenge import NEVER_YET
from sim.tcp.header import TIMESTAMPS
from sim.tcp.interfaces import Endpoint, User
from sim.tcp.isn import initial_sequence_number
from sim.tcp.peer import TICK
from sim.tcp.seq import MASK
from sim.tcp.settings import DEFAULTS, Settings
from sim.tcp.states import TRANSITIONS, Event, State
from sim.tcp.time_wait import TimeWait

if TYPE_CHECKING:
    from sim.tcp.peer import Peer
    from sim.tcp.receiving import Receiving
    from sim.tcp.sending import Sending
    from sim.tcp.stack import Stack
    from sim.tcp.timers import Backoff
    from sim.timers import Timer


class Connection(Endpoint):
    """One end of a connection: RFC 9293's TCB, under the RFC's names."""

    __slots__ = (
        "answered",
        "asked",
        "backoff",
        "error",
        "fast_open",
        "flow",
        "irs",
        "iss",
        "key",
        "mss",
        "observed",
        "options",
        "orphan",
        "peer",
        "peer_closed",
        "rcv_nxt",
        "rcv_wnd",
        "rcv_wscale",
        "receiving",
        "retransmits",
        "rttvar",
        "sack_ok",
        "sending",
        "settings",
        "snd_nxt",
        "snd_una",
        "snd_wnd",
        "snd_wscale",
        "soft_error",
        "srtt",
        "stack",
        "state",
        "syn_data",
        "timer",
        "total_retransmits",
        "ts_recent",
        "unanswered",
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
    irs: int
    rcv_nxt: int
    rcv_wnd: int
    """Our window, bytes."""
    mss: int
    """Largest segment that we send, bytes, options among them."""

    def __init__(
        self,
        stack: Stack,
        user: User | None,
        observed: int = NOT_OBSERVED,
        settings: Settings = DEFAULTS,
    ) -> None:
        self.stack = stack
        self.user = user
        self.observed = observed
        """Row of the connect() that the observer knows; no stack reads it."""
        self.settings = settings
        self.state = State.CLOSED
        self.timer: Timer | None = None
        """SYN, SYN-ACK, retransmission or persist timer."""
        self.retransmits = 0
        """How often in a row the segment at snd_una was sent again."""
        self.total_retransmits = 0
        self.backoff = 0
        """Doublings of the RTO in force."""
        self.error = 0
        """The errno that the user has not yet heard of, or 0."""
        self.soft_error = 0
        """The errno of an ICMP message that did not abort the connection, or 0."""
        self.unanswered = 0
        """Since when the peer has acknowledged nothing, ns; at first when the SYN was sent."""
        self.answered = NEVER_YET
        """When a segment out of order was last answered, ns."""
        self.srtt = 0
        """Smoothed round-trip time, ns; 0 before the first sample."""
        self.rttvar = 0
        self.ts_recent = NO_TIMESTAMP
        """TS.Recent of RFC 7323; NO_TIMESTAMP while the option is not agreed."""
        self.sack_ok = False
        self.snd_wscale = 0
        self.rcv_wscale = 0
        self.peer_closed = False
        """Whether the peer's FIN has arrived."""
        self.asked = False
        """Whether the SYN asked for Fast Open, by a cookie or a request for one (RFC 7413)."""
        self.fast_open = False
        """Whether it was opened by a SYN alone, and sends in SYN-RECEIVED (RFC 7413 4.2.2)."""
        self.syn_data = False
        """Whether data in the SYN was taken (RFC 7413)."""
        self.orphan = False
        """Whether the user has given it up with close()."""
        self.sending: Sending | None = None
        self.receiving: Receiving | None = None

    def move(self, event: Event) -> None:
        """Go where the table of transitions says; the stack counts who is ESTABLISHED."""
        before = self.state
        self.state = after = TRANSITIONS[before][event]
        if State.ESTABLISHED in (before, after):
            port = self.key.dport
            count = self.stack.established.get(port)
            if count is not None:
                count += 1 if after == State.ESTABLISHED else -1
                self.stack.established[port] = count

    def segment_arrives(self, segment: Packet, now: int) -> None:
        """Process a segment (RFC 9293 3.10.7) as the state demands."""
        if self.state == State.SYN_SENT:
            arrives.syn_sent(self, segment, now)
        else:
            arrives.synchronized(self, segment, now)

    # The active open.

    def open(
        self,
        key: Flow,
        peer: Peer,
        now: int,
        early: bytes | None = None,
        predecessor: TimeWait | None = None,
    ) -> None:
        """Send a SYN and wait for the answer.

        `early`: data for Fast Open, None without; `predecessor`: the connection in TIME-WAIT
        whose port, numbers and timestamps this one takes over (RFC 6191).
        """
        self.key = key
        self.flow = key.reverse()
        self.peer = peer
        if self.settings is DEFAULTS:
            self.options = peer.offers.syn
            self.rcv_wnd = peer.offers.first_window
        else:
            self.options, self.rcv_wnd = peer.offer(self.settings)
        self.mss = self.options.mss if self.options.mss >= 0 else peer.mss
        if predecessor is None:
            iss = initial_sequence_number(peer.key, key.dport, key.sport, now)
        else:
            iss = predecessor.next_isn()
            self.ts_recent = predecessor.ts_recent
        self.iss = self.snd_una = iss
        self.snd_nxt = (iss + 1) & MASK
        self.irs = self.rcv_nxt = 0
        self.snd_wnd = 0
        self.unanswered = now
        if early is not None:
            fastopen_client.prepare(self, early)
        self.move(Event.ACTIVE_OPEN)
        self.send_syn(now)
        self.start_syn_timer(now)

    def send_syn(self, now: int) -> None:
        """Send the SYN, or in SYN-RECEIVED the SYN-ACK."""
        stack = self.stack
        profile = stack.profile
        flow = self.flow
        flags, ts_ecr, ts_val, payload = SYN, 0, NO_TIMESTAMP, b""
        options = self.options
        if self.state == State.SYN_RECEIVED:
            flags = SYN_ACK
            options = self.peer.without_fast_open(options) if self.asked else options
        else:
            if self.sending is not None and not self.total_retransmits:
                payload = bytes(self.sending.buffer[: (self.snd_nxt - self.iss - 1) & MASK])
            stack.observer.syn_sent(self.observed)
        if TIMESTAMPS in options.layout:
            ts_val = (now // TICK + self.peer.ts_offset) & MASK
            ts_ecr = self.ts_recent if self.ts_recent > 0 else 0
        stack.routes[flow.dst](
            Packet(
                flow,
                flags,
                self.iss,
                self.rcv_nxt,
                self.rcv_wnd if self.rcv_wnd < 65536 else 65535,
                options,
                ts_val,
                ts_ecr,
                payload,
                (),
                profile.ttl,
                self.observed,
            )
        )

    def syn_schedule(self) -> Backoff:
        """Return the schedule of the SYN or SYN-ACK, with the user's limits."""
        profile = self.stack.profile
        schedule = profile.syn if self.state == State.SYN_SENT else profile.synack
        settings = self.settings
        if settings is DEFAULTS:
            return schedule
        return schedule.limited(settings.syncnt, settings.keepinit)

    def start_syn_timer(self, now: int) -> None:
        """Start the timer of the SYN or SYN-ACK."""
        waits = self.stack.profile.syn.waits
        if self.settings is not DEFAULTS or self.state != State.SYN_SENT:
            waits = self.syn_schedule().waits
        wait = waits[self.retransmits]
        if self.settings.user_timeout:
            wait = min(wait, self.unanswered + self.settings.user_timeout - now)
        self.timer = self.stack.timers.start(now, wait, self.syn_timeout)

    def syn_timeout(self, now: int) -> None:
        """Send the SYN or SYN-ACK again, or give up (RFC 9293 3.10.8; schedules: E1)."""
        self.timer = None
        counters = self.stack.counters
        elapsed = now - self.unanswered
        schedule = self.syn_schedule()
        user_timeout = self.settings.user_timeout
        counters["TcpExtTCPTimeouts"] += 1
        if schedule.gives_up(self.retransmits, elapsed) or 0 < user_timeout <= elapsed:
            counters["TcpExtTCPAbortOnTimeout"] += 1
            self.fail(self.soft_error or errno.ETIMEDOUT, now)
            return
        self.retransmits += 1
        self.total_retransmits += 1
        counters["TcpRetransSegs"] += 1
        counters["TcpExtTCPSynRetrans"] += 1
        if self.state == State.SYN_SENT:
            if self.options.fastopen is not None:
                self.withdraw_fast_open()
            if self.retransmits == self.stack.profile.plain_syn:
                self.options = self.peer.plain(self.options)
        self.send_syn(now)
        self.start_syn_timer(now)

    def withdraw_fast_open(self) -> None:
        """Go on with a plain SYN, without the option (kernel measurement E11).

        The data is not sent again before the answer, which may still acknowledge it.
        """
        self.options = self.peer.without_fast_open(self.options)

    # What an open connection sends.

    def send_reset(self, now: int) -> None:
        """Send the RST with which this side gives the connection up."""
        stack = self.stack
        stack.counters["TcpOutRsts"] += 1
        if stack.profile.resets_close_window:
            self.rcv_wnd = 0
        self.send(RST | ACK, self.snd_nxt, now)

    def send(self, flags: int, seq: int, now: int, payload: bytes = b"") -> None:
        """Send a segment; its window is scaled."""
        stack = self.stack
        profile = stack.profile
        flow = self.flow
        ts_val, ts_ecr = NO_TIMESTAMP, 0
        if self.ts_recent >= 0:
            ts_val = (now // TICK + self.peer.ts_offset) & MASK
            ts_ecr = self.ts_recent
        blocks: tuple[tuple[int, int], ...] = ()
        if self.receiving is not None:
            receiving.acknowledging(self.receiving)
            if self.sack_ok and self.receiving.gaps:
                blocks = receiving.sack_blocks(self, self.receiving)
        window = self.rcv_wnd
        window = -(-window >> self.rcv_wscale) if profile.scales_up else window >> self.rcv_wscale
        stack.routes[flow.dst](
            Packet(
                flow,
                flags,
                seq,
                self.rcv_nxt,
                window if window < 65536 else 65535,
                None,
                ts_val,
                ts_ecr,
                payload,
                blocks,
                profile.ttl,
                self.observed,
            )
        )

    def send_ack(self, now: int) -> None:
        """Acknowledge all that has arrived."""
        if self.sending is not None and self.stack.profile.repeats_fin and self.fin_is_out():
            self.send(FIN | ACK, (self.snd_nxt - 1) & MASK, now)
        else:
            self.send(ACK, self.snd_nxt, now)

    def fin_is_out(self) -> bool:
        """Whether our FIN is sent and not acknowledged."""
        s = self.sending
        return s is not None and s.fin_sent and self.snd_una != self.snd_nxt

    # Timers.

    def retransmit_timeout(self, now: int) -> None:
        """Hear that the retransmission or persist timer has expired."""
        self.timer = None
        sending.timed_out(self, now)

    def probe_timeout(self, now: int) -> None:
        """Hear that two round trips have passed without an acknowledgment."""
        self.timer = None
        sending.probe_tail(self, now)

    def delayed_ack_timeout(self, now: int) -> None:
        """Hear that an acknowledgment has waited long enough."""
        assert self.receiving is not None
        self.receiving.timer = None
        self.stack.counters["TcpExtDelayedACKs"] += 1
        self.send_ack(now)

    def stop_timer(self) -> None:
        """Stop the SYN, retransmission or persist timer, if it runs."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    # The end.

    def wait_2msl(self, now: int) -> None:
        """Go on as a small record in TIME-WAIT (RFC 9293 MUST-13)."""
        self.become_time_wait(now, self.stack.profile.msl << 1)

    def orphaned(self, now: int) -> None:
        """Hear that the user has closed: FIN-WAIT-2 does not last for ever then."""
        if self.orphan and self.state == State.FIN_WAIT_2:
            self.become_time_wait(now, self.settings.linger2 or self.stack.profile.fin_timeout)

    def reusable(self, now: int) -> bool:
        """Whether connect() may take the port: it may not."""
        return False

    def become_time_wait(self, now: int, duration: int) -> None:
        """Leave the connection table to a `TimeWait`; buffers and memory are free."""
        self.peer.proven = self.srtt > 0
        stack = self.stack
        self.release()
        stack.connections[self.key] = TimeWait(self, now, duration)

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
        """Delete the control block: its timers, its entry and its buffers."""
        if self.state in (State.ESTABLISHED, State.CLOSE_WAIT):
            self.stack.counters["TcpEstabResets"] += 1
        if event is Event.RCV_ACK_OF_FIN:
            self.peer.proven = self.srtt > 0
        self.move(event)
        self.release()
        self.stack.ports.give_back(self.key)

    def vanish(self) -> None:
        """Delete the control block: the host has lost power."""
        self.move(Event.DELETE_TCB)
        self.release()

    def release(self) -> None:
        """Give back what the host lent: timers, the table's entry, buffer memory, the user."""
        self.stop_timer()
        if self.receiving is not None:
            receiving.acknowledging(self.receiving)
        self.user = None
        if self.orphan:
            self.stack.orphans -= 1
        self.stack.forget(self.key)
