"""Socket options by their numbers: Linux's setsockopt() and getsockopt().

The numbers are those of Python's socket module on Linux (asm-generic/socket.h, linux/tcp.h), given
here so that they do not depend on the system that the simulator runs on.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sim.tcp.errors import os_error
from sim.tcp.fastopen_client import CLIENT
from sim.tcp.states import State

if TYPE_CHECKING:
    from sim.socket import Socket
    from sim.tcp.settings import Settings

SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, IPPROTO_IPV6 = 1, 0, 6, 41
SO_REUSEADDR, SO_ERROR, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE = 2, 4, 7, 8, 9
SO_LINGER, SO_REUSEPORT, SO_ACCEPTCONN = 13, 15, 30
TCP_NODELAY, TCP_MAXSEG, TCP_CORK, TCP_SYNCNT, TCP_LINGER2 = 1, 2, 3, 7, 8
IP_LOCAL_PORT_RANGE = 51
TCP_DEFER_ACCEPT, TCP_QUICKACK, TCP_USER_TIMEOUT, TCP_FASTOPEN = 9, 12, 18, 23
TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_KEY, TCP_INQ = 30, 33, 36
TCP_KEEPINIT, TCP_NOOPT = 128, 129
"""FreeBSD's; the second is 8 there, which is Linux's TCP_LINGER2."""

S, MS = 1_000_000_000, 1_000_000

FLAGS = {
    (SOL_SOCKET, SO_REUSEADDR): "reuse_address",
    (SOL_SOCKET, SO_REUSEPORT): "reuse_port",
    (SOL_SOCKET, SO_KEEPALIVE): "keepalive",
    (IPPROTO_TCP, TCP_NODELAY): "nodelay",
    (IPPROTO_TCP, TCP_CORK): "cork",
    (IPPROTO_TCP, TCP_INQ): "inq",
    (IPPROTO_TCP, TCP_FASTOPEN_CONNECT): "fastopen_connect",
    (IPPROTO_TCP, TCP_NOOPT): "no_options",
}
"""Options that are on or off."""

PUSHING = {(IPPROTO_TCP, TCP_NODELAY): 1, (IPPROTO_TCP, TCP_CORK): 0}
"""Options, and the value that lets what was held back go out at once."""

NUMBERS = {
    (SOL_SOCKET, SO_LINGER): ("linger", -1, 1 << 30),
    (SOL_SOCKET, SO_SNDBUF): ("sndbuf", 2304, 1 << 30),
    (SOL_SOCKET, SO_RCVBUF): ("rcvbuf", 1152, 1 << 30),
    (IPPROTO_TCP, TCP_SYNCNT): ("syncnt", 1, 127),
    (IPPROTO_TCP, TCP_FASTOPEN): ("fastopen", 0, 1 << 30),
}
"""Options that are numbers: field, least and greatest value."""


DURATIONS = {
    (IPPROTO_TCP, TCP_USER_TIMEOUT): ("user_timeout", MS, 0),
    (IPPROTO_TCP, TCP_KEEPINIT): ("keepinit", S, 1),
}
"""Options that are times: field, unit, least value."""

FASTOPEN_KEY_LENGTH = 16
"""Bytes of a key; a second one for rotation is not understood."""


def set_option(socket: Socket, level: int, option: int, value: int | bytes) -> None:
    """Set an option; raises OSError (ENOPROTOOPT, EINVAL)."""
    key = level, option
    if isinstance(value, int):
        changed = _set(socket, key, value)
    elif key == (IPPROTO_TCP, TCP_FASTOPEN_KEY) and len(value) == FASTOPEN_KEY_LENGTH:
        changed = replace(socket.settings, fastopen_key=value)
    else:
        raise os_error(errno.EINVAL)
    socket.change_settings(changed)
    if key in PUSHING and value == PUSHING[key]:
        socket.push()


def _set(socket: Socket, key: tuple[int, int], value: int) -> Settings:
    settings = socket.settings
    if key in FLAGS:
        if key == (IPPROTO_TCP, TCP_FASTOPEN_CONNECT):
            _may_defer(socket)
        changes: dict[str, Any] = {FLAGS[key]: bool(value)}
        changed = replace(settings, **changes)
    elif key in NUMBERS:
        changed = _set_number(settings, key, value)
    elif key in DURATIONS:
        changed = _set_duration(settings, key, value)
    elif key == (IPPROTO_TCP, TCP_MAXSEG):
        if value and not 88 <= value <= 32767:
            raise os_error(errno.EINVAL)
        changed = replace(settings, maxseg=value)
    elif key == (IPPROTO_TCP, TCP_DEFER_ACCEPT):
        changed = replace(settings, defer_accept=retransmits_within(value))
    elif key == (IPPROTO_IP, IP_LOCAL_PORT_RANGE):
        changed = replace(settings, local_ports=port_range(value))
    elif key == (IPPROTO_TCP, TCP_LINGER2):
        changed = replace(settings, linger2=value * S if value >= 0 else -1)
    elif key == (IPPROTO_TCP, TCP_QUICKACK):
        changed = settings
        _quick_ack(socket, bool(value))
    else:
        raise os_error(errno.ENOPROTOOPT)
    return changed


def _set_duration(settings: Settings, key: tuple[int, int], value: int) -> Settings:
    field, unit, least = DURATIONS[key]
    if value < least:
        raise os_error(errno.EINVAL)
    changes: dict[str, Any] = {field: value * unit}
    return replace(settings, **changes)


def _set_number(settings: Settings, key: tuple[int, int], value: int) -> Settings:
    field, least, greatest = NUMBERS[key]
    if field in ("sndbuf", "rcvbuf"):
        value = max(value, least)
    if not least <= value <= greatest:
        raise os_error(errno.EINVAL)
    changes: dict[str, Any] = {field: value}
    return replace(settings, **changes)


def port_range(value: int) -> tuple[int, int]:
    """Return first and last port of IP_LOCAL_PORT_RANGE: the last in the upper half.

    >>> port_range(50010 << 16 | 50000)
    (50000, 50010)
    """
    first, last = value & 0xFFFF, value >> 16 & 0xFFFF
    if first and last and first > last:
        raise os_error(errno.EINVAL)
    return first, last


def retransmits_within(seconds: int) -> int:
    """Return how many SYN-ACK timeouts fit in so many seconds (secs_to_retrans of the kernel).

    >>> retransmits_within(5), retransmits_within(1), retransmits_within(0)
    (3, 1, 0)
    """
    count, timeout, period = 0, 1, 0
    if seconds > 0:
        count, period = 1, timeout
        while seconds > period and count < 255:
            count += 1
            timeout = min(timeout << 1, 120)
            period += timeout
    return count


def _may_defer(socket: Socket) -> None:
    """Raise OSError unless connect() may still wait for data, and the host uses Fast Open."""
    if not socket.host.tcp.profile.fastopen & CLIENT:
        raise os_error(errno.EOPNOTSUPP)
    if socket.control_block is not None:
        raise os_error(errno.EINVAL)


def _quick_ack(socket: Socket, quick: bool) -> None:
    control = socket._connection
    if control is not None and control.receiving is not None:
        control.receiving.dialogue = not quick


def _maxseg(socket: Socket) -> int:
    connection = socket._connection
    if connection is not None and connection.state not in (State.CLOSED, State.SYN_SENT):
        return connection.mss
    return socket.settings.maxseg or 536


def _sndbuf(socket: Socket) -> int:
    """Return the size of the send buffer; Linux doubles what is asked for (socket(7))."""
    profile = socket.host.tcp.profile
    return socket.settings.sndbuf << profile.doubles_buffers or profile.send_buffer


def _rcvbuf(socket: Socket) -> int:
    """Return the size of the receive buffer, of which Linux lets the window have a half."""
    profile = socket.host.tcp.profile
    connection = socket._connection
    size = socket.settings.rcvbuf or profile.receive_space
    opening = connection is None or connection.state in (State.CLOSED, State.SYN_SENT)
    if connection is not None and not opening and profile.buffer_in_segments:
        size = profile.receive_window(0, connection.mss, size)
    return size << profile.doubles_buffers


READERS: dict[tuple[int, int], Callable[[Socket], int]] = {
    (SOL_SOCKET, SO_ERROR): lambda s: s.take_error(),
    (SOL_SOCKET, SO_RCVBUF): _rcvbuf,
    (SOL_SOCKET, SO_SNDBUF): _sndbuf,
    (SOL_SOCKET, SO_ACCEPTCONN): lambda s: int(s.listening),
    (IPPROTO_IP, IP_LOCAL_PORT_RANGE): (
        lambda s: s.settings.local_ports[1] << 16 | s.settings.local_ports[0]
    ),
    (IPPROTO_TCP, TCP_MAXSEG): _maxseg,
    (IPPROTO_TCP, TCP_USER_TIMEOUT): lambda s: s.settings.user_timeout // MS,
    (IPPROTO_TCP, TCP_KEEPINIT): lambda s: (s.settings.keepinit or s.default_keepinit) // S,
    (IPPROTO_TCP, TCP_SYNCNT): lambda s: s.settings.syncnt or s.default_syncnt,
    (IPPROTO_TCP, TCP_DEFER_ACCEPT): lambda s: (1 << s.settings.defer_accept) - 1,
}
"""Options whose value is not simply a setting."""


def get_option(socket: Socket, level: int, option: int) -> int:
    """Return an option's value; raises OSError (ENOPROTOOPT)."""
    key = level, option
    if key in READERS:
        return READERS[key](socket)
    if key in FLAGS:
        return int(getattr(socket.settings, FLAGS[key]))
    if key in NUMBERS:
        return int(getattr(socket.settings, NUMBERS[key][0]))
    raise os_error(errno.ENOPROTOOPT)
