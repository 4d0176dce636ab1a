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

    __slots__ = ("_next", "_secret", "bound", "high", "low")

    def __init__(self, first_last: tuple[int, int], secret: int) -> None:
        self.low = first_last[0]
        self.high = first_last[1] + 1
        self.bound: dict[int, int] = {}
        """Ports given by bind(): how many sockets hold each."""
        self._secret = secret
        self._next: dict[tuple[str, int], int] = {}

    def choose(self, src: str, dst: str, dport: int, key: int, used: Container[Flow]) -> int:
        """Return a free local port for a connection to (dst, dport), or 0 if there is none.

        `key` is a number that belongs to the pair of addresses; `used` holds the flows in which
        segments of existing connections arrive.
        """
        low, high = self.low, self.high
        size = high - low
        destination = (dst, dport)
        offset = self._next.get(destination)
        if offset is None:
            offset = mix(key ^ self._secret, dport)
        offset = offset % size & ~1
        for parity in (0, 1):
            port = low + (offset | parity)
            for _ in range(parity, size, 2):
                if port >= high:
                    port = low + parity
                if port not in self.bound and Flow(dst, dport, src, port) not in used:
                    self._next[destination] = port - low - parity + 2
                    return port
                port += 2
        return 0

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
