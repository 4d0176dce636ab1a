"""Two hosts over a link that loses, duplicates and reorders: no hang, no leak, no disagreement."""

from __future__ import annotations

from collections.abc import Generator
from copy import copy
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import Simulation
from sim.host import Host
from sim.net.link import Link
from sim.packet import Packet
from sim.socket import SHUT_WR, Socket
from sim.sockopt import SO_LINGER, SOL_SOCKET
from sim.tcp.profiles import PROFILES
from sim.units import MS, S

PORT = 80
Fate = tuple[int, ...]
"""By how many ns each copy of a packet is late; () for a lost packet."""

FATES = st.lists(
    st.sampled_from([(0,), (0,), (), (0, 0), (30 * MS,), (0, 45 * MS), (3 * S,)]), max_size=12
)


class FatefulLink(Link):
    """A link on which the first packets of each direction meet the fates that are given."""

    __slots__ = ("_base", "_fates")

    def __init__(self, fates: dict[str, list[Fate]], *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._base = self.delay
        self._fates = fates[self.name.partition(" ")[0]]

    def send(self, packet: Packet) -> None:
        for late in self._fates.pop(0) if self._fates else (0,):
            self.delay = self._base + late
            super().send(copy(packet))
        self.delay = self._base


class Role(NamedTuple):
    """What one program does once it is connected."""

    data: bytes
    end: str
    """"shutdown": close when the peer has closed, too; "close": at once; "reset": with a RST."""
    pause: int
    """Wait before the end, ns."""


ROLES = st.builds(
    Role,
    st.integers(0, 6000).map(lambda length: bytes(n % 251 for n in range(length))),
    st.sampled_from(["shutdown", "close", "reset"]),
    st.sampled_from([0, 15 * MS, 5 * S]),
)


class Side:
    """A program's end of the connection, and what became of it."""

    def __init__(self, host: Host, role: Role) -> None:
        self.host = host
        self.role = role
        self.socket: Socket | None = None
        self.error: OSError | None = None
        self.received = b""
        self.ended = False
        """Whether the peer's end of the stream was read."""

    def talk(self, socket: Socket) -> Generator[Any, Any, None]:
        self.socket = socket
        env = self.host.env
        try:
            if self.role.data:
                yield socket.send(self.role.data)
            yield env.timeout(self.role.pause)
            if self.role.end == "reset":
                socket.setsockopt(SOL_SOCKET, SO_LINGER, 0)
            if self.role.end == "shutdown":
                socket.shutdown(SHUT_WR)
                while data := (yield socket.recv()):
                    self.received += data
                self.ended = True
        except OSError as error:
            self.error = error
        socket.close()


def connect(
    client_role: Role,
    server_role: Role,
    fates: dict[str, list[Fate]],
    systems: tuple[str, str] = ("linux", "linux"),
) -> tuple[Simulation, Side, Side]:
    """Let a client talk with a server until nothing is left to happen."""
    sim = Simulation(seed=1, make_link=partial(FatefulLink, fates))
    client = Side(sim.add_host("client", systems[0]), client_role)
    server = Side(sim.add_host("server", systems[1]), server_role)
    sim.add_link("client", "server", 10 * MS)
    listener = server.host.socket()
    listener.bind(("", PORT))
    listener.listen(4)

    def accept() -> Generator[Any, Any, None]:
        socket, _ = yield listener.accept()
        yield from server.talk(socket)

    def run_client() -> Generator[Any, Any, None]:
        socket = client.host.socket()
        try:
            yield socket.connect((server.host.address, PORT))
        except OSError as error:
            client.error = error
            socket.close()
            return
        yield from client.talk(socket)

    sim.process(accept())
    sim.process(run_client())
    sim.run(until=10_000 * S)
    return sim, client, server


def check(sim: Simulation, client: Side, server: Side) -> None:
    for side, other in ((client, server), (server, client)):
        assert other.role.data.startswith(side.received)
        if side.ended:
            assert side.received == other.role.data
    for side, other in ((client, server), (server, client)):
        if side.host.tcp.connections:
            # Half open: the other side's last word was a RST that did not get through.
            assert other.role.end != "shutdown" or other.error is not None
            assert not other.host.tcp.connections
            assert side.socket is not None
            side.socket.close()
    sim.run()
    for side in (client, server):
        tcp = side.host.tcp
        assert not tcp.connections
        assert tcp.memory_used == tcp.orphans == 0
        assert list(tcp.ports.bound) == ([PORT] if side is server else [])
        assert all(d.busy == [0] * tcp.ports.step for d in tcp.ports._destinations.values())
        for listener in tcp.listeners.values():
            assert (listener.requests, len(listener.accept_queue)) == (0, 0)  # type: ignore[union-attr]


SYSTEMS = st.tuples(st.sampled_from(list(PROFILES)), st.sampled_from(list(PROFILES)))


@given(ROLES, ROLES, FATES, FATES, SYSTEMS)
def test_whatever_the_link_does(
    client: Role, server: Role, there: list[Fate], back: list[Fate], systems: tuple[str, str]
) -> None:
    check(*connect(client, server, {"client": there, "server": back}, systems))


@pytest.mark.parametrize("systems", list(product(PROFILES, repeat=2)), ids="-".join)
def test_any_two_systems_interoperate(systems: tuple[str, str]) -> None:
    role = Role(bytes(5000), "shutdown", 0)
    fates: dict[str, list[Fate]] = {"client": [(), (0,), ()], "server": [(), (0,), (0, 0), ()]}
    sim, client, server = connect(role, role, fates, systems)
    assert (client.error, server.error) == (None, None)
    assert client.received == server.received == role.data
    check(sim, client, server)
