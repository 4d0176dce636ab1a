"""BSD sockets for simulated hosts, with the names and exceptions of Python's socket module.

A call that waits returns something that a SimPy process yields::

    def client(env, host):
        s = host.socket()
        try:
            yield s.connect(("10.0.0.2", 80))
            yield s.send(b"hello")
            answer = yield s.recv(1000)
        except ConnectionRefusedError:
            ...
        s.close()

On a non-blocking socket the same calls never wait: they raise BlockingIOError instead.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from mypy_extensions import mypyc_attr
from simpy.events import Event

from sim.calendar import NORMAL
from sim.packet import NOT_OBSERVED, Flow
from sim.sockopt import get_option, set_option
from sim.tcp import calls, fastopen_client, sending
from sim.tcp.connection import Connection
from sim.tcp.errors import os_error
from sim.tcp.interfaces import Acceptor, User
from sim.tcp.listener import Listener
from sim.tcp.settings import DEFAULTS, Settings
from sim.tcp.stack import ANY
from sim.tcp.states import State

if TYPE_CHECKING:
    from sim.host import Host

Address = tuple[str, int]

SHUT_RD: Final = 0
SHUT_WR: Final = 1
SHUT_RDWR: Final = 2

POLLIN: Final = 0x1
POLLOUT: Final = 0x4
POLLERR: Final = 0x8
POLLHUP: Final = 0x10
POLLRDNORM: Final = 0x40
POLLWRNORM: Final = 0x100
POLLRDHUP: Final = 0x2000
"""Linux's numbers; not every system that simulates has poll()."""

ERRNO_NAMES: Final = {**errno.errorcode, errno.EOPNOTSUPP: "EOPNOTSUPP"}
"""Number -> name; of two names that Linux has for one number, the one that connect(2) uses."""

OPENING: Final = (State.SYN_SENT, State.SYN_RECEIVED)


def errno_name(error: OSError) -> str:
    """Return the name of an exception's errno."""
    return ERRNO_NAMES[error.errno or 0]


class Done(Event):
    """An event that has already happened: a process that yields it goes on at once."""

    def __init__(self, env: Any, value: Any = None) -> None:
        self.env = env
        self.callbacks = None  # type: ignore[assignment]
        self._ok = True
        self._value = value


@mypyc_attr(allow_interpreted_subclasses=True)
class Socket(User, Acceptor):
    """A TCP socket.  Just created it knows neither its own address nor a peer."""

    __slots__ = (
        "_accepting",
        "_bound",
        "_connection",
        "_deferred",
        "_early",
        "_error",
        "_listener",
        "_reader",
        "_reading",
        "_returned",
        "_told",
        "_unread",
        "_waiting",
        "_watching",
        "_writing",
        "blocking",
        "host",
        "observed",
        "settings",
    )

    def __init__(self, host: Host, connection: Connection | None = None) -> None:
        self.host = host
        self.blocking = True
        self.settings: Settings = DEFAULTS
        self.observed = NOT_OBSERVED
        """Row of its connect() in the simulation's records."""
        self._bound: Address | None = None
        self._connection = connection
        self._listener: Listener | None = None
        self._error = 0
        self._told = connection is not None
        """Whether the program knows that the connection is established."""
        self._unread = True
        """Whether the program still reads: shutdown(SHUT_RD) ends it."""
        self._waiting: Event | None = None
        """Of connect()."""
        self._returned: Callable[[int], None] | None = None
        """Of start_connect()."""
        self._deferred: Address | None = None
        """Where the first data will open a connection to (TCP_FASTOPEN_CONNECT)."""
        self._early: int | None = None
        """Bytes that connect_with() has taken."""
        self._accepting: deque[Event] | None = None
        """Of accept(): the longest waiting is served first."""
        self._reading: tuple[Event, int] | None = None
        self._writing: tuple[Event, bytes, int] | None = None
        self._watching: Event | None = None
        self._reader: Callable[[Socket], None] | None = None
        if connection is not None:
            connection.user = self
            self.settings = connection.settings
            self._error, connection.error = connection.error, 0

    # Options.

    def setblocking(self, flag: bool) -> None:
        """Let calls wait, or raise BlockingIOError instead."""
        self.blocking = flag

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        """Set an option, by the constants of Python's socket module (Linux's numbers).

        Raises OSError: ENOPROTOOPT for an option that sockets do not have, EINVAL for a value
        that it does not take.
        """
        set_option(self, level, option, value)

    def getsockopt(self, level: int, option: int) -> int:
        """Return an option's value; SO_ERROR is 0 once it was read.

        Raises OSError (ENOPROTOOPT) for an option that sockets do not have.
        """
        return get_option(self, level, option)

    def change_settings(self, settings: Settings) -> None:
        """Take other settings, for what is sent from now on."""
        self.settings = settings
        if self._connection is not None:
            self._connection.settings = settings
        if self._listener is not None:
            self._listener.settings = settings

    @property
    def control_block(self) -> Connection | Listener | None:
        """What the host's TCP keeps for the socket; None before connect() or listen()."""
        return self._connection or self._listener

    @property
    def default_syncnt(self) -> int:
        """The SYN retransmissions of a socket without TCP_SYNCNT."""
        return self.host.tcp.profile.syn.retries

    @property
    def default_keepinit(self) -> int:
        """How long connect() of a socket without TCP_KEEPINIT may take, ns."""
        return self.host.tcp.profile.syn.limit

    def take_error(self) -> int:
        """Return the pending errno, 0 if there is none, and forget it (SO_ERROR)."""
        number, self._error = self._error, 0
        return number

    # Names.

    def bind(self, address: Address) -> None:
        """Give the socket a local address and port; "" is any address, port 0 any free one.

        Raises OSError: EINVAL if it is bound or connected, EADDRNOTAVAIL for an address that is
        not the host's, EADDRINUSE for a port that another socket holds.
        """
        host, port = address
        if self._bound is not None or self._connection is not None:
            raise os_error(errno.EINVAL)
        if host != ANY and not self.host.has_address(host):
            raise os_error(errno.EADDRNOTAVAIL)
        tcp = self.host.tcp
        if not port:
            port = tcp.ports.free(tcp.connections)
        if not port or not tcp.ports.may_bind(port, self, tcp.connections):
            raise os_error(errno.EADDRINUSE)
        tcp.ports.bind(port, self)
        self._bound = host, port

    def getsockname(self) -> Address:
        """Return the local address and port; ("", 0) before bind() or connect()."""
        if self._connection is not None:
            return self._connection.flow.src, self._connection.flow.sport
        return self._bound or (ANY, 0)

    def getpeername(self) -> Address:
        """Return the peer's address and port; raises OSError (ENOTCONN) if there is none."""
        connection = self._connection
        if connection is None or connection.state in (State.CLOSED, State.SYN_SENT):
            raise os_error(errno.ENOTCONN)
        return connection.key.src, connection.key.sport

    # The passive side.

    def listen(self, backlog: int = 128) -> None:
        """Let clients connect; connections wait for accept() as the host's backlog rule says.

        An unbound socket gets a port of its own.  Called again it changes the backlog.  Raises
        OSError: EINVAL on a connected socket, EADDRINUSE if another socket listens there.
        """
        if self._listener is not None:
            self._listener.set_backlog(backlog)
            return
        if self._connection is not None and self._connection.state != State.CLOSED:
            raise os_error(errno.EINVAL)
        if self._bound is None:
            self.bind((ANY, 0))
        assert self._bound is not None
        listener = Listener(self.host.tcp, self, backlog, self.settings)
        self.host.tcp.listen(listener, self._bound)
        self.host.records.listens(self.host.name)
        self._listener = listener
        self._accepting = deque()

    @property
    def listening(self) -> bool:
        """Whether listen() was called."""
        return self._listener is not None

    def accept(self) -> Event:
        """Wait for a connection; the event's value is (socket, peer's address).

        Raises OSError: EINVAL if the socket does not listen, or no longer, EAGAIN if it may not
        wait.
        """
        listener = self._listener
        if listener is None:
            raise os_error(errno.EINVAL)
        env = self.host.env
        if listener.accept_queue:
            return Done(env, self._take(listener))
        if not self.blocking:
            raise os_error(errno.EAGAIN)
        assert self._accepting is not None
        event = Event(env)
        self._accepting.append(event)
        return event

    def accept_nowait(self) -> tuple[Socket, Address]:
        """Return the (socket, peer's address) that has waited longest.

        Raises OSError: EINVAL if the socket does not listen, EAGAIN if no connection waits.
        """
        listener = self._listener
        if listener is None:
            raise os_error(errno.EINVAL)
        if not listener.accept_queue:
            raise os_error(errno.EAGAIN)
        return self._take(listener)

    def _take(self, listener: Listener) -> tuple[Socket, Address]:
        connection = listener.accept_queue.popleft()
        host = self.host
        host.records.accepted(connection.observed, host.calendar.now)
        return self.accepted(connection), (connection.key.src, connection.key.sport)

    def accepted(self, connection: Connection) -> Socket:
        """Return the socket of a connection that accept() returns."""
        return Socket(self.host, connection)

    # The active side.

    def connect(self, address: Address) -> Event:
        """Open a connection; the event succeeds when it is established.

        It fails with what Python raises: ConnectionRefusedError, TimeoutError, or OSError with
        the errno that the host would give.  Errors known at once are raised here: EISCONN,
        EALREADY, ENETUNREACH, EADDRNOTAVAIL, ENOBUFS; on a non-blocking socket EINPROGRESS.
        """
        env = self.host.env
        connection = self._connection
        if connection is not None and connection.state != State.CLOSED:
            if connection.state in OPENING:
                raise os_error(errno.EALREADY)
            if self._told:
                raise os_error(errno.EISCONN)
            self._told = True
            return Done(env)
        if self._error:
            raise os_error(self.take_error())
        if self._listener is not None:
            raise os_error(errno.EISCONN)
        settings = self.settings
        if settings.fastopen_connect and self.host.tcp.profile.fastopen & fastopen_client.CLIENT:
            if self._deferred is not None:
                raise os_error(errno.EISCONN)
            tcp = self.host.tcp
            if fastopen_client.room(tcp.peers[address[0]], tcp.profile, settings):
                self._deferred = address
                return Done(env)
            return self._open(address, b"")
        return self._open(address, None)

    def start_connect(self, address: Address, returned: Callable[[int], None]) -> None:
        """Open a connection of a new socket and go on; `returned` is called when connect() returns.

        It hears an errno, or 0 if the connection is established.  Errors known at once are raised
        here, as by connect().
        """
        if self._connection is not None or self._listener is not None:
            raise os_error(errno.EISCONN)
        self._begin(address, None)
        self._returned = returned

    def disconnect(self) -> None:
        """Reset the connection, if there is one; the socket can connect again.

        This is connect() to an address of the family AF_UNSPEC.
        """
        if self._listener is not None:
            self._stop_listening()
        if self._connection is not None:
            self._connection.user = None
            calls.abort(self._connection, self.host.calendar.now)
        self._connection = self._deferred = None
        self._error = 0
        self._unread = True

    def connect_with(self, data: bytes, address: Address) -> Event:
        """Open a connection and send `data`, in the SYN if Fast Open permits (RFC 7413).

        This is sendto() with MSG_FASTOPEN; the event's value is the number of bytes taken, on a
        non-blocking socket those in the SYN.  Once the connection is open it is a send().
        Raises OSError: EOPNOTSUPP if the host's clients do not use Fast Open, and as connect().
        """
        tcp = self.host.tcp
        if not tcp.profile.fastopen & fastopen_client.CLIENT:
            raise os_error(errno.EOPNOTSUPP)
        connection = self._connection
        if connection is not None and connection.state != State.CLOSED:
            if connection.state in OPENING:
                raise os_error(errno.EALREADY)
            if self._told:
                raise os_error(errno.EISCONN)
            self._told = True
            return self.send(data)
        if not self.blocking:
            data = data[: fastopen_client.room(tcp.peers[address[0]], tcp.profile, self.settings)]
        return self._open(address, data)

    def _open(self, address: Address, early: bytes | None) -> Event:
        """Send the SYN and return what connect() returns."""
        self._begin(address, early)
        env = self.host.env
        if not self.blocking:
            if early:
                return Done(env, len(early))
            raise os_error(errno.EINPROGRESS)
        self._waiting = waiting = Event(env)
        if early is not None:
            self._early = len(early)
        return waiting

    def _begin(self, address: Address, early: bytes | None) -> None:
        """Send the SYN; the rows of the records tell of errors, too."""
        dst, dport = address
        self._deferred = None
        host = self.host
        now = host.calendar.now
        records = host.records
        try:
            path = host.path(dst)
        except OSError as error:
            row = records.start(records.add_path(host.name, None, 0, 0), dport, now)
            records.finish(row, now, 0, errno_name(error))
            raise
        self.observed = row = records.start(path, dport, now)
        self._told = False
        connection = Connection(host.tcp, self, row, self.settings)
        try:
            sport = self._bound[1] if self._bound else self._port_in_range(dst, dport)
            host.tcp.connect(connection, dst, dport, now, sport, early)
        except OSError as error:
            records.finish(row, now, 0, errno_name(error))
            raise
        self._connection = connection

    def _port_in_range(self, dst: str, dport: int) -> int:
        """Return a free port of IP_LOCAL_PORT_RANGE; 0 if the host may choose."""
        tcp = self.host.tcp
        low, high = tcp.profile.local_ports
        first, last = self.settings.local_ports
        if not first and not last:
            return 0
        src = self.host.source_address(dst)
        for port in range(max(first, low), min(last or high, high) + 1):
            holder = tcp.connections.get(Flow(dst, dport, src, port))
            free = holder is None or holder.reusable(self.host.calendar.now)
            if free and port not in tcp.ports.bound:
                return port
        raise os_error(errno.EADDRNOTAVAIL)

    # Data.

    def send(self, data: bytes, more: bool = False) -> Event:
        """Queue data; the event's value is the number of bytes taken, all if it may wait.

        `more`: the rest of it follows soon, so that a small segment may wait (MSG_MORE).
        Raises OSError: ENOTCONN, EPIPE after shutdown or close by this side, EAGAIN if nothing
        can be taken without waiting, or the errno that ended the connection.
        """
        connection = self._connection
        if self._deferred is not None:
            return self.connect_with(data, self._deferred)
        if connection is None:
            raise os_error(self.take_error() or errno.EPIPE)
        if self._error:
            raise os_error(self.take_error())
        env = self.host.env
        if connection.state in OPENING and not self.blocking and not connection.fast_open:
            raise os_error(errno.EAGAIN)
        taken = calls.send(connection, data, self.host.calendar.now, more)
        if taken == len(data):
            return Done(env, taken)
        if not self.blocking:
            if not taken:
                raise os_error(errno.EAGAIN)
            return Done(env, taken)
        event = Event(env)
        self._writing = event, data[taken:], len(data)
        return event

    def recv(self, count: int = 65536) -> Event:
        """Wait for data; the event's value is up to `count` bytes, b"" at the end of the stream.

        Raises OSError: ENOTCONN, EAGAIN if it may not wait, or the errno that ended it.
        """
        connection = self._connection
        if self._deferred is not None:
            raise os_error(errno.EAGAIN)
        if connection is None:
            raise os_error(self.take_error() or errno.ENOTCONN)
        data = self._received(connection, count)
        if data is not None:
            return Done(self.host.env, data)
        if not self.blocking:
            raise os_error(errno.EAGAIN)
        event = Event(self.host.env)
        self._reading = event, count
        return event

    def _received(self, connection: Connection, count: int) -> bytes | None:
        receiving = connection.receiving
        if (receiving is None or not receiving.buffer) and self._error:
            raise os_error(self.take_error())
        data = calls.receive(connection, count, self.host.calendar.now)
        return b"" if data is None and not self._unread else data

    def push(self) -> None:
        """Let go out what a cork, MSG_MORE or Nagle's algorithm has held back."""
        if self._connection is not None:
            sending.push(self._connection, self.host.calendar.now)

    def unread(self) -> int:
        """Return how many bytes recv() would give at once (SIOCINQ)."""
        connection = self._connection
        receiving = None if connection is None else connection.receiving
        return len(receiving.buffer) if receiving is not None else 0

    def waiting_hint(self) -> int:
        """Return what TCP_INQ reports beside data: bytes to read, 1 if only the end is left."""
        connection = self._connection
        ended = connection is not None and connection.peer_closed
        return self.unread() or int(ended)

    def unacknowledged(self) -> int:
        """Return how many bytes were sent or queued that the peer has not acknowledged (SIOCOUTQ).

        The FIN counts as one.
        """
        connection = self._connection
        sending = None if connection is None else connection.sending
        return len(sending.buffer) + sending.fin if sending is not None else 0

    # The end.

    def shutdown(self, how: int) -> None:
        """Send no more (SHUT_WR), read no more (SHUT_RD), or both (SHUT_RDWR).

        Raises OSError (ENOTCONN) without a connection.
        """
        connection = self._connection
        if self._listener is not None:
            self._stop_listening()
            return
        if connection is None or connection.state == State.CLOSED:
            raise os_error(errno.ENOTCONN)
        if how in (SHUT_RD, SHUT_RDWR):
            self._unread = False
        if how in (SHUT_WR, SHUT_RDWR):
            if connection.state == State.SYN_SENT:
                self.close()
            else:
                calls.shutdown(connection, self.host.calendar.now)
        self._notify()

    def close(self) -> None:
        """Close the connection, or stop listening; the socket is of no more use."""
        if self._listener is not None:
            self._stop_listening()
        elif self._connection is not None:
            calls.close(self._connection, self.host.calendar.now)
            self._connection = None
        if self._bound is not None:
            self.host.tcp.ports.release(self._bound[1], self)
            self._bound = None

    def _stop_listening(self) -> None:
        assert self._listener is not None
        assert self._bound is not None
        assert self._accepting is not None
        self.host.tcp.stop_listening(self._listener, self._bound, self.host.calendar.now)
        self._listener = None
        for waiting in self._accepting:
            waiting.fail(os_error(errno.EINVAL))
            waiting.defused = True
        self._accepting = None

    # Readiness, for programs that serve many sockets.

    def add_reader(self, callback: Callable[[Socket], None]) -> None:
        """Let `callback(socket)` be called once when there is something to read, or to accept.

        It is called at once if there is something now.
        """
        if self.readiness() & POLLIN:
            callback(self)
        else:
            self._reader = callback

    def readiness(self) -> int:
        """Return what poll() would: a mask of POLLIN, POLLOUT, POLLERR, POLLHUP..."""
        connection = self._connection
        if self._listener is not None:
            return POLLIN | POLLRDNORM if self._listener.accept_queue else 0
        error = POLLERR if self._error else 0
        if connection is None:
            hung_up = 0 if self._deferred is not None else POLLHUP
            return error | POLLOUT | hung_up
        state = connection.state
        mask = error
        if state == State.CLOSED:
            mask |= POLLHUP | POLLIN | POLLRDNORM | POLLRDHUP
        if connection.peer_closed or not self._unread:
            mask |= POLLIN | POLLRDNORM | POLLRDHUP
            if not sending.may_send(state):
                mask |= POLLHUP
        if state not in OPENING or connection.receiving is not None:
            if connection.receiving is not None and connection.receiving.buffer:
                mask |= POLLIN | POLLRDNORM
            if not sending.may_send(state) or sending.writable(connection):
                mask |= POLLOUT | POLLWRNORM
        return mask

    def changed(self) -> Event:
        """Return an event that happens when the readiness may have changed."""
        if self._watching is None:
            self._watching = Event(self.host.env)
        return self._watching

    def _notify(self) -> None:
        watching = self._watching
        if watching is not None:
            self._watching = None
            watching.succeed()

    # What the connection and the listener report.

    def acceptable(self, now: int) -> None:
        """Hear from the listener that a connection waits."""
        if self._accepting:
            assert self._listener is not None
            self._accepting.popleft().succeed(self._take(self._listener))
            return
        if self._watching is not None:
            self._notify()
        self._call_reader()

    def connected(self, now: int) -> None:
        """Hear from the connection that it is established."""
        waiting, connection = self._waiting, self._connection
        assert connection is not None
        if self.observed >= 0:
            self.host.records.finish(self.observed, now, connection.flow.sport)
        if waiting is not None:
            self._waiting = None
            self._told = True
            waiting.succeed(self._early)
        elif self._returned is not None:
            self._told = True
            self._return(0, now)
        if self._watching is not None:
            self._notify()

    def _return(self, number: int, now: int) -> None:
        """Let the connect() of start_connect() return."""
        if self._returned is not None:
            self.host.calendar.put(now, NORMAL, self._returned, number)
            self._returned = None

    def failed(self, number: int, now: int) -> None:
        """Hear from the connection that it is gone."""
        waiting, connection = self._waiting, self._connection
        assert connection is not None
        connection.error = 0
        if self.observed >= 0 and not self._told:
            name = ERRNO_NAMES[number]
            self.host.records.finish(self.observed, now, connection.flow.sport, name)
        waiters = [waiting, self._reading and self._reading[0], self._writing and self._writing[0]]
        self._waiting = self._reading = self._writing = None
        events = [event for event in waiters if event is not None]
        if self._returned is not None:
            self._return(number, now)
        elif not events:
            self._error = number
        for event in events:
            event.fail(os_error(number))
        self._notify()
        self._call_reader()

    def readable(self, now: int) -> None:
        """Hear from the connection that data or its end has arrived."""
        reading, connection = self._reading, self._connection
        assert connection is not None
        if reading is not None:
            event, count = reading
            data = self._received(connection, count)
            if data is not None:
                self._reading = None
                event.succeed(data)
        self._notify()
        self._call_reader()

    def _call_reader(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader(self)

    def writable(self, now: int) -> None:
        """Hear from the connection that the send buffer has room."""
        writing, connection = self._writing, self._connection
        if writing is not None and connection is not None:
            event, rest, total = writing
            rest = rest[calls.send(connection, rest, now) :]
            self._writing = (event, rest, total) if rest else None
            if not rest:
                event.succeed(total)
        if self._watching is not None:
            self._notify()


def socket(host: Host) -> Socket:
    """Create a TCP socket on a host."""
    return Socket(host)
