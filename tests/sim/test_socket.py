from __future__ import annotations

import errno
from collections.abc import Callable, Generator
from typing import Any

import pytest
from simpy.events import Event

from sim import Simulation
from sim.host import Host
from sim.socket import Socket
from sim.socket import socket as create
from sim.units import MS, S

Program = Generator[Event, Any, None]
RTT = 40 * MS


class World:
    """A client and a server, 20 ms apart, and a host that nobody is linked to."""

    def __init__(self, loss: float = 0.0, **sysctls: Any) -> None:
        self.sim = Simulation(seed=1)
        self.client = self.sim.add_host("client", sysctls=sysctls)
        self.server = self.sim.add_host("server")
        self.island = self.sim.add_host("island")
        self.sim.add_link("client", "server", delay=20 * MS, loss=loss)
        self.log: list[tuple[float, str]] = []

    def note(self, text: str) -> None:
        self.log.append((self.sim.env.now / MS, text))

    def listen(self, host: Host, port: int = 80, backlog: int = 128) -> Socket:
        listening = host.socket()
        listening.bind(("", port))
        listening.listen(backlog)
        return listening

    def call(self, event: Event, name: str) -> Program:
        """Wait for a call and note how it ends."""
        try:
            yield event
        except OSError as error:
            self.note(f"{name} {type(error).__name__}")
        else:
            self.note(name)

    def connect(self, port: int = 80, client: Host | None = None) -> Socket:
        connecting = (client or self.client).socket()
        event = connecting.connect((self.server.address, port))
        self.sim.process(self.call(event, "connect"))
        return connecting

    def states(self, host: Host) -> list[str]:
        """Return the states in a host's connection table."""
        endpoints: list[Any] = list(host.tcp.connections.values())
        return [str(endpoint.state) for endpoint in endpoints]

    def assert_nothing_held(self, *hosts: Host) -> None:
        for host in hosts or (self.client, self.server):
            assert host.tcp.connections == {}
            assert host.tcp.memory_used == 0
            assert host.tcp.listeners == {}
            assert host.tcp.ports.bound == {}


@pytest.fixture
def world() -> World:
    return World()


def assert_raises(number: int, call: Callable[[], object]) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 (the errno is what matters)
        call()
    assert errno.errorcode[caught.value.errno or 0] == errno.errorcode[number]


# A socket just created.


def test_a_new_socket_knows_nobody(world: World) -> None:
    new = create(world.client)
    assert new.getsockname() == ("", 0)
    assert_raises(errno.ENOTCONN, new.getpeername)
    assert_raises(errno.ENOTCONN, new.recv)
    assert_raises(errno.EINVAL, new.accept)
    new.close()
    world.assert_nothing_held()


# connect()


def test_connect_takes_one_round_trip(world: World) -> None:
    world.listen(world.server)
    connecting = world.connect()
    world.sim.run()
    assert world.log == [(40, "connect")]
    address, port = connecting.getsockname()
    assert address == world.client.address
    assert 32768 <= port <= 60999
    assert connecting.getpeername() == (world.server.address, 80)


def test_while_connecting_there_is_a_name_but_no_peer(world: World) -> None:
    world.listen(world.server)
    connecting = world.connect()
    assert connecting.getsockname()[0] == world.client.address
    assert_raises(errno.ENOTCONN, connecting.getpeername)
    assert_raises(errno.EALREADY, lambda: connecting.connect((world.server.address, 80)))
    world.sim.run()
    assert_raises(errno.EISCONN, lambda: connecting.connect((world.server.address, 80)))


def test_a_closed_port_refuses_after_one_round_trip(world: World) -> None:
    connecting = world.connect(port=81)
    world.sim.run()
    assert world.log == [(40, "connect ConnectionRefusedError")]
    assert_raises(errno.ENOTCONN, connecting.getpeername)
    world.assert_nothing_held()


def test_a_timed_out_connect_frees_what_it_held() -> None:
    world = World(loss=1.0)
    world.connect()
    profile = world.client.profile
    assert world.client.tcp.memory_used == profile.write_reserve + profile.read_reserve
    assert len(world.client.tcp.connections) == 1
    world.sim.run()
    assert [text for _, text in world.log] == ["connect TimeoutError"]
    assert 133_300 < world.log[0][0] < 135_300
    world.assert_nothing_held()


def test_no_route_is_known_at_once(world: World) -> None:
    connecting = world.island.socket()
    assert_raises(errno.ENETUNREACH, lambda: connecting.connect((world.server.address, 80)))
    assert_raises(errno.ENETUNREACH, lambda: connecting.connect(("192.0.2.1", 80)))
    columns = world.sim.records.columns()
    assert columns["latency_s"].tolist() == [0, 0]  # type: ignore[union-attr]
    assert columns["errno"].categories == ["ENETUNREACH"]  # type: ignore[union-attr]
    world.assert_nothing_held(world.island)


def test_a_socket_can_connect_again_after_a_failure(world: World) -> None:
    world.listen(world.server)
    connecting = world.connect(port=81)
    world.sim.run()
    world.sim.process(world.call(connecting.connect((world.server.address, 80)), "again"))
    world.sim.run()
    assert world.log == [(40, "connect ConnectionRefusedError"), (80, "again")]


def test_a_listening_socket_cannot_connect(world: World) -> None:
    listening = world.listen(world.server)
    assert_raises(errno.EISCONN, lambda: listening.connect((world.client.address, 80)))


def test_connect_from_a_bound_port(world: World) -> None:
    world.listen(world.server)
    first, second = world.client.socket(), world.client.socket()
    first.bind(("", 1234))
    assert first.getsockname() == ("", 1234)
    world.sim.process(world.call(first.connect((world.server.address, 80)), "connect"))
    world.sim.run()
    assert first.getsockname() == (world.client.address, 1234)
    assert_raises(errno.EADDRINUSE, lambda: second.bind(("", 1234)))


def test_memory_ends(world: World) -> None:
    tcp = world.client.tcp
    tcp.memory_used = world.client.profile.memory - tcp.reserve + 1
    assert_raises(errno.ENOBUFS, lambda: world.client.socket().connect((world.server.address, 80)))
    assert tcp.connections == {}


def test_a_host_connects_to_itself(world: World) -> None:
    world.listen(world.island)
    connecting = world.island.socket()
    world.sim.process(world.call(connecting.connect((world.island.address, 80)), "connect"))
    world.sim.run()
    assert world.log == [(0, "connect")]
    assert len(world.island.tcp.connections) == 2


def test_a_socket_connects_to_itself(world: World) -> None:
    """Measurement E7: source and destination address and port are the same."""
    connecting = world.client.socket()
    connecting.bind(("", 5000))
    world.sim.process(world.call(connecting.connect((world.client.address, 5000)), "connect"))
    world.sim.run()
    assert world.log == [(0, "connect")]
    assert connecting.getsockname() == connecting.getpeername() == (world.client.address, 5000)


# bind() and listen()


def test_bind_errors(world: World) -> None:
    first = world.server.socket()
    first.bind((world.server.address, 80))
    assert first.getsockname() == (world.server.address, 80)
    assert_raises(errno.EINVAL, lambda: first.bind(("", 81)))
    assert_raises(errno.EADDRINUSE, lambda: world.server.socket().bind(("", 80)))
    other = world.client.address
    assert_raises(errno.EADDRNOTAVAIL, lambda: world.server.socket().bind((other, 80)))


def test_a_port_is_free_again_after_close(world: World) -> None:
    for _ in range(2):
        listening = world.listen(world.server)
        listening.close()
    world.assert_nothing_held()


def test_port_0_is_any_free_one(world: World) -> None:
    ports = set()
    for _ in range(3):
        bound = world.server.socket()
        bound.bind(("", 0))
        ports.add(bound.getsockname()[1])
    assert len(ports) == 3
    assert all(32768 <= port <= 60999 for port in ports)


def test_listen_gives_an_unbound_socket_a_port(world: World) -> None:
    listening = world.server.socket()
    listening.listen()
    port = listening.getsockname()[1]
    assert port
    world.connect(port=port)
    world.sim.run()
    assert world.log == [(40, "connect")]


def test_a_connected_socket_cannot_listen(world: World) -> None:
    world.listen(world.server)
    connecting = world.connect()
    assert_raises(errno.EINVAL, connecting.listen)


def test_a_listener_of_another_address_is_not_asked(world: World) -> None:
    listening = world.server.socket()
    listening.bind((world.server.address, 80))
    listening.listen()
    world.connect()
    world.sim.run()
    assert world.log == [(40, "connect")]


# accept()


def test_accept_returns_the_connection_and_the_peer(world: World) -> None:
    listening = world.listen(world.server)
    accepted: list[tuple[Socket, Any]] = []

    def serve() -> Program:
        accepted.append((yield listening.accept()))
        world.note("accept")

    world.sim.process(serve())
    connecting = world.connect()
    world.sim.run()
    assert world.log == [(40, "connect"), (60, "accept")]
    ((served, address),) = accepted
    assert address == connecting.getsockname() == served.getpeername()
    assert served.getsockname() == (world.server.address, 80)


def test_connections_wait_for_accept_in_order(world: World) -> None:
    listening = world.listen(world.server)
    clients = [world.connect() for _ in range(3)]
    world.sim.run()
    peers = []

    def serve() -> Program:
        for _ in clients:
            _, address = yield listening.accept()
            peers.append(address)

    world.sim.process(serve())
    world.sim.run()
    assert peers == [client.getsockname() for client in clients]


def test_several_processes_wait_in_accept_in_turn(world: World) -> None:
    listening = world.listen(world.server)

    def serve(name: str) -> Program:
        yield listening.accept()
        world.note(name)

    for name in ("first", "second"):
        world.sim.process(serve(name))
    for _ in range(2):
        world.connect()
    world.sim.run()
    assert world.log[2:] == [(60, "first"), (60, "second")]


def test_a_full_accept_queue_takes_one_more_than_the_backlog() -> None:
    """Measurement E5: the others' last ACK is dropped, or their SYN."""
    world = World()
    world.listen(world.server, backlog=2)
    for _ in range(5):
        world.connect()
    world.sim.run(until=1 * S)
    assert world.states(world.server).count("ESTABLISHED") == 3
    assert len(world.states(world.server)) == 3


# close()


def test_a_closed_connection_leaves_nothing_behind(world: World) -> None:
    listening = world.listen(world.server)

    def serve() -> Program:
        served, _ = yield listening.accept()
        assert (yield served.recv()) == b""
        world.note("end of stream")
        served.close()
        listening.close()

    def call() -> Program:
        connecting = world.client.socket()
        yield connecting.connect((world.server.address, 80))
        connecting.close()
        assert connecting.getsockname() == ("", 0)

    world.sim.process(serve())
    world.sim.process(call())
    world.sim.run()
    assert world.log == [(60, "end of stream")]
    world.assert_nothing_held()


def test_closing_while_connecting_forgets_the_attempt() -> None:
    world = World(loss=1.0)
    connecting = world.connect()
    world.sim.run(until=3 * S)
    connecting.close()
    world.assert_nothing_held()
    world.sim.run()
    assert world.sim.env.now == 3 * S


def test_closing_a_listener_resets_what_waits_for_accept(world: World) -> None:
    listening = world.listen(world.server)
    connecting = world.connect()
    world.sim.run()
    world.sim.process(world.call(connecting.recv(), "recv"))
    listening.close()
    world.sim.run()
    assert world.log == [(40, "connect"), (80, "recv ConnectionResetError")]
    world.assert_nothing_held()


def test_closing_a_listener_forgets_its_requests(world: World) -> None:
    """The request is gone, so that the handshake's last ACK draws a RST."""
    listening = world.listen(world.server)
    connecting = world.connect()
    world.sim.run(until=30 * MS)
    assert world.states(world.server) == ["SYN-RECEIVED"]
    listening.close()
    assert world.server.tcp.connections == {}
    world.sim.run(until=50 * MS)
    world.sim.process(world.call(connecting.recv(), "recv"))
    world.sim.run()
    assert world.log == [(40, "connect"), (80, "recv ConnectionResetError")]
    world.assert_nothing_held()
