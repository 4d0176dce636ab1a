"""Addresses on a node's own network at which nobody is: the question who has them stays open.

Implements the failure of Linux's neighbour discovery (ARP for IPv4, RFC 826; RFC 4861 for IPv6):
three probes, a second apart on the node's clock, while packets wait; then all that wait are
refused at once, and the next packet begins again (kernel measurement E4: 3.07 s).  Addresses that
a host has are known without asking; that of a host that has crashed stays known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from sim.engine import Engine
from sim.timers import Timers
from sim.units import S

PROBES: Final = 3
"""net.ipv4.neigh.default.mcast_solicit."""
INTERVAL: Final = S
"""net.ipv4.neigh.default.retrans_time_ms, ns."""
LENGTH: Final = 101
"""Packets that wait for one neighbour (net.ipv4.neigh.default.unres_qlen); the oldest give way."""


class Neighbours:
    """Packets of a node that wait for neighbours, by address; `refused` takes each in the end."""

    def __init__(
        self,
        engine: Engine,
        timers: Timers,
        refused: Callable[[Any], None],
        dropped: Callable[[Any, str], None],
    ) -> None:
        self._calendar = engine.calendar
        self._timers = timers
        self._refused = refused
        self._dropped = dropped
        self._waiting: dict[str, deque[Any]] = {}

    def send(self, packet: Any) -> None:
        """Let a packet wait for the neighbour that it is for."""
        address = packet.flow.dst
        waiting = self._waiting.get(address)
        if waiting is None:
            waiting = self._waiting[address] = deque()
            self._probe(address, 1, self._calendar.now)
        if len(waiting) >= LENGTH:
            self._dropped(waiting.popleft(), "no neighbour")
        waiting.append(packet)

    def _probe(self, address: str, number: int, now: int) -> None:
        if number <= PROBES:
            again = partial(self._probe, address, number + 1)
            self._timers.start(now, INTERVAL, again)
            return
        for packet in self._waiting.pop(address):
            self._refused(packet)
