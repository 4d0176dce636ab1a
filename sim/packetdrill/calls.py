"""The system calls of scripts, made on sockets of a simulated host.

A call that never waits returns its result; another is a generator that yields what a call of
`sim.socket` gives to wait for.  A call that is not in `CALLS`, or an argument that it does not
take, is a `CallError`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from sim.host import Host
from sim.packetdrill.script import (
    Array,
    Call,
    Ellipsis,
    Expression,
    Integer,
    Name,
    Or,
    Settings,
    String,
    Structure,
)
from sim.socket import Socket
from sim.tcp.connection import Connection

Running = Generator[Any, Any, int]
"""A call that is being made; its value is its result."""

_Kind = TypeVar("_Kind", bound=Expression)


class CallError(Exception):
    """A call that cannot be made as the script says; one line."""


class Calls:
    """The process whose calls a script makes: its descriptors and what they stand for."""

    def __init__(
        self, host: Host, remote: str, settings: Settings, symbols: dict[str, int]
    ) -> None:
        self.host = host
        self.remote = remote
        self.settings = settings
        self.symbols = symbols
        self.sockets: dict[int, Socket] = {}
        """By the descriptor that the script gives them."""

    def make(self, name: str, arguments: tuple[Expression, ...], result: int) -> int | Running:
        """Make a call; `result` is what the script expects, which names new descriptors."""
        call = CALLS.get(name)
        if call is None:
            raise CallError(f"system call '{name}' is not supported")
        return call(self, arguments, result)

    def connection(self, fd: int) -> Connection | None:
        """Return the connection of a socket, None if it has none any more."""
        return self.socket(fd)._connection

    def socket(self, fd: int) -> Socket:
        """Return the socket with a descriptor of the script."""
        if fd not in self.sockets:
            raise CallError(f"there is no open socket {fd}")
        return self.sockets[fd]

    def number(self, expression: Expression) -> int:
        """Return the value of an expression over numbers and symbols."""
        match expression:
            case Integer(value):
                return value
            case Name(text) if text in self.symbols:
                return self.symbols[text]
            case Name(text):
                raise CallError(f"unknown symbol '{text}'")
            case Or(terms):
                bits = 0
                for term in terms:
                    bits |= self.number(term)
                return bits
        raise CallError(f"a number is expected, not {_what(expression)}")

    # The calls.

    def _socket(self, arguments: tuple[Expression, ...], result: int) -> int:
        domain, kind, protocol = _take(arguments, 3)
        if not isinstance(domain, Ellipsis):
            self.number(domain)
        if self.number(kind) & ~self.symbols["SOCK_CLOEXEC"] != self.symbols["SOCK_STREAM"]:
            raise CallError("only sockets of type SOCK_STREAM are supported")
        if self.number(protocol) not in (0, self.symbols["IPPROTO_TCP"]):
            raise CallError("only the protocol TCP is supported")
        return self._new(result, self.host.socket())

    def _new(self, fd: int, socket: Socket) -> int:
        if fd in self.sockets:
            raise CallError(f"descriptor {fd} is in use")
        if fd < 0:
            return 0
        self.sockets[fd] = socket
        return fd

    def _bind(self, arguments: tuple[Expression, ...], _result: int) -> int:
        fd = self._fd_and_address(arguments)
        self.socket(fd).bind((self.host.address, self.settings.bind_port))
        return 0

    def _listen(self, arguments: tuple[Expression, ...], _result: int) -> int:
        fd, backlog = _take(arguments, 2)
        self.socket(self.number(fd)).listen(self.number(backlog))
        return 0

    def _accept(self, arguments: tuple[Expression, ...], result: int) -> Running:
        fd = self._fd_and_address(arguments)
        socket, _ = yield self.socket(fd).accept()
        return self._new(result, socket)

    def _connect(self, arguments: tuple[Expression, ...], _result: int) -> Running:
        fd = self._fd_and_address(arguments)
        yield self.socket(fd).connect((self.remote, self.settings.connect_port))
        return 0

    def _read(self, arguments: tuple[Expression, ...], _result: int) -> Running:
        fd, buffer, _count = _take(arguments, 3)
        _expect(buffer, Ellipsis)
        data = yield self.socket(self.number(fd)).recv()
        return len(data)

    def _close(self, arguments: tuple[Expression, ...], _result: int) -> int:
        (fd,) = _take(arguments, 1)
        number = self.number(fd)
        self.socket(number).close()
        del self.sockets[number]
        return 0

    def _setsockopt(self, arguments: tuple[Expression, ...], _result: int) -> int:
        fd, level, option, value, _length = _take(arguments, 5)
        self.socket(self.number(fd))
        key = self.number(level), self.number(option)
        setting = self.number(_only(value))
        if key == (self.symbols["SOL_SOCKET"], self.symbols["SO_REUSEADDR"]) and setting in (0, 1):
            return 0
        raise CallError("this socket option is not supported")

    def _fd_and_address(self, arguments: tuple[Expression, ...]) -> int:
        """Return the descriptor of a call whose address packetdrill chooses."""
        fd, address, length = _take(arguments, 3)
        _expect(address, Ellipsis)
        _expect(length, Ellipsis)
        return self.number(fd)


CALLS: dict[str, Callable[[Calls, tuple[Expression, ...], int], int | Running]] = {
    "accept": Calls._accept,
    "bind": Calls._bind,
    "close": Calls._close,
    "connect": Calls._connect,
    "listen": Calls._listen,
    "read": Calls._read,
    "setsockopt": Calls._setsockopt,
    "socket": Calls._socket,
}

NEW_DESCRIPTOR = frozenset({"accept", "epoll_create", "open", "socket"})
"""Calls whose result is a descriptor: any number of 0 or more is as good as the script's."""


def _take(arguments: tuple[Expression, ...], count: int) -> tuple[Expression, ...]:
    if len(arguments) != count:
        raise CallError(f"{count} arguments are expected, not {len(arguments)}")
    return arguments


def _expect(expression: Expression, kind: type[_Kind]) -> _Kind:
    if not isinstance(expression, kind):
        raise CallError(f"{_NAMES[kind]} is expected, not {_what(expression)}")
    return expression


def _only(expression: Expression) -> Expression:
    """Return the one element of an array."""
    items = _expect(expression, Array).items
    if len(items) != 1:
        raise CallError(f"an array of one element is expected, not of {len(items)}")
    return items[0]


def _what(expression: Expression) -> str:
    return _NAMES[type(expression)]


_NAMES: dict[type, str] = {
    Ellipsis: "...",
    Integer: "a number",
    Name: "a symbol",
    String: "a string",
    Or: "flags",
    Array: "an array",
    Call: "a function",
    Structure: "a structure",
}
