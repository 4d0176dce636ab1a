"""The system calls of scripts, made on sockets of a simulated host.

A call that never waits returns its result; another is a generator that yields what a call of
`sim.socket` gives to wait for.  A call that is not in `CALLS`, an argument that it does not take,
and data other than the script expects are a `CallError`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sim.host import Host
from sim.packetdrill.arguments import CallError, describe, expect, only, take
from sim.packetdrill.readiness import Arguments, Readiness, Running
from sim.packetdrill.script import Ellipsis, Expression, Name, Settings
from sim.socket import Socket
from sim.tcp.connection import Connection
from sim.tcp.errors import os_error
from sim.tcp.listener import Listener

NOWHERE = Name("NULL")
"""The buffer that no call may use."""

UNSPECIFIED = Name("AF_UNSPEC")
"""The address that connect() takes to end a connection."""

WITHOUT_EFFECT = (
    *(("IPPROTO_TCP", "TCP_KEEPIDLE"), ("IPPROTO_TCP", "TCP_KEEPINTVL")),
    *(("IPPROTO_TCP", "TCP_KEEPCNT"), ("IPPROTO_TCP", "TCP_CONGESTION")),
    *(("IPPROTO_TCP", "TCP_NOTSENT_LOWAT"), ("SOL_SOCKET", "SO_PRIORITY")),
    *(("SOL_SOCKET", "SO_ZEROCOPY"),),
    *(("SOL_SOCKET", "SO_MAX_PACING_RATE"), ("IPPROTO_IP", "IP_BIND_ADDRESS_NO_PORT")),
)
"""Options of what is not simulated: keep-alive, congestion control, pacing, priorities, copies."""

FLAGS = ("MSG_NOSIGNAL", "MSG_DONTWAIT", "MSG_FASTOPEN", "MSG_MORE", "MSG_ZEROCOPY")
"""Flags that a send or receive may have; MSG_ZEROCOPY changes nothing of what is sent."""


class Calls(Readiness):
    """The process whose calls a script makes."""

    def __init__(
        self, host: Host, remote: str, settings: Settings, symbols: dict[str, int]
    ) -> None:
        super().__init__(host, symbols)
        self.remote = remote
        self.settings = settings
        self.client: tuple[str, int] = (remote, 0)
        """Address of the client that was accepted last."""

    def make(self, name: str, arguments: Arguments, result: int) -> int | Running:
        """Make a call; `result` is what the script expects, which names new descriptors."""
        call = CALLS.get(name)
        if call is None:
            raise CallError(f"system call '{name}' is not supported")
        return call(self, arguments, result)

    def control_block(self, fd: int) -> Connection | Listener | None:
        """Return what TCP keeps of a socket, None if it was never opened."""
        return self._descriptor(fd).control_block

    def _flags(self, expression: Expression) -> int:
        """Return the flags of a send or receive, which must be such as are understood."""
        flags = self.values.number(expression)
        for name in FLAGS:
            flags &= ~self.symbols[name]
        if flags:
            raise CallError(f"flags {flags:#x} are not supported")
        return self.values.number(expression)

    @contextmanager
    def _without_waiting(self, socket: Socket, flags: int) -> Generator[None, None, None]:
        """Let calls on a socket not wait, if MSG_DONTWAIT is among the flags."""
        blocking = socket.blocking
        if flags & self.symbols["MSG_DONTWAIT"]:
            socket.setblocking(False)
        try:
            yield
        finally:
            socket.setblocking(blocking)

    # Descriptors.

    def _socket(self, arguments: Arguments, result: int) -> int:
        domain, kind, protocol = take(arguments, 3)
        if not isinstance(domain, Ellipsis):
            self.values.number(domain)
        bits = self.values.number(kind)
        modes = self.symbols["SOCK_NONBLOCK"] | self.symbols["SOCK_CLOEXEC"]
        if bits & ~modes != self.symbols["SOCK_STREAM"]:
            raise CallError("only sockets of type SOCK_STREAM are supported")
        if self.values.number(protocol) not in (0, self.symbols["IPPROTO_TCP"]):
            raise CallError("only the protocol TCP is supported")
        if result in self.sockets:
            raise CallError(f"descriptor {result} is in use")
        socket = self.host.socket()
        socket.setblocking(not bits & self.symbols["SOCK_NONBLOCK"])
        return self._new(result, socket)

    def _new(self, fd: int, socket: Socket) -> int:
        if fd >= 0:
            self.sockets[fd] = socket
        return max(fd, 0)

    def _fcntl(self, arguments: Arguments, _result: int) -> int:
        socket = self.socket(arguments[0]) if arguments else None
        command = self.values.number(arguments[1]) if len(arguments) > 1 else None
        nonblock = self.symbols["O_NONBLOCK"]
        if socket is not None and command == self.symbols["F_GETFL"] and len(arguments) == 2:
            return self.symbols["O_RDWR"] | (0 if socket.blocking else nonblock)
        if socket is not None and command == self.symbols["F_SETFL"] and len(arguments) == 3:
            socket.setblocking(not self.values.number(arguments[2]) & nonblock)
            return 0
        raise CallError("only F_GETFL and F_SETFL are supported")

    def _close(self, arguments: Arguments, _result: int) -> int:
        (descriptor,) = take(arguments, 1)
        fd = self.values.number(descriptor)
        if self.epolls.pop(fd, None) is None:
            self._descriptor(fd).close()
            del self.sockets[fd]
            for epoll in self.epolls.values():
                epoll.watches.pop(fd, None)
        return 0

    def _ioctl(self, arguments: Arguments, _result: int) -> int:
        fd, request, value = take(arguments, 3)
        socket, number = self.socket(fd), self.values.number(request)
        if number == self.symbols["SIOCINQ"]:
            found = socket.unread()
        elif number == self.symbols["SIOCOUTQ"]:
            found = socket.unacknowledged()
        else:
            raise CallError("only SIOCINQ and SIOCOUTQ are supported")
        wanted = self.values.number(only(value))
        if found != wanted:
            raise CallError(f"the value is {found}, expected {wanted}")
        return 0

    def _shutdown(self, arguments: Arguments, _result: int) -> int:
        fd, how = take(arguments, 2)
        self.socket(fd).shutdown(self.values.number(how))
        return 0

    # Opening.

    def _bind(self, arguments: Arguments, _result: int) -> int:
        self._with_address(arguments).bind((self.host.address, self.settings.bind_port))
        return 0

    def _listen(self, arguments: Arguments, _result: int) -> int:
        fd, backlog = take(arguments, 2)
        self.socket(fd).listen(self.values.number(backlog))
        return 0

    def _accept(self, arguments: Arguments, result: int) -> Running:
        socket, self.client = yield self._with_address(arguments).accept()
        return self._new(result, socket)

    def _connect(self, arguments: Arguments, _result: int) -> Running:
        fd, address, _ = take(arguments, 3)
        if address == UNSPECIFIED:
            self.socket(fd).disconnect()
            return 0
        yield self._with_address(arguments).connect((self.remote, self.settings.connect_port))
        return 0

    def _with_address(self, arguments: Arguments) -> Socket:
        """Return the socket of a call whose address packetdrill chooses."""
        fd, address, length = take(arguments, 3)
        self._chosen(address, length)
        return self.socket(fd)

    def _chosen(self, address: Expression, length: Expression) -> None:
        if not isinstance(address, Ellipsis):
            raise CallError(f"the address ... is expected, not {describe(address)}")
        expect(length, Ellipsis)

    # Data.

    def _write(self, arguments: Arguments, _result: int) -> Running:
        fd, buffer, count = take(arguments, 3)
        self._buffer(buffer)
        return self._send(self.socket(fd), self.values.number(count), 0)

    def _writev(self, arguments: Arguments, _result: int) -> Running:
        fd, vector, count = take(arguments, 3)
        return self._send(self.socket(fd), self.values.vector(vector, count), 0)

    def _send_flags(self, arguments: Arguments, _result: int) -> Running:
        fd, buffer, count, flags = take(arguments, 4)
        self._buffer(buffer)
        return self._send(self.socket(fd), self.values.number(count), self._flags(flags))

    def _sendto(self, arguments: Arguments, _result: int) -> Running:
        fd, buffer, count, flags, address, length = take(arguments, 6)
        self._buffer(buffer)
        if address == UNSPECIFIED and self._flags(flags) & self.symbols["MSG_FASTOPEN"]:
            raise os_error(errno.EOPNOTSUPP)
        self._chosen(address, length)
        return self._send(self.socket(fd), self.values.number(count), self._flags(flags))

    def _sendmsg(self, arguments: Arguments, _result: int) -> Running:
        fd, message, flags = take(arguments, 3)
        count = self.values.message(message, "msg_flags")
        return self._send(self.socket(fd), count, self._flags(flags))

    def _send(self, socket: Socket, count: int, flags: int) -> Running:
        with self._without_waiting(socket, flags):
            if flags & self.symbols["MSG_FASTOPEN"]:
                address = self.remote, self.settings.connect_port
                sent = socket.connect_with(bytes(count), address)
            else:
                sent = socket.send(bytes(count), more=bool(flags & self.symbols["MSG_MORE"]))
        return int((yield sent))

    def _buffer(self, buffer: Expression) -> None:
        """Look at the buffer of a send or receive: any, or NULL, which Linux refuses."""
        if buffer == NOWHERE:
            raise os_error(errno.EFAULT)
        expect(buffer, Ellipsis)

    def _read(self, arguments: Arguments, _result: int) -> Running:
        fd, buffer, count = take(arguments, 3)
        self._buffer(buffer)
        return self._receive(self.socket(fd), self.values.number(count), 0)

    def _readv(self, arguments: Arguments, _result: int) -> Running:
        fd, vector, count = take(arguments, 3)
        return self._receive(self.socket(fd), self.values.vector(vector, count), 0)

    def _recv(self, arguments: Arguments, _result: int) -> Running:
        fd, buffer, count, flags = take(arguments, 4)
        self._buffer(buffer)
        return self._receive(self.socket(fd), self.values.number(count), self._flags(flags))

    def _recvfrom(self, arguments: Arguments, _result: int) -> Running:
        fd, buffer, count, flags, address, length = take(arguments, 6)
        self._buffer(buffer)
        self._chosen(address, length)
        return self._receive(self.socket(fd), self.values.number(count), self._flags(flags))

    def _recvmsg(self, arguments: Arguments, _result: int) -> Running:
        fd, message, flags = take(arguments, 3)
        count = self.values.message(message, "msg_flags", "msg_control")
        socket = self.socket(fd)
        received = yield from self._receive(socket, count, self._flags(flags))
        wanted = self.values.control(message, (self.symbols["SOL_TCP"], self.symbols["TCP_CM_INQ"]))
        waiting = [socket.waiting_hint()] if socket.settings.inq else []
        if wanted != waiting:
            raise CallError(f"the control messages are {waiting}, expected {wanted}")
        return received

    def _receive(self, socket: Socket, count: int, flags: int) -> Running:
        with self._without_waiting(socket, flags):
            received = socket.recv(count)
        return len((yield received))

    # Options.

    def _option(self, level: Expression, option: Expression) -> tuple[int, int]:
        return self.values.number(level), self.values.number(option)

    def _is_without_effect(self, key: tuple[int, int]) -> bool:
        return key in [(self.symbols[level], self.symbols[name]) for level, name in WITHOUT_EFFECT]

    def _setsockopt(self, arguments: Arguments, _result: int) -> int:
        fd, level, option, setting, length = take(arguments, 5)
        socket, key = self.socket(fd), self._option(level, option)
        value = self.values.option(setting, length)
        if self._is_without_effect(key):
            return 0
        socket.setsockopt(*key, value)
        return 0

    def _getsockopt(self, arguments: Arguments, result: int) -> int:
        fd, level, option, setting, length = take(arguments, 5)
        key = self._option(level, option)
        self.values.number(only(length))
        wanted = self.values.option(setting, only(length))
        value = self.socket(fd).getsockopt(*key)
        if value != wanted and result == 0:
            raise CallError(f"the option is {value}, expected {wanted!r}")
        return 0


CALLS: dict[str, Callable[[Calls, Arguments, int], int | Running]] = {
    "accept": Calls._accept,
    "bind": Calls._bind,
    "close": Calls._close,
    "connect": Calls._connect,
    "epoll_create": Calls._epoll_create,
    "epoll_ctl": Calls._epoll_ctl,
    "epoll_wait": Calls._epoll_wait,
    "fcntl": Calls._fcntl,
    "getsockopt": Calls._getsockopt,
    "ioctl": Calls._ioctl,
    "listen": Calls._listen,
    "poll": Calls._poll,
    "read": Calls._read,
    "readv": Calls._readv,
    "recv": Calls._recv,
    "recvfrom": Calls._recvfrom,
    "recvmsg": Calls._recvmsg,
    "send": Calls._send_flags,
    "sendmsg": Calls._sendmsg,
    "sendto": Calls._sendto,
    "setsockopt": Calls._setsockopt,
    "shutdown": Calls._shutdown,
    "socket": Calls._socket,
    "write": Calls._write,
    "writev": Calls._writev,
}

NEW_DESCRIPTOR = frozenset({"accept", "socket"})
"""Calls whose result is a descriptor: any number of 0 or more is as good as the script's."""
