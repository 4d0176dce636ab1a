"""A host: a name, addresses, a clock, and the TCP of its operating system.

IP on a host is the choice of the first link by destination; TCP is `sim.tcp.stack`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine import Engine, Timers
from sim.packet import Packet
from sim.tcp.profile import Profile
from sim.tcp.stack import Stack

if TYPE_CHECKING:
    from sim.net.network import Network
    from sim.records import Records
    from sim.socket import Socket

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
        self.number = records.add_host(name, profile.name)
        phase = secret >> (64 - PHASE_BITS) if profile.wheel.tick else 0
        deadline = profile.wheel.deadline
        self.forwarding = network.forwarding_table(name)
        self.tcp = Stack(
            profile,
            self.output,
            Timers(self.env, lambda now, timeout: deadline(phase, now, timeout)),
            records,
            self.source_address,
            secret,
        )
        self._connections = self.tcp.connections
        self._paths: dict[str, tuple[int, int, int]] = {}
        network.add_node(name, self.receive)
        network.add_address(address, name)

    def __repr__(self) -> str:
        return f"<Host {self.name} {self.address} {self.profile.name}>"

    def socket(self) -> Socket:
        """Create a TCP socket on this host, as `sim.socket.socket(host)`."""
        from sim.socket import Socket  # noqa: PLC0415  (a socket needs a host)

        return Socket(self)

    def source_address(self, _destination: str) -> str:
        """Return the local address for packets to a destination."""
        return self.address

    def output(self, packet: Packet) -> None:
        """Send a packet on its way."""
        self.forwarding[packet.flow[2]](packet)

    def receive(self, packet: Packet) -> None:
        """Take a packet from a link."""
        endpoint = self._connections.get(packet.flow)
        if endpoint is not None:
            endpoint.segment_arrives(packet, self.env._now)
        elif packet.flow[2] == self.address:
            self.tcp.segment_arrives(packet, self.env._now)

    def path(self, address: str) -> tuple[int, int, int]:
        """Return the number of the host at `address`, the hops and the delay (ns) to it."""
        path = self._paths.get(address)
        if path is None:
            hops, delay = self.network.path_length(self.name, address)
            number = self.records.hosts.index(self.network.node_of(address))
            path = self._paths[address] = number, hops, delay
        return path
