"""A listening socket: the SYN queue, the accept queue, and the passive open between them.

Implements LISTEN (RFC 9293 section 3.10.7.2) and SYN-RECEIVED of a passive open as Linux does
(kernel measurements E2 and E5): a request holds what a connection needs to be made later, the
connection itself is made by the final ACK.  Both queues take backlog + 1 entries.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from sim.packet import ACK, NO_SYN_OPTIONS, NO_TIMESTAMP, RST, SYN, SYN_ACK, Packet
from sim.tcp.arrives import DEFAULT_MSS, MAX_WSCALE
from sim.tcp.connection import TICK, Connection
from sim.tcp.isn import initial_sequence_number
from sim.tcp.seq import MASK, distance
from sim.tcp.states import TRANSITIONS, Event, State

if TYPE_CHECKING:
    from sim.packet import Flow, SynOptions
    from sim.tcp.peer import Peer
    from sim.tcp.stack import RunningTimer, Stack


class Acceptor(Protocol):
    """Whom a listener tells that a connection waits: the listening socket."""

    def acceptable(self, now: int) -> None:
        """Hear that the accept queue holds a connection more."""


class Listener:
    """A socket in LISTEN, with its two queues."""

    __slots__ = ("accept_queue", "acceptor", "backlog", "key", "requests", "stack", "young")

    state = State.LISTEN

    def __init__(self, stack: Stack, acceptor: Acceptor, backlog: int) -> None:
        self.stack = stack
        self.acceptor = acceptor
        self.set_backlog(backlog)
        self.requests = 0
        """Length of the SYN queue."""
        self.young = 0
        """Requests whose SYN-ACK timer has not yet expired."""
        self.accept_queue: deque[Connection] = deque()

    backlog: int
    """The listen() argument as the host took it."""

    def set_backlog(self, backlog: int) -> None:
        """Take the listen() argument: below 0 is 0, above somaxconn is somaxconn."""
        self.backlog = min(max(backlog, 0), self.stack.profile.somaxconn)

    def close(self, now: int) -> None:
        """Stop listening: what waits in the queues is reset (RFC 9293 3.10.4)."""
        connections = self.stack.connections
        for request in [e for e in connections.values() if isinstance(e, Request)]:
            if request.listener is self:
                request.drop()
        while self.accept_queue:
            self.accept_queue.popleft().abort(now)

    def segment_arrives(self, segment: Packet, now: int) -> None:
        """Process a segment for no connection of this port (RFC 9293 3.10.7.2)."""
        flags = segment.flags
        if flags & RST:
            return
        if flags & ACK:
            self.stack.reset(segment)
            return
        if not flags & SYN:
            return
        counters = self.stack.counters
        if self.requests > self.backlog:
            counters["TcpExtTCPReqQFullDrop"] += 1
            counters["TcpExtListenDrops"] += 1
            return
        if len(self.accept_queue) > self.backlog:
            counters["TcpExtListenOverflows"] += 1
            counters["TcpExtListenDrops"] += 1
            return
        limit = self.stack.profile.max_syn_backlog
        if limit - self.requests < limit >> 2:
            counters["TcpExtListenDrops"] += 1
            return
        self.requests += 1
        self.young += 1
        request = Request(self, segment, now)
        self.stack.connections[request.key] = request
        request.send_synack(now)
        request.start_timer(now)

    def establish(self, request: Request, segment: Packet, now: int) -> Connection:
        """Make the connection that a request promised and queue it for accept()."""
        stack = self.stack
        stack.reserve_memory()
        connection = request.connection(segment, now)
        stack.connections[request.key] = connection
        stack.counters["TcpPassiveOpens"] += 1
        self.accept_queue.append(connection)
        self.acceptor.acceptable(now)
        return connection

    def synack_retries(self) -> int:
        """Return how often a SYN-ACK is repeated at the moment.

        When more than half of a queue of at least 8 is taken, old requests are given fewer
        retries, down to 2, so that half the room is left to young ones (reqsk_timer_handler).
        """
        retries = self.stack.profile.synack.retries
        if self.requests << 1 > max(8, self.backlog):
            young = self.young << 1
            while retries > 2 and self.requests >= young:
                retries -= 1
                young <<= 1
        return retries


class Request:
    """A passive open in SYN-RECEIVED: what the SYN told, and no connection yet."""

    __slots__ = (
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
        "sack_ok",
        "snd_wnd",
        "snd_wscale",
        "timeouts",
        "timer",
        "ts_recent",
        "window",
    )

    state = State.SYN_RECEIVED
    options: SynOptions
    key: Flow

    def __init__(self, listener: Listener, segment: Packet, now: int) -> None:
        stack = listener.stack
        self.listener = listener
        self.key = flow = segment.flow
        self.flow = flow.reverse()
        self.peer: Peer = stack.peers[flow[0]]
        self.observed = segment.connection
        self.timeouts = 0
        """How often the timer has expired."""
        self.retransmitted = False
        self.timer: RunningTimer | None = None
        self.irs = segment.seq
        self.iss = initial_sequence_number(self.peer.key, flow[3], flow[1], now)
        self.ts_recent = segment.ts_val if stack.profile.timestamps else NO_TIMESTAMP
        self.snd_wnd = segment.window
        mss, wscale, sack, _, _ = segment.options or NO_SYN_OPTIONS
        self.options, self.window = self.peer.answer(wscale >= 0, sack, self.ts_recent >= 0)
        if mss < 0:
            mss = DEFAULT_MSS
        self.mss = mss if mss < self.peer.mss else self.peer.mss
        """Largest segment that the client takes, bytes."""
        self.snd_wscale = wscale
        """The client's window scale; -1: it offered none."""

    def send_synack(self, now: int) -> None:
        """Send the SYN-ACK."""
        stack = self.listener.stack
        flow = self.flow
        ts_val, ts_ecr = NO_TIMESTAMP, 0
        if self.ts_recent >= 0:
            ts_val = (now // TICK + self.peer.ts_offset) & MASK
            ts_ecr = self.ts_recent
        stack.routes[flow[2]](
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
        counters = self.listener.stack.counters
        counters["TcpRetransSegs"] += 1
        counters["TcpExtTCPSynRetrans"] += 1
        self.retransmitted = True
        self.send_synack(now)

    def start_timer(self, now: int) -> None:
        """Start the SYN-ACK timer; its duration doubles with each expiry (E2)."""
        stack = self.listener.stack
        wait = stack.profile.synack.waits[self.timeouts]
        self.timer = stack.timers.start(now, wait, self.timeout)

    def timeout(self, now: int) -> None:
        """Repeat the SYN-ACK, or forget the request silently."""
        listener = self.listener
        listener.stack.counters["TcpExtTCPTimeouts"] += 1
        if self.timeouts >= listener.synack_retries():
            self.timer = None
            self.drop()
            return
        self.repeat_synack(now)
        if not self.timeouts:
            listener.young -= 1
        self.timeouts += 1
        self.start_timer(now)

    def drop(self) -> None:
        """Leave the SYN queue and the connection table."""
        self.leave_queue()
        del self.listener.stack.connections[self.key]

    def leave_queue(self) -> None:
        """Leave the SYN queue and stop the timer."""
        listener = self.listener
        listener.requests -= 1
        if not self.timeouts:
            listener.young -= 1
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def segment_arrives(self, segment: Packet, now: int) -> None:
        """Process a segment in SYN-RECEIVED (tcp_check_req of the kernel; RFC 9293 3.10.7.4)."""
        flags = segment.flags
        offset = distance(self.irs + 1 & MASK, segment.seq)
        if flags & SYN and offset == -1 and not flags & (ACK | RST):
            # The SYN again: the SYN-ACK at once, and the timer starts anew (E9).
            if self.timer is not None:
                self.timer.cancel()
            self.repeat_synack(now)
            self.start_timer(now)
            return
        listener = self.listener
        stack = listener.stack
        if not 0 <= offset <= self.window:
            if not flags & RST:
                stack.reset(segment)
            return
        if flags & (RST | SYN):
            stack.counters["TcpAttemptFails"] += 1
            if not flags & RST:
                stack.reset(segment)
            self.drop()
            return
        if not flags & ACK:
            return
        if segment.ack != (self.iss + 1) & MASK:
            stack.reset(segment)
            return
        if len(listener.accept_queue) > listener.backlog:
            stack.counters["TcpExtListenOverflows"] += 1
            stack.counters["TcpExtListenDrops"] += 1
            if stack.profile.abort_on_overflow:
                stack.reset(segment)
                self.drop()
            return
        self.leave_queue()
        connection = listener.establish(self, segment, now)
        if segment.length:
            connection.segment_arrives(segment, now)

    def connection(self, segment: Packet, now: int) -> Connection:
        """Return the connection that follows from the request and its final ACK."""
        c = Connection(self.listener.stack, None, self.observed)
        c.state = TRANSITIONS[self.state][Event.RCV_ACK_OF_SYN]
        c.key = self.key
        c.flow = self.flow
        c.peer = self.peer
        c.options = options = self.options
        c.mss = self.mss
        c.iss = self.iss
        c.snd_una = c.snd_nxt = segment.ack
        c.irs = self.irs
        c.rcv_nxt = (self.irs + 1) & MASK
        c.rcv_wnd = self.window
        c.started = now
        if options.wscale >= 0:
            c.snd_wscale = self.snd_wscale if self.snd_wscale < MAX_WSCALE else MAX_WSCALE
            c.rcv_wscale = options.wscale
        c.snd_wnd = segment.window << c.snd_wscale
        c.snd_wl1 = segment.seq
        c.snd_wl2 = segment.ack
        c.sack_ok = options.sack_permitted
        if self.ts_recent >= 0:
            c.ts_recent = segment.ts_val if segment.ts_val >= 0 else self.ts_recent
        return c
