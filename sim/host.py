"""A host: a name, addresses, a clock, and the TCP of its operating system.

IP on a host is the choice of the own address and of the first link by destination; TCP is
`sim.tcp.stack`.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mypy_extensions import mypyc_attr

from sim import wire
from sim.calendar import Calendar
from sim.engine import Engine
from sim.icmp import IcmpPacket
from sim.ip import is_ipv6
from sim.net.complaints import Complaints
from sim.packet import Datagram, Packet
from sim.socket import Socket
from sim.tcp.errors import os_error
from sim.tcp.profile import Profile
from sim.tcp.stack import Stack
from sim.timers import Timers

if TYPE_CHECKING:
    from sim.net.network import Network
    from sim.records import Records

PHASE_BITS: Final = 48


@mypyc_attr(allow_interpreted_subclasses=True)
class Host:
    """A host of the simulation; made by `Simulation.add_host`."""

    def __init__(
        self,
        name: str,
        address: str,
        profile: Profile,
        network: Network,
        records: Records,
        secret: int,
        *,
        more_addresses: Sequence[str] = (),
        mtu: int = 1500,
    ) -> None:
        self.name = name
        self.address = address
        self.addresses = (address, *more_addresses)
        self.profile = profile
        self.env: Engine = network.engine
        self.calendar: Calendar = self.env.calendar
        self.network = network
        self.records = records
        records.add_host(name, profile.name, profile.syn.waits, profile.synack.waits)
        phase = secret >> (64 - PHASE_BITS) if profile.wheel.tick else 0
        timers = Timers(self.calendar, lambda timeout: profile.wheel.rounding(phase, timeout))
        complaints = Complaints(
            self.calendar,
            self.source_address,
            lambda error: self.forwarding[error.flow.dst](error),
            partial(network.drop, name),
            forwards=False,
        )
        network.add_node(name, self.receive, complaints, timers, corrupted=self.corrupted)
        for own in self.addresses:
            network.add_address(own, name)
        self.forwarding = network.forwarding_table(name)
        self.tcp = Stack(
            profile, self.forwarding, timers, records, self.source_address, secret, mtu
        )
        self._connections = self.tcp.connections
        self.down_until = 0
        """When the host is up again after it lost power, ns."""

    def __repr__(self) -> str:
        return f"<Host {self.name} {self.address} {self.profile.name}>"

    def socket(self) -> Socket:
        """Create a TCP socket on this host, as `sim.socket.socket(host)`."""
        return Socket(self)

    def reboot(self, downtime: int = 0) -> None:
        """Lose power and be up again `downtime` ns later, with no memory of any connection.

        No packet tells the peers.  Programs must be started anew: what waits in a call on an old
        socket waits for ever.
        """
        self.down_until = self.calendar.now + downtime
        self.tcp.restart()

    def has_address(self, address: str) -> bool:
        """Whether an address is one of this host's."""
        return address in self.addresses

    def source_address(self, destination: str) -> str:
        """Return the local address for packets to a destination: the first of its version.

        Raises OSError (ENETUNREACH) if the host has none.
        """
        if destination in self.addresses:
            return destination
        version = is_ipv6(destination)
        for address in self.addresses:
            if is_ipv6(address) == version:
                return address
        raise os_error(errno.ENETUNREACH)

    def corrupted(self) -> None:
        """Take note of a packet whose checksum is wrong."""
        self.tcp.counters["TcpInErrs"] += 1
        self.tcp.counters["TcpInCsumErrors"] += 1

    def receive_bytes(self, data: bytes) -> None:
        """Take a packet as it stands on the wire; a malformed one is counted and dropped."""
        packet: Any = wire.decode(data, self.tcp.counters)
        if packet is not None:
            self.receive(packet)

    def receive(self, packet: Datagram) -> None:
        """Take a packet from a link."""
        now = self.calendar.now
        if now < self.down_until:
            self.env.lost(packet)
        elif isinstance(packet, Packet):
            endpoint = self._connections.get(packet.flow)
            if endpoint is not None:
                endpoint.segment_arrives(packet, now)
            elif self.has_address(packet.flow.dst):
                self.tcp.segment_arrives(packet, now)
        elif isinstance(packet, IcmpPacket):
            self.tcp.icmp_arrives(packet.type, packet.code, packet.quoted, packet.mtu, now)

    def path(self, address: str) -> int:
        """Return the number that the records have for the path to `address`.

        Raises OSError if there is none: ENETUNREACH, or what the host's own route says.
        """
        table = self.forwarding
        path = table.paths.get(address)
        if path is None:
            table.route(address)
            try:
                hops, delay = self.network.path_length(self.name, address)
                server: str | None = self.network.nearest(self.name, address)
            except OSError:  # a route of the host's own leads nowhere
                hops, delay, server = 0, 0, None
            known = server if server in self.records.hosts else None
            path = table.paths[address] = self.records.add_path(self.name, known, hops, delay)
        return path
