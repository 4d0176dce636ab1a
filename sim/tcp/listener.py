"""A listening socket: the SYN queue, the accept queue, and what it takes into them.

Implements LISTEN (RFC 9293 section 3.10.7.2) as Linux does (kernel measurements E2, E5, E6;
tcp_conn_request): limits, silent drops, SYN cookies, the quarter kept for proven peers, and the
pruning of old requests.  What other systems do with a full queue is data in their profiles.  The
requests themselves are in `sim.tcp.request`.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from sim.packet import ACK, FIN, NO_TIMESTAMP, RST, SYN, Packet
from sim.tcp import calls, cookies, fastopen_server
from sim.tcp.interfaces import Acceptor
from sim.tcp.isn import mix
from sim.tcp.request import Request
from sim.tcp.seq import MASK
from sim.tcp.settings import DEFAULTS, Settings
from sim.tcp.states import State

if TYPE_CHECKING:
    from sim.tcp.connection import Connection
    from sim.tcp.stack import Stack

NEVER_YET: Final = -(1 << 62)


class Listener:
    """A socket in LISTEN, with its two queues."""

    __slots__ = (
        "accept_limit",
        "accept_queue",
        "acceptor",
        "backlog",
        "by_age",
        "fast_open_pending",
        "longest_accept_queue",
        "longest_syn_queue",
        "overflowed",
        "request_limit",
        "requests",
        "settings",
        "stack",
        "young",
    )

    state = State.LISTEN

    backlog: int
    """The listen() argument as the host took it."""
    accept_limit: int
    """Connections that may wait for accept()."""
    request_limit: int
    """Requests that may be in SYN-RECEIVED."""

    def __init__(
        self, stack: Stack, acceptor: Acceptor, backlog: int, settings: Settings = DEFAULTS
    ) -> None:
        self.stack = stack
        self.acceptor = acceptor
        self.settings = settings
        self.requests = 0
        """Length of the SYN queue."""
        self.young = 0
        """Requests whose SYN-ACK timer has not yet expired."""
        self.longest_syn_queue = 0
        self.longest_accept_queue = 0
        self.by_age: deque[Request] = deque()
        """Requests, oldest first, where the oldest makes room; some may have ended."""
        self.fast_open_pending = 0
        """Connections opened by Fast Open whose SYN-ACK is not yet acknowledged."""
        self.overflowed = NEVER_YET
        """When a cookie was last sent, ns."""
        self.accept_queue: deque[Connection] = deque()
        self.set_backlog(backlog)

    def set_backlog(self, backlog: int) -> None:
        """Take the listen() argument: below 0 is 0, above somaxconn is somaxconn."""
        profile = self.stack.profile
        self.backlog = min(max(backlog, 0), profile.somaxconn)
        self.accept_limit = profile.accept_limit(self.backlog)
        self.request_limit = profile.request_limit(self.backlog)

    def close(self, now: int) -> None:
        """Stop listening: requests are forgotten, waiting connections reset (RFC 9293 3.10.4)."""
        connections = self.stack.connections
        for request in [e for e in connections.values() if isinstance(e, Request)]:
            if request.listener is self:
                request.drop()
        while self.accept_queue:
            calls.abort(self.accept_queue.popleft(), now)

    def segment_arrives(self, segment: Packet, now: int, isn: int = 0) -> None:
        """Process a segment for no connection of this port (RFC 9293 3.10.7.2).

        `isn`: the sequence number to begin with, if a connection in TIME-WAIT is reopened.
        """
        flags = segment.flags
        if flags & RST:
            return
        if flags & ACK:
            self._ack_arrives(segment, now)
        elif flags & SYN:
            profile = self.stack.profile
            if not flags & FIN or (profile.listens_to_syn_fin and not profile.drops_syn_fin):
                self._syn_arrives(segment, now, isn)

    def _syn_arrives(self, segment: Packet, now: int, isn: int) -> None:
        stack = self.stack
        profile = stack.profile
        counters = stack.counters
        syncookies = profile.syncookies
        full = self.requests >= self.request_limit and not isn
        cookie = not isn and (syncookies == 2 or (full and syncookies > 0))
        if cookie:
            counters["TcpExtTCPReqQFullDoCookies"] += 1
        elif full and not profile.recycles_requests:
            counters["TcpExtTCPReqQFullDrop"] += 1
            self._turn_away(segment)
            return
        if len(self.accept_queue) >= self.accept_limit and not profile.syncache:
            counters["TcpExtListenOverflows"] += 1
            self._turn_away(segment)
            return
        if cookie:
            self._send_cookie(segment, now)
            return
        if full:
            self._recycle()
        if not syncookies and not isn and self._last_quarter(segment):
            self._turn_away(segment)
            return
        if fastopen_server.offered(self, segment):
            fastopen_server.syn_arrives(self, segment, now, isn)
            return
        self.take(Request(self, segment, now, isn), now)

    def take(self, request: Request, now: int) -> None:
        """Keep a request in the SYN queue, and answer it."""
        stack = self.stack
        self.requests += 1
        self.longest_syn_queue = max(self.longest_syn_queue, self.requests)
        self.young += 1
        stack.connections[request.key] = request
        if stack.profile.recycles_requests:
            while self.by_age and not self.by_age[0].pending():
                self.by_age.popleft()
            self.by_age.append(request)
        request.send_synack(now)
        request.start_timer(now)

    def _recycle(self) -> None:
        """Give the oldest request up, for a new one (RFC 4987 section 3.4)."""
        oldest = next(request for request in self.by_age if request.pending())
        counters = self.stack.counters
        counters["TcpExtTCPReqQFullDrop"] += 1
        counters["TcpExtListenDrops"] += 1
        self.stack.observer.turned_away(oldest.observed)
        oldest.drop()

    def _last_quarter(self, segment: Packet) -> bool:
        """Whether only peers already proven have room, and this is none of them."""
        most = self.stack.profile.max_syn_backlog
        if most - self.requests >= most >> 2:
            return False
        peer = self.stack.peers.known.get(segment.flow.src)
        return peer is None or not peer.proven

    def _turn_away(self, segment: Packet) -> None:
        """Drop a SYN, silently or, as Windows does, with a RST."""
        stack = self.stack
        stack.counters["TcpExtListenDrops"] += 1
        stack.observer.turned_away(segment.connection)
        if stack.profile.resets_on_overflow:
            stack.reset(segment)

    # SYN cookies.

    def _send_cookie(self, segment: Packet, now: int) -> None:
        """Answer a SYN without keeping anything of it."""
        stack = self.stack
        request = Request(self, segment, now)
        if request.ts_recent == NO_TIMESTAMP:
            request.agree(-1, sack=False)
        flow = request.flow
        ports = flow.sport << 16 | flow.dport
        request.iss = cookies.make(
            request.peer.key, ports, request.irs, request.mss, now + stack.cookie_phase
        )
        request.cookie = True
        request.send_synack(now)
        stack.counters["TcpExtSyncookiesSent"] += 1
        stack.observer.cookie_sent(segment.connection)
        self.overflowed = now

    def _ack_arrives(self, segment: Packet, now: int) -> None:
        """Process an ACK for no connection: the answer to a cookie, or a stray one."""
        stack = self.stack
        recent = now - self.overflowed <= cookies.LASTING
        if not stack.profile.syncookies or segment.flags & SYN or not recent:
            stack.reset(segment)
            return
        src, sport, _, dport = segment.flow
        irs, iss = (segment.seq - 1) & MASK, (segment.ack - 1) & MASK
        key = stack.peers.passing(src).key
        mss = cookies.check(key, dport << 16 | sport, irs, iss, now + stack.cookie_phase)
        if not mss:
            stack.counters["TcpExtSyncookiesFailed"] += 1
            stack.reset(segment)
            return
        stack.counters["TcpExtSyncookiesRecv"] += 1
        request = Request.from_cookie(self, segment, now, irs, iss, mss)
        if len(self.accept_queue) >= self.accept_limit:
            # The client believes that it is connected and nobody tells it otherwise.
            stack.counters["TcpExtListenOverflows"] += 1
            stack.counters["TcpExtListenDrops"] += 1
            if stack.profile.syncache and stack.profile.abort_on_overflow:
                stack.reset(segment)
            return
        self.establish(request, segment, now)

    @property
    def members(self) -> list[Listener]:
        """The listeners that share its port: itself alone."""
        return [self]

    # From a request to a connection.

    def establish(self, request: Request, segment: Packet, now: int) -> None:
        """Make the connection that a request promised and queue it for accept()."""
        stack = self.stack
        try:
            stack.reserve_memory()
        except OSError:
            stack.counters["TcpExtListenDrops"] += 1
            return
        request.peer = stack.peers.keep(request.key.src, request.peer)
        connection = request.connection(segment, now)
        stack.connections[request.key] = connection
        stack.counters["TcpPassiveOpens"] += 1
        self.enqueue(connection, now)
        if segment.length:
            connection.segment_arrives(segment, now)

    def enqueue(self, connection: Connection, now: int) -> None:
        """Let a connection wait for accept()."""
        queue = self.accept_queue
        queue.append(connection)
        self.longest_accept_queue = max(self.longest_accept_queue, len(queue))
        self.acceptor.acceptable(now)

    def synack_retries(self) -> int:
        """Return how often a SYN-ACK is repeated at the moment.

        When more than half of a queue of at least 8 is taken, old requests are given fewer
        retries, down to 2, so that half the room is left to young ones (reqsk_timer_handler).
        """
        retries = self.settings.syncnt or self.stack.profile.synack.retries
        if self.stack.profile.prunes_requests and self.requests << 1 > max(8, self.backlog):
            young = self.young << 1
            while retries > 2 and self.requests >= young:
                retries -= 1
                young <<= 1
        return retries


class ListenerGroup:
    """Listeners that share a port by SO_REUSEPORT: a SYN goes to one of them by its flow's hash."""

    def __init__(self, first: Listener | ListenerGroup) -> None:
        assert isinstance(first, Listener)
        self.members = [first]
        self.settings = first.settings

    def segment_arrives(self, segment: Packet, now: int, isn: int = 0) -> None:
        """Hand a segment to the member that its flow belongs to."""
        src, sport, _, dport = segment.flow
        key = self.members[0].stack.peers.passing(src).key
        hashed = mix(key, sport << 16 | dport)
        member = self.members[hashed * len(self.members) >> 32]
        member.segment_arrives(segment, now, isn)
