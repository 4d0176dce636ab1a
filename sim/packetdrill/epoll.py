"""epoll as scripts use it: sockets watched for readiness, each time or only for what is new.

With EPOLLET an event counts once, until it has gone in between or more data has come; with
EPOLLONESHOT once until the next EPOLL_CTL_MOD.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.socket import Socket
from sim.tcp.connection import Connection

OUT = 0x004
IN = 0x001
ALWAYS = 0x008 | 0x010
"""EPOLLERR and EPOLLHUP, which are reported unasked."""
ONESHOT = 1 << 30
EDGE = 1 << 31


@dataclass(slots=True)
class Watch:
    """One socket that an epoll descriptor watches."""

    socket: Socket
    events: int
    told: int = 0
    """Events that were reported and have stood since."""
    read_to: int = -1
    """RCV.NXT when data was last reported."""

    def look(self) -> None:
        """Take note of what is no longer ready: it may be reported again."""
        self.told &= self.socket.readiness()

    def ready(self) -> int:
        """Return the events to report."""
        asked = self.events & 0xFFFF
        mask = self.socket.readiness() & (asked | ALWAYS) if asked else 0
        if not self.events & EDGE:
            return mask
        more = mask & IN and self.read_to != self._received()
        return mask if mask & ~self.told or more else 0

    def report(self, mask: int) -> None:
        """Take note that events were reported."""
        self.told, self.read_to = mask, self._received()
        if self.events & ONESHOT:
            self.events = 0

    def _received(self) -> int:
        control = self.socket.control_block
        return control.rcv_nxt if isinstance(control, Connection) else -1


class Epoll:
    """What stands behind a descriptor of epoll_create()."""

    def __init__(self) -> None:
        self.watches: dict[int, Watch] = {}
        """By the descriptor of the socket in the script."""

    def look(self) -> None:
        """Take note of what a call has changed."""
        for watch in self.watches.values():
            watch.look()

    def ready(self) -> dict[int, int]:
        """Return the events to report, by descriptor."""
        masks = {fd: watch.ready() for fd, watch in self.watches.items()}
        return {fd: mask for fd, mask in masks.items() if mask}
