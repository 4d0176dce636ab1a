"""Ephemeral ports (RFC 6056 algorithm 4, double-hash, as Linux uses it: even ports first).

The search begins at an offset that depends on the destination and on how many ports were handed
out before, takes the ports of the range's first parity, and the others only when those are used.
"""

from __future__ import annotations

from collections.abc import Container

from sim.packet import Flow
from sim.tcp.isn import mix


class Ports:
    """The local ports of a host, by number."""

    __slots__ = ("_next", "bound", "high", "low")

    def __init__(self, first_last: tuple[int, int]) -> None:
        self.low = first_last[0]
        self.high = first_last[1] + 1
        self.bound: dict[int, int] = {}
        """Ports given by bind(): how many sockets hold each."""
        self._next: dict[tuple[int, int], int] = {}

    def choose(
        self, src: str, dst: str, dport: int, key: int, used: Container[Flow]
    ) -> Flow | None:
        """Return the flow to (dst, dport) from a free local port, or None if no port is free.

        The flow is that of the answers: from (dst, dport) to the port.  `key` is a number that
        belongs to the pair of addresses; `used` holds the flows in which segments of existing
        connections arrive.
        """
        low, high = self.low, self.high
        size = high - low
        offset = self._next.get((key, dport))
        if offset is None:
            offset = mix(key, dport)
        offset = offset % size & ~1
        for parity in (0, 1):
            port = low + (offset | parity)
            for _ in range(parity, size, 2):
                if port >= high:
                    port = low + parity
                if port not in self.bound:
                    flow = tuple.__new__(Flow, (dst, dport, src, port))
                    if flow not in used:
                        self._next[key, dport] = port - low - parity + 2
                        return flow
                port += 2
        return None

    def bind(self, port: int) -> None:
        """Note that a socket holds the port."""
        self.bound[port] = self.bound.get(port, 0) + 1

    def release(self, port: int) -> None:
        """Note that a socket that held the port is gone."""
        holders = self.bound[port] - 1
        if holders:
            self.bound[port] = holders
        else:
            del self.bound[port]
