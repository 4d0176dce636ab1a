"""Ephemeral ports (RFC 6056 algorithm 4, double-hash, as Linux uses it: even ports first).

The search begins at an offset that depends on the destination and on how many ports were handed
out before, takes the ports of the range's first parity, and the others only when those are used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from sim.packet import Flow
from sim.tcp.interfaces import Endpoint
from sim.tcp.isn import mix
from sim.tcp.settings import Settings


class Binder(Protocol):
    """A socket that binds to a port."""

    settings: Settings

    @property
    def listening(self) -> bool:
        """Whether it listens."""


class Destination:
    """How the ports towards one address and port were given out, by their place in a step."""

    __slots__ = ("busy", "next")

    def __init__(self, offset: int, step: int) -> None:
        self.next = [offset + place for place in range(step)]
        """Where the next search begins, from the lowest port on."""
        self.busy = [0] * step
        """Ports in use."""


class Ports:
    """The local ports of a host, by number."""

    __slots__ = ("_destinations", "bound", "high", "low", "step")

    def __init__(self, first_last: tuple[int, int], step: int = 2) -> None:
        """Take the range and the step: 2 takes ports of one parity first."""
        self.step = step
        self.low = first_last[0]
        self.high = first_last[1] + 1
        self.bound: dict[int, list[Binder]] = {}
        """Ports given by bind(), and the sockets that hold each."""
        self._destinations: dict[tuple[str, int], Destination] = {}

    def choose(
        self,
        src: str,
        dst: str,
        dport: int,
        key: int,
        used: dict[Flow, Endpoint],
        now: int,
        reuse: bool = False,
    ) -> Flow | None:
        """Return the flow to (dst, dport) from a free local port, or None if no port is free.

        The flow is that of the answers: from (dst, dport) to the port.  `key` is a number that
        belongs to the pair of addresses; `used` has the flows in which segments of existing
        connections arrive; `reuse`: whether ports in TIME-WAIT may be taken.
        """
        low, step = self.low, self.step
        size = self.high - low
        destination = self._destinations.get((dst, dport))
        if destination is None:
            offset = mix(key, dport) % size // step * step
            destination = self._destinations[dst, dport] = Destination(offset, step)
        for place in range(step):
            count = (size - place + step - 1) // step
            if destination.busy[place] >= count and not reuse:
                continue
            offset = destination.next[place]
            for _ in range(count):
                if offset >= size:
                    offset = place
                port = low + offset
                offset += step
                if port not in self.bound:
                    flow = Flow(dst, dport, src, port)
                    holder = used.get(flow)
                    if holder is None or holder.reusable(now):
                        destination.next[place] = offset
                        destination.busy[place] += 1
                        return flow
        return None

    def give_back(self, flow: Flow) -> None:
        """Note that a connection whose answers came in `flow` is gone."""
        destination = self._destinations.get((flow.src, flow.sport))
        if destination is not None:
            destination.busy[(flow.dport - self.low) % self.step] -= 1

    def free(self, used: Iterable[Flow]) -> int:
        """Return the lowest ephemeral port that nobody has, for bind() to port 0; 0: none left."""
        taken = {flow.dport for flow in used}
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
        return mine.reuse_address or all(flow.dport != port for flow in used)

    def bind(self, port: int, binder: Binder) -> None:
        """Note that a socket holds the port."""
        self.bound.setdefault(port, []).append(binder)

    def release(self, port: int, binder: Binder) -> None:
        """Note that a socket is gone that held the port, unless the host has forgotten it."""
        holders = self.bound.get(port, [])
        if binder in holders:
            holders.remove(binder)
            if not holders:
                del self.bound[port]
