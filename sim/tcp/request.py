"""A request: a passive open in SYN-RECEIVED, before there is a connection.

It keeps what the SYN told and what a connection needs to be made later, and no more; the final ACK
makes the connection.  Implements SYN-RECEIVED of a passive open (RFC 9293 section 3.10.7.4) with
the rules of the kernel's tcp_check_req and reqsk_timer_handler (kernel measurements E2, E5, E9).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sim.packet import ACK, NO_SYN_OPTIONS, NO_TIMESTAMP, RST, SYN, SYN_ACK, Packet
from sim.tcp import cookies
from sim.tcp.arrives import MAX_WSCALE
from sim.tcp.challenge import NEVER_YET, limited
from sim.tcp.connection import Connection
from sim.tcp.interfaces import Endpoint
from sim.tcp.isn import initial_sequence_number
from sim.tcp.peer import TICK
from sim.tcp.seq import MASK, distance
from sim.tcp.states import Event, State

if TYPE_CHECKING:
    from sim.packet import Flow, SynOptions
    from sim.tcp.listener import Listener
    from sim.tcp.stack import Stack
    from sim.timers import Timer


UNREACHABLE: Final = ((3, 0), (3, 1))
"""Types and codes of ICMP errors that say that there is no way to a network or a host."""
TIME_EXCEEDED: Final = 11


class Request(Endpoint):
    """What a host keeps about a SYN that it has answered."""

    __slots__ = (
        "acknowledged",
        "answered",
        "cookie",
        "flow",
        "irs",
        "iss",
        "key",
        "listener",
        "mss",
        "observed",
        "options",
        "peer",
        "retransmitted",
        "sent",
        "snd_wscale",
        "stack",
        "state",
        "timeouts",
        "timer",
        "ts_recent",
        "window",
    )

    options: SynOptions
    key: Flow

    def __init__(self, listener: Listener, segment: Packet, now: int, isn: int = 0) -> None:
        self.stack: Stack = listener.stack
        self.state = State.SYN_RECEIVED
        self.listener = listener
        self.key = flow = segment.flow
        self.flow = flow.reverse()
        peer = self.stack.peers.passing(flow.src)
        self.peer = peer
        self.observed = segment.connection
        self.timeouts = 0
        """How often the timer has expired."""
        self.retransmitted = False
        self.acknowledged = False
        """Whether the final ACK has come and could not be taken."""
        self.cookie = False
        """Whether iss is a SYN cookie."""
        self.answered = NEVER_YET
        """When a repeated SYN or a stray segment was last answered, ns."""
        self.timer: Timer | None = None
        self.sent = now
        """When the first SYN-ACK was sent, ns."""
        self.irs = segment.seq
        self.iss = isn or initial_sequence_number(peer.key, flow.dport, flow.sport, now)
        profile = self.stack.profile
        self.ts_recent = segment.ts_val if profile.timestamps else NO_TIMESTAMP
        mss, wscale, sack, _, _ = segment.options or NO_SYN_OPTIONS
        if mss < profile.min_mss:
            mss = profile.believed_mss(mss, six=":" in flow.src)
        self.mss = mss if mss < peer.mss else peer.mss
        """Largest segment that the client takes, bytes."""
        self.agree(wscale, sack)

    def agree(self, wscale: int, sack: bool) -> None:
        """Settle the options, of what the client offered; `wscale` -1: no window scale."""
        settings = self.listener.settings
        self.snd_wscale = wscale
        self.options, self.window = self.peer.offers.answer(
            wscale >= 0, sack, self.ts_recent >= 0, settings.maxseg, settings.rcvbuf
        )
        if settings.no_options:
            self.options, self.ts_recent = NO_SYN_OPTIONS, NO_TIMESTAMP

    @classmethod
    def from_cookie(
        cls, listener: Listener, segment: Packet, now: int, irs: int, iss: int, mss: int
    ) -> Request:
        """Return the request that a cookie remembers, from the ACK that brings it back."""
        request = cls(listener, segment, now, iss)
        request.cookie = True
        request.irs = irs
        request.mss = mss
        if segment.ts_val != NO_TIMESTAMP:
            stamped = (segment.ts_ecr - request.peer.ts_offset) & MASK
            request.agree(*cookies.options(stamped))
        return request

    def send_synack(self, now: int) -> None:
        """Send the SYN-ACK."""
        stack = self.stack
        flow = self.flow
        ts_val, ts_ecr = NO_TIMESTAMP, 0
        if self.ts_recent >= 0:
            ts_val = (now // TICK + self.peer.ts_offset) & MASK
            ts_ecr = self.ts_recent
            if self.cookie:
                stamped = cookies.stamp(now // TICK, self.snd_wscale, self.options.sack_permitted)
                ts_val = (stamped + self.peer.ts_offset) & MASK
        stack.routes[flow.dst](
            Packet(
                flow,
                SYN_ACK,
                self.iss,
                (self.irs + 1) & MASK,
                self.window,
                self.options,
                ts_val,
                ts_ecr,
                b"",
                (),
                stack.profile.ttl,
                self.observed,
            )
        )
        stack.observer.synack_sent(self.observed, self.retransmitted)

    def repeat_synack(self, now: int) -> None:
        """Send the SYN-ACK again."""
        counters = self.stack.counters
        counters["TcpRetransSegs"] += 1
        counters["TcpExtTCPSynRetrans"] += 1
        self.retransmitted = True
        self.send_synack(now)

    def start_timer(self, now: int) -> None:
        """Start the SYN-ACK timer; its duration doubles with each expiry (E2)."""
        wait = self.stack.profile.synack.wait(self.timeouts)
        self.timer = self.stack.timers.start(now, wait, self.timeout)

    def timeout(self, now: int) -> None:
        """Repeat the SYN-ACK, or forget the request silently."""
        self.timer = None
        listener = self.listener
        retries = listener.synack_retries()
        deferred = listener.settings.defer_accept
        waiting = self.acknowledged and deferred > 0
        self.stack.counters["TcpExtTCPTimeouts"] += 1
        if self.timeouts >= retries and not (waiting and self.timeouts < deferred):
            self.drop()
            return
        # A client that is only waited for by TCP_DEFER_ACCEPT gets one last chance.
        if not waiting or self.timeouts >= deferred - 1:
            self.stack.observer.synack_timeout(self.observed)
            self.repeat_synack(now)
        if not self.timeouts:
            listener.young -= 1
        self.timeouts += 1
        self.start_timer(now)

    def drop(self) -> None:
        """Leave the SYN queue and the connection table."""
        self.leave_queue()
        del self.stack.connections[self.key]

    def pending(self) -> bool:
        """Whether it is still in the connection table."""
        return self.stack.connections.get(self.key) is self

    def vanish(self) -> None:
        """Leave the table: the host has lost power."""
        self.drop()

    def _reset(self, segment: Packet) -> None:
        """Answer a segment with a RST, unless it is one, and forget the request."""
        self.stack.counters["TcpExtEmbryonicRsts"] += 1
        self.stack.reset(segment)
        self.drop()

    def leave_queue(self) -> None:
        """Leave the SYN queue and stop the timer."""
        listener = self.listener
        listener.requests -= 1
        if not self.timeouts:
            listener.young -= 1
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def reusable(self, now: int) -> bool:
        """Whether connect() may take the port: it may not."""
        return False

    def segment_arrives(self, segment: Packet, now: int) -> None:
        """Process a segment in SYN-RECEIVED (tcp_check_req; RFC 9293 3.10.7.4)."""
        flags = segment.flags
        offset = distance(self.irs + 1 & MASK, segment.seq)
        if offset == -1 and flags & SYN and not flags & (ACK | RST):
            self._syn_again(now)
            return
        stack = self.stack
        ts_val = segment.ts_val
        old = ts_val >= 0 and self.ts_recent >= 0 and distance(self.ts_recent, ts_val) < 0
        if old or not -segment.length <= offset <= self.window:
            if not flags & RST and not limited(self, now, "SynRecv"):
                self._send_ack(now)
            return
        if flags & RST and stack.profile.careful_requests and not self._believed(offset, now):
            return
        if flags & RST or (flags & SYN and offset >= 0):
            stack.counters["TcpAttemptFails"] += 1
            self._reset(segment)
            return
        if not flags & ACK:
            return
        if segment.ack != (self.iss + 1) & MASK:
            stack.reset(segment)
            return
        self._final_ack(segment, now)

    def _believed(self, offset: int, now: int) -> bool:
        """Whether a RST `offset` bytes from RCV.NXT is heeded; one in the window is challenged."""
        inside = 0 <= offset < self.window
        if inside and (offset == 0 or self.stack.profile.insecure_rst):
            return True
        if inside and not limited(self, now, "SynRecv"):
            self._send_ack(now)
        return False

    def icmp_arrives(self, kind: int, code: int, quoted: Packet) -> None:
        """Forget a client that cannot be reached (tcp_req_err)."""
        counters = self.stack.counters
        if quoted.seq != self.iss:
            counters["TcpExtOutOfWindowIcmps"] += 1
        elif (kind, code) in UNREACHABLE or kind == TIME_EXCEEDED:
            counters["TcpExtListenDrops"] += 1
            self.drop()

    def _syn_again(self, now: int) -> None:
        """Answer a repeated SYN at once; the timer starts anew (E9)."""
        if limited(self, now, "SynRecv"):
            return
        if self.timer is not None:
            self.timer.cancel()
        self.repeat_synack(now)
        self.start_timer(now)

    def _final_ack(self, segment: Packet, now: int) -> None:
        listener = self.listener
        stack = self.stack
        if self.timeouts < listener.settings.defer_accept and not segment.length:
            self.acknowledged = True
            stack.counters["TcpExtTCPDeferAcceptDrop"] += 1
            return
        if len(listener.accept_queue) >= listener.accept_limit:
            stack.counters["TcpExtListenOverflows"] += 1
            stack.counters["TcpExtListenDrops"] += 1
            if stack.profile.abort_on_overflow:
                self._reset(segment)
            elif stack.profile.forgets_on_overflow:
                self.drop()
            else:
                self.acknowledged = True
            return
        if not stack.has_memory():
            stack.counters["TcpExtListenDrops"] += 1
            self.acknowledged = True
            return
        self.leave_queue()
        del stack.connections[self.key]
        listener.establish(self, segment, now)

    def _send_ack(self, now: int) -> None:
        """Tell a segment outside the window where it should be."""
        stack = self.stack
        ts_val = self.peer.timestamp(now) if self.ts_recent >= 0 else NO_TIMESTAMP
        stack.routes[self.flow.dst](
            Packet(
                self.flow,
                ACK,
                (self.iss + 1) & MASK,
                (self.irs + 1) & MASK,
                self.window >> max(self.options.wscale, 0),
                None,
                ts_val,
                max(self.ts_recent, 0),
                ttl=stack.profile.ttl,
                connection=self.observed,
            )
        )

    def connection(self, segment: Packet, now: int) -> Connection:
        """Return the connection that follows from the request and its final ACK."""
        c = Connection(self.stack, None, self.observed, self.listener.settings)
        c.key = self.key
        c.state = self.state
        c.move(Event.RCV_ACK_OF_SYN)
        c.flow = self.flow
        c.peer = self.peer
        c.options = options = self.options
        c.iss = self.iss
        c.snd_una = c.snd_nxt = segment.ack
        c.irs = self.irs
        c.rcv_nxt = (self.irs + 1) & MASK
        c.rcv_wnd = self.window
        c.mss = self.mss if not 0 <= options.mss < self.mss else options.mss
        profile = self.stack.profile
        if profile.buffer_in_segments:
            c.rcv_wnd = profile.receive_window(self.window, c.mss, c.settings.rcvbuf)
        c.unanswered = now
        if options.wscale >= 0:
            c.snd_wscale = self.snd_wscale if self.snd_wscale < MAX_WSCALE else MAX_WSCALE
            c.rcv_wscale = options.wscale
        c.snd_wnd = segment.window << c.snd_wscale
        c.sack_ok = options.sack_permitted
        if self.retransmitted:
            c.total_retransmits = 1
        if self.ts_recent >= 0:
            c.ts_recent = segment.ts_val if segment.ts_val >= 0 else self.ts_recent
            if segment.ts_ecr:
                c.srtt = ((now // TICK + self.peer.ts_offset - segment.ts_ecr) & MASK) * TICK
        if not self.retransmitted and not self.cookie:
            c.srtt = now - self.sent
        c.rttvar = c.srtt // 2
        return c
