"""Buffer memory is real: what a host does when tcp_mem or tcp_max_orphans is exhausted."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from sim import Simulation
from sim.host import Host
from sim.socket import Socket
from sim.units import MS, S

TWO_SOCKETS = {"net.ipv4.tcp_mem": "1 2 4"}
"""Four pages: each socket is sure of one to send and one to receive."""


class World:
    def __init__(self, client: dict[str, Any], server: dict[str, Any]) -> None:
        self.sim = Simulation(seed=1)
        self.client = self.sim.add_host("client", sysctls=client)
        self.server = self.sim.add_host("server", sysctls=server)
        self.sim.add_link("client", "server", delay=10 * MS)
        self.listener = self.server.socket()
        self.listener.bind(("", 80))
        self.listener.listen(16)

    def connect(self, count: int, until: int = 1 * S) -> list[Socket]:
        """Return so many sockets that have begun to connect."""
        sockets = [self.client.socket() for _ in range(count)]
        for socket in sockets:
            socket.connect((self.server.address, 80)).defused = True
        self.sim.run(until)
        return sockets


def states(host: Host) -> list[str]:
    return [str(getattr(c, "state", "")) for c in host.tcp.connections.values()]


def test_connect_without_memory_is_enobufs() -> None:
    world = World(TWO_SOCKETS, {})
    first, _ = world.connect(2)
    assert world.client.tcp.memory_used == 4 * 4096
    with pytest.raises(OSError, match="No buffer space available"):
        world.client.socket().connect((world.server.address, 80))
    assert world.client.tcp.counters["TcpExtTCPMemoryPressures"] == 1
    first.disconnect()
    world.client.socket().connect((world.server.address, 80))


def test_smaller_buffers_make_room_for_more() -> None:
    buffers = {"net.ipv4.tcp_rmem": "2048 131072 6291456", "net.ipv4.tcp_wmem": "2048 16384 99999"}
    world = World(TWO_SOCKETS | buffers, {})
    assert len(world.connect(4)) == 4
    with pytest.raises(OSError, match="No buffer space"):
        world.connect(1)


def test_a_server_without_memory_leaves_the_handshake_unfinished() -> None:
    """The final ACK is dropped and counted; the repeated SYN-ACK finds room once there is some."""
    world = World({}, TWO_SOCKETS)
    world.connect(3)
    assert world.server.tcp.counters["TcpExtListenDrops"] == 1
    assert sorted(states(world.server)) == ["ESTABLISHED", "ESTABLISHED", "SYN-RECEIVED"]
    accepted, _ = world.listener.accept().value  # type: ignore[misc]
    accepted.disconnect()
    world.sim.run(until=3 * S)
    assert states(world.server) == ["ESTABLISHED", "ESTABLISHED"]


def test_fast_open_without_memory_is_a_plain_handshake() -> None:
    """RFC 7413 4.2.2: the SYN's data is not taken, its sequence number is acknowledged."""
    world = World({"net.ipv4.tcp_fastopen": 5}, TWO_SOCKETS | {"net.ipv4.tcp_fastopen": 0x602})
    world.server.tcp.memory_used = 4 * 4096
    socket = world.client.socket()
    socket.connect_with(b"early", (world.server.address, 80)).defused = True
    world.sim.run(until=100 * MS)
    assert states(world.server) == ["SYN-RECEIVED"]
    assert world.client.tcp.counters["TcpExtTCPFastOpenActiveFail"] == 1


def test_too_many_orphans_are_reset() -> None:
    world = World({"net.ipv4.tcp_max_orphans": 2}, {})
    refused: list[str] = []

    def serve() -> Generator[Any, Any, None]:
        while True:
            socket, _ = yield world.listener.accept()
            world.sim.process(read(socket))

    def read(socket: Socket) -> Generator[Any, Any, None]:
        try:
            while (yield socket.recv()):
                pass
        except ConnectionResetError:
            refused.append("reset")

    world.sim.process(serve())
    for socket in world.connect(5):
        socket.close()
    tcp = world.client.tcp
    assert (tcp.orphans, tcp.counters["TcpExtTCPAbortOnMemory"]) == (2, 3)
    assert states(world.client) == ["FIN-WAIT-1", "FIN-WAIT-1"]
    world.sim.run(until=2 * S)
    assert tcp.orphans == 0
    assert tcp.memory_used == 0
    assert [c.state.name for c in tcp.connections.values()] == ["FIN_WAIT_2"] * 2  # type: ignore[attr-defined]
