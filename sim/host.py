"""A host: a name, addresses, a clock, and the TCP of its operating system.

IP on a host is the choice of the first link by destination; TCP is `sim.tcp.stack`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine import Engine, Timers
from sim.icmp import IcmpPacket
from sim.packet import Packet
from sim.socket import Socket
from sim.tcp.profile import Profile
from sim.tcp.stack import Stack

if TYPE_CHECKING:
    from sim.net.network import Network
    from sim.records import Records

PHASE_BITS = 48


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
    ) -> None:
        self.name = name
        self.address = address
        self.profile = profile
        self.env: Engine = network.engine
        self.network = network
        self.records = records
        records.add_host(name, profile.name)
        phase = secret >> (64 - PHASE_BITS) if profile.wheel.tick else 0
        deadlines = profile.wheel.deadlines
        self.forwarding = network.forwarding_table(name)
        self.tcp = Stack(
            profile,
            self.forwarding,
            Timers(self.env, lambda timeout: deadlines(phase, timeout)),
            records,
            self.source_address,
            secret,
        )
        self._connections = self.tcp.connections
        self._paths: dict[str, int] = {}
        network.add_node(name, self.receive)
        network.add_address(address, name)

    def __repr__(self) -> str:
        return f"<Host {self.name} {self.address} {self.profile.name}>"

    def socket(self) -> Socket:
        """Create a TCP socket on this host, as `sim.socket.socket(host)`."""
        return Socket(self)

    def has_address(self, address: str) -> bool:
        """Whether an address is one of this host's."""
        return address == self.address

    def source_address(self, _destination: str) -> str:
        """Return the local address for packets to a destination."""
        return self.address

    def receive(self, packet: Packet) -> None:
        """Take a packet from a link."""
        endpoint = self._connections.get(packet.flow)
        if endpoint is not None:
            endpoint.segment_arrives(packet, self.env._now)
        elif isinstance(packet, IcmpPacket):
            error = packet.type, packet.code, packet.quoted, packet.mtu
            self.tcp.icmp_arrives(*error, self.env._now)
        elif self.has_address(packet.flow[2]):
            self.tcp.segment_arrives(packet, self.env._now)

    def path(self, address: str) -> int:
        """Return the number that the records have for the path to `address`.

        Raises OSError (ENETUNREACH) if there is none.
        """
        path = self._paths.get(address)
        if path is None:
            hops, delay = self.network.path_length(self.name, address)
            server = self.network.node_of(address)
            path = self.records.add_path(self.name, server, hops, delay)
            self._paths[address] = path
        return path
