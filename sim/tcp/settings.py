"""What a program can set on a socket, and what an accepted connection inherits from its listener.

Socket options of POSIX and of Linux's tcp(7); `sim.socket` maps their names to these fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(slots=True)
class Settings:
    """The options of one socket; sockets that set none share `DEFAULTS`."""

    reuse_address: bool = False
    reuse_port: bool = False
    keepalive: bool = False
    linger: int = -1
    """SO_LINGER in seconds; -1: off; 0: close() resets the connection."""
    sndbuf: int = 0
    """SO_SNDBUF, bytes; 0: the host's default."""
    rcvbuf: int = 0
    """SO_RCVBUF, bytes; 0: the host's default."""
    maxseg: int = 0
    """TCP_MAXSEG, bytes; 0: what the way to the peer takes."""
    nodelay: bool = False
    cork: bool = False
    """TCP_CORK: segments that are not full wait."""
    inq: bool = False
    """TCP_INQ: recvmsg() tells how much is left to read."""
    syncnt: int = 0
    """TCP_SYNCNT: SYN retransmissions; 0: the host's default."""
    keepinit: int = 0
    """FreeBSD's TCP_KEEPINIT: how long connect() may take, ns; 0: the host's default."""
    no_options: bool = False
    """FreeBSD's TCP_NOOPT: segments carry no options, and the peer's are not heeded."""
    user_timeout: int = 0
    """TCP_USER_TIMEOUT, ns; 0: the host's default."""
    defer_accept: int = 0
    """TCP_DEFER_ACCEPT as the number of SYN-ACK timeouts that it waits; 0: off."""
    fastopen: int = 0
    """TCP_FASTOPEN: connections that may wait with data and without the third segment; 0: off."""
    fastopen_key: bytes = b""
    """TCP_FASTOPEN_KEY of a listener, 16 bytes; b"": the host's."""
    fastopen_connect: bool = False
    """TCP_FASTOPEN_CONNECT: connect() waits for the first data if it may go with the SYN."""
    local_ports: tuple[int, int] = (0, 0)
    """IP_LOCAL_PORT_RANGE: first and last port for connect(); zeros: the host's range."""
    linger2: int = 0
    """TCP_LINGER2: time in FIN-WAIT-2 after close(), ns; 0: the host's default; -1: none."""


DEFAULTS: Final = Settings()
