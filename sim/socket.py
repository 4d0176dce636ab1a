"""BSD sockets for simulated hosts, with the names and exceptions of Python's socket module.

A call that waits returns something that a SimPy process yields::

    def client(env, host):
        s = host.socket()
        try:
            yield s.connect(("10.0.0.2", 80))
        except ConnectionRefusedError:
            ...
        s.close()
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simpy.events import Event

from sim.packet import NOT_OBSERVED
from sim.tcp.connection import Connection
from sim.tcp.listener import Listener
from sim.tcp.stack import ANY, os_error
from sim.tcp.states import State

if TYPE_CHECKING:
    from sim.host import Host

Address = tuple[str, int]

PEER_CLOSED = (State.CLOSE_WAIT, State.CLOSING, State.LAST_ACK, State.TIME_WAIT)
"""States after the peer's FIN."""


def errno_name(error: OSError) -> str:
    """Return the name of an exception's errno."""
    return errno.errorcode[error.errno or 0]


class Done(Event):
    """An event that has already happened: a process that yields it goes on at once."""

    def __init__(self, env: Any, value: Any = None) -> None:
        self.env = env
        self.callbacks = None  # type: ignore[assignment]
        self._ok = True
        self._value = value


class Socket:
    """A TCP socket.  Just created it knows neither its own address nor a peer."""

    __slots__ = ("_bound", "_connection", "_listener", "_reader", "_waiting", "host", "observed")

    def __init__(self, host: Host, connection: Connection | None = None) -> None:
        self.host = host
        self._bound: Address | None = None
        self._connection = connection
        self._listener: Listener | None = None
        self._waiting: Event | None = None
        self._reader: Callable[[], None] | None = None
        self.observed = NOT_OBSERVED
        if connection is not None:
            connection.user = self

    def bind(self, address: Address) -> None:
        """Give the socket a local address and port; "" is any address, port 0 any free one.

        Raises OSError: EINVAL if it is bound or connected, EADDRNOTAVAIL for an address that is
        not the host's, EADDRINUSE for a port that another socket holds.
        """
        host, port = address
        if self._bound is not None or self._connection is not None:
            raise os_error(errno.EINVAL)
        if host not in (ANY, self.host.address):
            raise os_error(errno.EADDRNOTAVAIL)
        ports = self.host.tcp.ports
        if port in ports.bound:
            raise os_error(errno.EADDRINUSE)
        if not port:
            port = self._free_port()
        ports.bind(port)
        self._bound = host, port

    def _free_port(self) -> int:
        tcp = self.host.tcp
        flow = tcp.ports.choose(self.host.address, ANY, 0, 0, tcp.connections)
        if flow is None:
            raise os_error(errno.EADDRINUSE)
        return flow.dport

    def listen(self, backlog: int = 128) -> None:
        """Let clients connect; up to `backlog` + 1 connections wait for accept().

        An unbound socket gets a port of its own.  Called again it changes the backlog.
        """
        if self._connection is not None:
            raise os_error(errno.EINVAL)
        if self._listener is not None:
            self._listener.set_backlog(backlog)
            return
        if self._bound is None:
            self.bind((ANY, 0))
        assert self._bound is not None
        self._listener = Listener(self.host.tcp, self, backlog)
        self.host.tcp.listeners[self._bound] = self._listener

    def accept(self) -> Event:
        """Wait for a connection; the event's value is (socket, peer's address).

        Raises OSError (EINVAL) if the socket does not listen.
        """
        listener = self._listener
        if listener is None:
            raise os_error(errno.EINVAL)
        env = self.host.env
        if listener.accept_queue and self._waiting is None:
            return Done(env, self._accepted(env._now))
        self._waiting = Event(env)
        return self._waiting

    def _accepted(self, now: int) -> tuple[Socket, Address]:
        assert self._listener is not None
        connection = self._listener.accept_queue.popleft()
        self.host.records.accepted(connection.observed, now)
        return Socket(self.host, connection), connection.key[:2]

    def connect(self, address: Address) -> Event:
        """Open a connection; the event succeeds when it is established.

        It fails with what Python raises: ConnectionRefusedError, TimeoutError, or OSError with
        the errno that the host would give.  Errors known at once are raised here: EISCONN,
        EALREADY, ENETUNREACH, EADDRNOTAVAIL, ENOBUFS.
        """
        if self._connection is not None:
            raise os_error(errno.EISCONN if self._waiting is None else errno.EALREADY)
        if self._listener is not None:
            raise os_error(errno.EISCONN)
        dst, dport = address
        host = self.host
        env = host.env
        now = env._now
        records = host.records
        try:
            path = host.path(dst)
        except OSError as error:
            row = records.start(records.add_path(host.name, None, 0, 0), dport, now)
            records.finish(row, now, 0, errno_name(error))
            raise
        self.observed = row = records.start(path, dport, now)
        connection = Connection(host.tcp, self, row)
        try:
            host.tcp.connect(connection, dst, dport, now, self._bound[1] if self._bound else 0)
        except OSError as error:
            records.finish(row, now, 0, errno_name(error))
            raise
        self._connection = connection
        self._waiting = waiting = Event(env)
        return waiting

    def add_reader(self, callback: Callable[[], None]) -> None:
        """Let `callback` be called once when there is something to read, as asyncio's loops do.

        An event loop of many connections needs this; a process yields `recv()`.
        """
        connection = self._connection
        if connection is not None and connection.state in PEER_CLOSED:
            callback()
        else:
            self._reader = callback

    def recv(self) -> Event:
        """Wait until the peer sends no more; the event's value is then b"".

        Raises OSError (ENOTCONN) without a connection.
        """
        connection = self._connection
        if connection is None:
            raise os_error(errno.ENOTCONN)
        if connection.state in PEER_CLOSED:
            return Done(self.host.env, b"")
        self._waiting = Event(self.host.env)
        return self._waiting

    def close(self) -> None:
        """Close the connection, or stop listening; the socket is of no more use."""
        now = self.host.env._now
        if self._bound is not None:
            self.host.tcp.ports.release(self._bound[1])
        if self._listener is not None:
            assert self._bound is not None
            del self.host.tcp.listeners[self._bound]
            self._listener.close(now)
            self._listener = None
        elif self._connection is not None:
            self._connection.user = None
            self._connection.close(now)
            self._connection = None
        self._bound = None

    def getsockname(self) -> Address:
        """Return the local address and port; ("", 0) before bind() or connect()."""
        if self._connection is not None:
            return self._connection.flow[0], self._connection.flow[1]
        return self._bound or (ANY, 0)

    def getpeername(self) -> Address:
        """Return the peer's address and port; raises OSError (ENOTCONN) if there is none."""
        if self._connection is None:
            raise os_error(errno.ENOTCONN)
        return self._connection.key[0], self._connection.key[1]

    # What the connection and the listener report.

    def acceptable(self, now: int) -> None:
        """Hear from the listener that a connection waits."""
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            waiting.succeed(self._accepted(now))

    def connected(self, now: int) -> None:
        """Hear from the connection that it is established."""
        waiting, connection = self._waiting, self._connection
        assert waiting is not None
        assert connection is not None
        self._waiting = None
        self.host.records.finish(self.observed, now, connection.flow[1])
        waiting.succeed()

    def failed(self, number: int, now: int) -> None:
        """Hear from the connection that it is gone."""
        waiting, connection = self._waiting, self._connection
        assert connection is not None
        self._connection = self._waiting = None
        if self.observed >= 0:
            name = errno.errorcode[number]
            self.host.records.finish(self.observed, now, connection.flow[1], name)
        if waiting is not None:
            waiting.fail(os_error(number))

    def peer_closed(self, now: int) -> None:
        """Hear from the connection that the peer sends no more."""
        waiting = self._waiting
        if waiting is not None:
            self._waiting = None
            waiting.succeed(b"")
        elif self._reader is not None:
            reader, self._reader = self._reader, None
            reader()


def socket(host: Host) -> Socket:
    """Create a TCP socket on a host."""
    return Socket(host)
