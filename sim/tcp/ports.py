"""Ephemeral ports (RFC 6056 algorithm 4, double-hash, as Linux uses it: even ports first).

The search begins at an offset that depends on the destination and on how many ports were handed
out before, takes the ports of the range's first parity, and the others only when those are used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from sim.packet import Flow
from sim.tcp.isn import mix
from sim.tcp.settings import Settings


class Holder(Protocol):
    """Whoever has the port of a flow."""

    def reusable(self, now: int) -> bool:
        """Whether it gives the port up to a new connection."""


class Binder(Protocol):
    """A socket that binds to a port."""

    settings: Settings

    @property
    def listening(self) -> bool:
        """Whether it listens."""


class Ports:
    """The local ports of a host, by number."""

    __slots__ = ("_next", "bound", "high", "low", "step")

    def __init__(self, first_last: tuple[int, int], step: int = 2) -> None:
        """Take the range and the step: 2 takes ports of one parity first."""
        self.step = step
        self.low = first_last[0]
        self.high = first_last[1] + 1
        self.bound: dict[int, list[Binder]] = {}
        """Ports given by bind(), and the sockets that hold each."""
        self._next: dict[tuple[int, int], int] = {}

    def choose(
        self,
        src: str,
        dst: str,
        dport: int,
        key: int,
        used: Mapping[Flow, Holder],
        now: int,
    ) -> Flow | None:
        """Return the flow to (dst, dport) from a free local port, or None if no port is free.

        The flow is that of the answers: from (dst, dport) to the port.  `key` is a number that
        belongs to the pair of addresses; `used` has the flows in which segments of existing
        connections arrive.
        """
        low, high = self.low, self.high
        size = high - low
        offset = self._next.get((key, dport))
        if offset is None:
            offset = mix(key, dport)
        step = self.step
        offset = offset % size // step * step
        for parity in range(step):
            port = low + offset + parity
            for _ in range(parity, size, step):
                if port >= high:
                    port = low + parity
                if port not in self.bound:
                    flow = tuple.__new__(Flow, (dst, dport, src, port))
                    holder = used.get(flow)
                    if holder is None or holder.reusable(now):
                        self._next[key, dport] = port - low - parity + step
                        return flow
                port += step
        return None

    def free(self, used: Iterable[Flow]) -> int:
        """Return the lowest ephemeral port that nobody has, for bind() to port 0; 0: none left."""
        taken = {flow[3] for flow in used}
        candidates = range(self.low, self.high)
        return next((p for p in candidates if p not in taken and p not in self.bound), 0)

    def may_bind(self, port: int, binder: Binder, used: Iterable[Flow]) -> bool:
        """Whether a socket may bind to the port, by SO_REUSEADDR and SO_REUSEPORT."""
        mine = binder.settings
        for holder in self.bound.get(port, ()):
            theirs = holder.settings
            shared = mine.reuse_port and theirs.reuse_port
            reused = mine.reuse_address and theirs.reuse_address and not holder.listening
            if not shared and not reused:
                return False
        return mine.reuse_address or all(flow[3] != port for flow in used)

    def bind(self, port: int, binder: Binder) -> None:
        """Note that a socket holds the port."""
        self.bound.setdefault(port, []).append(binder)

    def release(self, port: int, binder: Binder) -> None:
        """Note that a socket that held the port is gone."""
        holders = self.bound[port]
        holders.remove(binder)
        if not holders:
            del self.bound[port]
