"""What listeners do when their queues are full: rules, of Linux unless another system is named."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from simpy.events import Event

from sim import Simulation
from sim.applications import Server, flood
from sim.bulk import connect_hold_close
from sim.packet import SYN_ACK, Packet
from sim.socket import Socket
from sim.tcp.connection import Connection
from sim.tcp.listener import Listener
from sim.tcp.request import Request
from sim.units import MS, S
from tests.sim.conversation import column

PORT = 80
COOKIES, ABORT = "net.ipv4.tcp_syncookies", "net.ipv4.tcp_abort_on_overflow"
QUICK, SLOW = 5 * MS, 50 * MS


class Net:
    """A listening server, and clients with a link of a delay of their own each."""

    def __init__(
        self,
        *,
        os: str = "linux",
        backlog: int = 1,
        sysctls: Mapping[str, int] = MappingProxyType({}),
        **named: int,
    ) -> None:
        self.sim = Simulation(seed=1)
        names = {"cookies": COOKIES, "abort": ABORT, "most": "net.ipv4.tcp_max_syn_backlog"}
        values = {names[name]: value for name, value in named.items()}
        self.server = self.sim.add_host("server", os=os, sysctls={**sysctls, **values})
        self.counters = self.server.tcp.counters
        self.listening = self.server.socket()
        self.listening.bind(("", PORT))
        self.listening.listen(backlog)
        self.errors: dict[str, tuple[int, str]] = {}
        """Client -> when its connection ended after connect() had returned (s), and how."""

    @property
    def listener(self) -> Listener:
        listener = self.listening.control_block
        assert isinstance(listener, Listener)
        return listener

    def call(
        self, name: str, delay: int, at: int = 0, sends_after: int | None = None, os: str = "linux"
    ) -> None:
        host = self.sim.add_host(name, os=os)
        self.sim.add_link(name, "server", delay)
        self.sim.process(self._call(host.socket(), at, sends_after))

    def _call(
        self, socket: Socket, at: int, sends_after: int | None
    ) -> Generator[Event, Any, None]:
        env = self.sim.env
        yield env.timeout(at)
        try:
            yield socket.connect((self.server.address, PORT))
        except OSError:
            return
        try:
            if sends_after is not None:
                yield env.timeout(sends_after)
                yield socket.send(b"hello")
            yield socket.recv()
        except OSError as error:
            self.errors[socket.host.name] = int(env.now) // S, type(error).__name__

    def fill(self) -> None:
        """Fill the accept queue of a backlog of 1, while a slow client's ACK is under way."""
        self.call("slow", SLOW)
        self.call("quick1", QUICK, at=60 * MS)
        self.call("quick2", QUICK, at=80 * MS)
        self.sim.run(until=1 * S)

    def accept_at(self, *times: int) -> list[bytes]:
        """Accept at each of the times, ns, and return what the connections will have received."""
        received: list[bytes] = []

        def accept() -> Generator[Event, Any, None]:
            for time in times:
                yield self.sim.env.timeout(time - self.sim.env.now)
                accepted, _ = yield self.listening.accept()
                self.sim.process(read(accepted))

        def read(accepted: Socket) -> Generator[Event, Any, None]:
            received.append((yield accepted.recv()))

        self.sim.process(accept())
        return received


@pytest.mark.parametrize(("backlog", "taken"), [(-5, 1), (-1, 1), (0, 1), (3, 4), (9999, 4097)])
def test_the_backlog_counts_from_0_to_somaxconn(backlog: int, taken: int) -> None:
    listener = Net(backlog=backlog).listener
    assert (listener.accept_limit, listener.request_limit) == (taken, taken)


def test_a_final_ack_that_finds_no_room_is_dropped_and_the_syn_ack_repeated() -> None:
    net = Net()
    net.fill()
    assert column(net.sim, "outcome") == ["established"] * 3
    assert net.counters["TcpExtListenOverflows"] == net.counters["TcpExtListenDrops"] == 1
    net.accept_at(2 * S)
    net.sim.run(until=10 * S)
    slow, *_ = column(net.sim, "accepted_s")
    assert slow is None
    assert column(net.sim, "synack_sent") == [3, 1, 1]
    assert len(net.listener.accept_queue) == 2
    assert net.listener.requests == 0
    assert net.counters["TcpExtListenOverflows"] == 2
    assert net.counters["TcpPassiveOpens"] == 3
    assert net.errors == {}


def test_abort_on_overflow_resets_the_client_instead() -> None:
    net = Net(abort=1)
    net.fill()
    net.sim.run(until=10 * S)
    assert net.errors == {"slow": (0, "ConnectionResetError")}
    assert net.counters["TcpExtEmbryonicRsts"] == net.counters["TcpOutRsts"] == 1
    assert net.sim.hosts["slow"].tcp.counters["TcpEstabResets"] == 1


def test_data_completes_the_handshake_as_soon_as_there_is_room() -> None:
    net = Net()
    net.call("slow", SLOW, sends_after=200 * MS)
    net.call("quick1", QUICK, at=60 * MS)
    net.call("quick2", QUICK, at=80 * MS)
    received = net.accept_at(500 * MS, 700 * MS, 1 * S)
    net.sim.run(until=5 * S)
    assert None not in column(net.sim, "accepted_s")
    assert received == [b"hello"]


def test_a_stuck_client_that_sends_late_is_reset() -> None:
    net = Net()
    net.call("slow", SLOW, sends_after=80 * S)
    net.call("quick1", QUICK, at=60 * MS)
    net.call("quick2", QUICK, at=80 * MS)
    net.sim.run(until=120 * S)
    assert net.errors == {"slow": (80, "ConnectionResetError")}
    assert column(net.sim, "synack_retransmits") == [5, 0, 0]
    assert net.counters["TcpExtSyncookiesFailed"] == 0


def phantom(sends_after: int | None) -> Net:
    """Let two clients call a backlog of 0 at once, so that the second gets a cookie."""
    net = Net(backlog=0)
    net.call("first", QUICK)
    net.call("second", QUICK, at=1, sends_after=sends_after)
    return net


def test_a_silent_phantom_stays_one() -> None:
    net = phantom(None)
    net.accept_at(2 * S)
    net.sim.run()
    assert column(net.sim, "outcome") == ["established"] * 2
    assert [at is None for at in column(net.sim, "accepted_s")] == [False, True]
    assert net.errors == {}
    assert column(net.sim, "synack_sent") == [1, 1]


def test_a_phantom_that_talks_is_let_in_by_its_data() -> None:
    net = phantom(1 * S)
    received = net.accept_at(2 * S, 3 * S)
    net.sim.run(until=6 * S)
    assert received == [b"hello"]
    assert net.counters["TcpPassiveOpens"] == 2
    assert net.counters["TcpExtSyncookiesRecv"] == net.counters["TcpExtListenOverflows"] + 1


def test_a_phantom_that_talks_in_vain_is_reset_once_its_cookie_has_expired() -> None:
    net = phantom(1 * S)
    net.sim.run()
    (time, error) = net.errors["second"]
    assert error == "ConnectionResetError"
    assert 64 < time < 256
    assert net.counters["TcpOutRsts"] == 1


@pytest.mark.parametrize(("timestamps", "wscale", "sack"), [(1, 7, True), (0, 0, False)])
def test_timestamps_carry_the_options_of_a_cookie(timestamps: int, wscale: int, sack: bool) -> None:
    net = Net(backlog=5, cookies=2)
    client = net.sim.add_host("client", sysctls={"net.ipv4.tcp_timestamps": timestamps})
    net.sim.add_link("client", "server", QUICK)
    connect_hold_close(client, (net.server.address, PORT), hold=1 * S)
    net.sim.run(until=500 * MS)
    (connection,) = net.server.tcp.connections.values()
    (of_client,) = client.tcp.connections.values()
    assert isinstance(connection, Connection)
    assert isinstance(of_client, Connection)
    assert (connection.snd_wscale, connection.sack_ok, connection.mss) == (wscale, sack, 1460)
    assert (of_client.snd_wscale, of_client.sack_ok) == (wscale, sack)
    assert (connection.ts_recent >= 0) is bool(timestamps)
    if timestamps:  # The timestamp lies up to 64 ms back, as its lowest bits carry the options.
        assert 10 * MS <= connection.srtt < 74 * MS
    else:
        assert connection.srtt == 0


def test_an_ack_without_a_cookie_is_reset() -> None:
    """While cookies were sent it counts as a failed one, long after that it is just a stray."""
    net = phantom(None)
    net.sim.run(until=1 * S)
    segment = next(iter(net.sim.hosts["second"].tcp.connections.values()))
    assert isinstance(segment, Connection)
    segment.snd_nxt += 1
    segment.rcv_nxt += 77
    segment.send_ack(1 * S)
    net.sim.run(until=2 * S)
    assert net.counters["TcpExtSyncookiesFailed"] == net.counters["TcpOutRsts"] == 1


def test_the_last_quarter_is_kept_for_proven_peers() -> None:
    net = Net(backlog=128, cookies=0, most=8)
    net.call("proven", QUICK)
    net.accept_at(1 * S)
    attacker = net.sim.add_host("attacker")
    net.sim.add_link("attacker", "server", QUICK)
    net.sim.run(until=2 * S)
    net.server.tcp.peers[net.sim.hosts["proven"].address].proven = True
    rng = net.sim.streams.generator("flood")
    net.sim.process(flood(attacker, (net.server.address, PORT), rng, 1000, 20, start=2 * S))
    net.call("stranger", QUICK, at=500 * MS)
    connect_again = net.sim.hosts["proven"].socket()
    net.sim.run(until=2200 * MS)
    connect_again.connect((net.server.address, PORT))
    net.sim.run(until=3 * S)
    assert net.listener.requests == 7
    assert column(net.sim, "outcome") == ["established", "established", "pending"]
    assert net.counters["TcpExtListenDrops"] == 13 + 1
    assert net.counters["TcpExtTCPReqQFullDrop"] == 0


def test_a_connection_that_ended_well_proves_the_peer() -> None:
    net = Net()
    client = net.sim.add_host("client")
    net.sim.add_link("client", "server", QUICK)
    Server(net.server, 8080, backlog=5).start()
    connect_hold_close(client, (net.server.address, 8080), hold=1 * S)
    net.sim.run(until=500 * MS)
    assert not net.server.tcp.peers[client.address].proven
    net.sim.run()
    assert net.server.tcp.peers[client.address].proven


@pytest.mark.parametrize(
    ("sysctls", "reset"),
    [
        ({}, ["client7", "client8"]),
        ({"net.inet.tcp.syncache.rst_on_sock_fail": 0}, ["client8"]),
    ],
)
def test_freebsd_takes_three_halves_and_resets_or_forgets_the_rest(
    sysctls: dict[str, int], reset: list[str]
) -> None:
    """Client 8 sends after a second: its entry is gone, so that draws a RST at the latest."""
    net = Net(os="freebsd", backlog=4, sysctls=sysctls)
    for number in range(9):
        net.call(f"client{number}", QUICK, sends_after=1 * S if number == 8 else None)
    net.sim.run(until=20 * S)
    assert column(net.sim, "outcome") == ["established"] * 9
    assert len(net.listener.accept_queue) == 7
    assert sorted(net.errors) == reset
    assert net.listener.requests == 0


def test_macos_gives_the_oldest_request_up_for_a_new_one() -> None:
    """Three halves of a backlog of 4: seven requests, and no client that answers is turned away."""
    net = Net(os="macos", backlog=4)
    attacker = net.sim.add_host("attacker")
    net.sim.add_link("attacker", "server", QUICK)
    rng = net.sim.streams.generator("flood")
    net.sim.process(flood(attacker, (net.server.address, PORT), rng, 100, 50, start=0))
    for number in range(3):
        net.call(f"client{number}", QUICK, at=(200 + 50 * number) * MS)
    net.sim.run(until=1 * S)
    assert column(net.sim, "latency_s") == [pytest.approx(0.01)] * 3
    assert net.listener.longest_syn_queue == net.listener.requests == 7
    assert net.counters["TcpExtTCPReqQFullDrop"] == net.counters["TcpExtListenDrops"] == 53 - 10
    net.sim.run()
    assert net.listener.requests == 0


def test_a_syncache_has_no_last_quarter() -> None:
    net = Net(os="freebsd", sysctls={"net.inet.tcp.syncookies": 0})
    attacker = net.sim.add_host("attacker")
    net.sim.add_link("attacker", "server", QUICK)
    rng = net.sim.streams.generator("flood")
    net.sim.process(flood(attacker, (net.server.address, PORT), rng, 1e6, 2000, start=0))
    net.sim.run(until=500 * MS)
    assert net.listener.requests == 2000


@pytest.mark.parametrize(("backlog", "taken"), [(0, 0), (3, 3)])
def test_linux_before_6_14_holds_no_request_beyond_the_backlog(backlog: int, taken: int) -> None:
    net = Net(os="linux_4_19", backlog=backlog, cookies=0)
    for number in range(5):
        net.call(f"client{number}", QUICK)
    net.sim.run(until=500 * MS)
    assert column(net.sim, "outcome").count("established") == taken
    assert net.counters["TcpExtTCPReqQFullDrop"] == 5 - taken


@pytest.mark.parametrize(("client", "syns", "latest"), [("linux", 1, 0.02), ("windows", 3, 1.1)])
def test_windows_refuses_what_it_has_no_room_for(client: str, syns: int, latest: float) -> None:
    net = Net(os="windows", backlog=2)
    for number in range(3):
        net.call(f"client{number}", QUICK, os=client)
    net.sim.run(until=20 * S)
    assert column(net.sim, "errno") == [None, None, "ECONNREFUSED"]
    assert column(net.sim, "syn_sent")[2] == syns
    assert column(net.sim, "latency_s")[2] < latest


def test_sockets_that_share_a_port_share_its_clients() -> None:
    sim = Simulation(seed=1)
    server, client = sim.add_host("server"), sim.add_host("client")
    sim.add_link("client", "server", QUICK)
    program = Server(server, PORT, backlog=100, accept_rate=1.0, workers=3, reuse_port=True)
    program.start()
    for _ in range(90):
        connect_hold_close(client, (server.address, PORT), hold=float("inf"))
    sim.run(until=500 * MS)
    listeners = [socket.control_block for socket in program.listening]
    waiting = [len(one.accept_queue) for one in listeners if isinstance(one, Listener)]
    assert sum(waiting) == 90 - 3
    assert min(waiting) > 15


def test_workers_that_share_a_socket_accept_in_turn() -> None:
    sim = Simulation(seed=1)
    server, client = sim.add_host("server"), sim.add_host("client")
    sim.add_link("client", "server", QUICK)
    Server(server, PORT, backlog=100, accept_rate=10.0, workers=2).start()
    for _ in range(6):
        connect_hold_close(client, (server.address, PORT), hold=float("inf"))
    sim.run()
    accepted = [round(at, 6) for at in sorted(column(sim, "accepted_s"))]
    assert accepted == [0.015, 0.015, 0.115, 0.115, 0.215, 0.215]


def test_a_flood_leaves_nothing_behind() -> None:
    """Neither cookies nor drops keep anything of 100,000 spoofed SYNs."""
    net = Net(backlog=128, cookies=2)
    attacker = net.sim.add_host("attacker")
    net.sim.add_link("attacker", "server", QUICK)
    rng = net.sim.streams.generator("flood")
    net.sim.process(flood(attacker, (net.server.address, PORT), rng, 1e6, 100_000, start=0))
    net.sim.run()
    assert net.counters["TcpExtSyncookiesSent"] == 100_000
    assert len(net.server.tcp.peers.known) == len(net.server.tcp.connections) == 0
    assert len(net.server.forwarding) < 5


@pytest.mark.parametrize(("code", "left"), [(1, 0), (3, 1)])
def test_an_unreachable_client_leaves_the_queue(code: int, left: int) -> None:
    """Host unreachable ends a request, port unreachable does not."""
    net = Net(backlog=5)
    net.call("client", SLOW)
    net.sim.run(until=60 * MS)
    (request,) = net.server.tcp.connections.values()
    assert isinstance(request, Request)
    synack = Packet(request.flow, SYN_ACK, request.iss, 0, 0)
    net.server.tcp.icmp_arrives(3, code, synack, 0, 60 * MS)
    assert net.listener.requests == len(net.server.tcp.connections) == left
    assert net.counters["TcpExtListenDrops"] == 1 - left
