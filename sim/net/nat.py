"""A router that hides the hosts behind it: network address and port translation.

Implements the traditional NAPT of RFC 3022 for TCP with RFC 5382's requirements that concern
connects, and the table and timeouts of Linux's connection tracking
(`nf_conntrack_tcp_timeout_*`): an entry for each flow, a bounded table, and a SYN that finds it
full is dropped.  A flow keeps its port where that is free.  Errors from outside are translated,
too.  Left out are endpoint-independent mapping, hairpinning and the tracking of windows.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from enum import Enum
from typing import Any, Final

from sim.engine import Engine
from sim.icmp import IcmpPacket
from sim.net.complaints import Complaints
from sim.net.node import ForwardingTable, Router
from sim.packet import ACK, FIN, RST, SYN, Flow, Packet
from sim.units import S

PORTS: Final = (1024, 65535)
"""What a translated port is chosen from if the host's own is taken."""


class Phase(Enum):
    """How far an entry's connection is, and how long (ns) the entry then lives unused."""

    SYN_SENT = 120 * S
    SYN_RECEIVED = 60 * S
    ESTABLISHED = 432_000 * S
    CLOSING = 121 * S
    CLOSED = 10 * S


class Entry:
    """One flow through the NAT."""

    __slots__ = ("inside", "outside", "phase", "until")

    def __init__(self, inside: Flow, outside: Flow) -> None:
        self.inside = inside
        """The flow of the inner host's packets, as that sends them."""
        self.outside = outside
        """The same, as the outside sees it."""
        self.phase = Phase.SYN_SENT
        self.until = 0
        """When the entry is forgotten, ns."""


class Nat(Router):
    """A router whose `inside` addresses appear outside as its own, `outside`.

    `size` is the most flows in the table; `full` counts SYNs that it had no room for.
    """

    __slots__ = (
        "_by_inside",
        "_by_outside",
        "_calendar",
        "_expiring",
        "_next",
        "_timeouts",
        "full",
        "inside",
        "most",
        "outside",
        "size",
    )

    def __init__(
        self,
        name: str,
        forwarding: ForwardingTable,
        complaints: Complaints,
        *,
        engine: Engine,
        outside: str,
        inside: Collection[str],
        size: int = 65536,
        timeouts: dict[Phase, int] | None = None,
    ) -> None:
        super().__init__(name, forwarding, complaints)
        self._calendar = engine.calendar
        self.outside = outside
        self.inside = inside
        self.size = size
        self.full = 0
        self.most = 0
        """Most flows that the table has held."""
        self._timeouts = {phase: phase.value for phase in Phase} | (timeouts or {})
        self._by_inside: dict[Flow, Entry] = {}
        self._by_outside: dict[Flow, Entry] = {}
        self._expiring: dict[Phase, OrderedDict[Entry, None]] = {
            phase: OrderedDict() for phase in Phase
        }
        """Entries of each phase, the one unused longest first."""
        self._next = PORTS[0]

    def __len__(self) -> int:
        """Return how many flows the table holds."""
        self._expire()
        return len(self._by_inside)

    def receive(self, packet: Any) -> None:
        """Translate a packet and forward it."""
        src, _, dst, _ = packet.flow
        problem = ""
        if dst == self.outside:
            problem = "" if self._inwards(packet) else "NAT: unknown flow"
        elif src in self.inside and dst not in self.inside:
            problem = "" if self._outwards(packet) else "NAT: table full"
        if problem:
            self.complaints.dropped(packet, problem)
        else:
            super().receive(packet)

    def deliver(self, packet: Any) -> None:
        """Take a packet of this router for itself: its errors, too, are for a host inside."""
        if isinstance(packet, IcmpPacket) and self._inwards(packet):
            self.forwarding[packet.flow.dst](packet)
        else:
            super().deliver(packet)

    def _outwards(self, packet: Any) -> bool:
        if isinstance(packet, IcmpPacket):
            return False
        entry = self._by_inside.get(packet.flow) or self._add(packet.flow)
        if entry is None:
            return False
        self._seen(entry, packet, answer=False)
        packet.flow = entry.outside
        return True

    def _inwards(self, packet: Any) -> bool:
        if isinstance(packet, IcmpPacket):
            quoted = packet.quoted
            entry = self._by_outside.get(quoted.flow.reverse())
            if entry is None:
                return False
            quoted.flow = entry.inside
            packet.flow = Flow(packet.flow.src, 0, entry.inside.src, 0)
            return True
        entry = self._by_outside.get(packet.flow)
        if entry is None:
            return False
        self._seen(entry, packet, answer=True)
        packet.flow = entry.inside.reverse()
        return True

    def _add(self, flow: Flow) -> Entry | None:
        """Make an entry for a new flow; None if the table is full or no port is free."""
        self._expire()
        port = self._free_port(flow) if len(self._by_inside) < self.size else None
        if port is None:
            self.full += 1
            return None
        entry = Entry(flow, Flow(self.outside, port, flow.dst, flow.dport))
        self._by_inside[flow] = self._by_outside[entry.outside.reverse()] = entry
        self.most = max(self.most, len(self._by_inside))
        return entry

    def _free_port(self, flow: Flow) -> int | None:
        first, last = PORTS
        own, dst, dport = flow.sport, flow.dst, flow.dport
        if Flow(dst, dport, self.outside, own) not in self._by_outside:
            return own
        for _ in range(last - first + 1):
            self._next = first if self._next >= last else self._next + 1
            if Flow(dst, dport, self.outside, self._next) not in self._by_outside:
                return self._next
        return None

    def _seen(self, entry: Entry, packet: Packet, *, answer: bool) -> None:
        """Take note of a packet of a flow: the entry lives on, as long as its phase says."""
        self._expiring[entry.phase].pop(entry, None)
        entry.phase = _after(entry.phase, packet.flags, answer)
        entry.until = self._calendar.now + self._timeouts[entry.phase]
        self._expiring[entry.phase][entry] = None

    def _expire(self) -> None:
        """Forget the entries that nobody has used for long."""
        now = self._calendar.now
        for entries in self._expiring.values():
            while entries and (entry := next(iter(entries))).until <= now:
                del entries[entry]
                del self._by_inside[entry.inside]
                del self._by_outside[entry.outside.reverse()]


def _after(phase: Phase, flags: int, answer: bool) -> Phase:
    """Return an entry's phase after a segment; `answer`: it came from outside."""
    if flags & RST:
        return Phase.CLOSED
    if flags & FIN or phase is Phase.CLOSING:
        return Phase.SYN_SENT if flags & (SYN | ACK) == SYN else Phase.CLOSING
    if flags & SYN:
        return Phase.SYN_RECEIVED if answer else phase
    return Phase.ESTABLISHED if phase is Phase.SYN_RECEIVED else phase
