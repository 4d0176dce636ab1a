"""One side loses power: half-open connections (RFC 9293 section 3.5.1, figures 9 and 10)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from simpy.events import Event

from sim import Simulation
from sim.applications import Server
from sim.bulk import connect_hold_close
from sim.socket import Socket
from sim.tcp.states import State
from sim.units import MS, S
from tests.sim.conversation import column

PORT = 80
CLIENT_PORT = 5000


class Pair:
    """A client connected from a port of its own to a server that keeps the connection."""

    def __init__(self, system: str) -> None:
        self.sim = Simulation(seed=1)
        self.client = self.sim.add_host("client", os=system)
        self.server = self.sim.add_host("server", os=system)
        self.sim.add_link("client", "server", 20 * MS)
        self.program = Server(self.server, PORT, backlog=5)
        self.program.start()
        self.connect()
        self.sim.run(until=1 * S)
        (self.connection,) = self.server.tcp.connections.values()

    def connect(self) -> Socket:
        socket = self.client.socket()
        socket.bind(("", CLIENT_PORT))
        socket.connect((self.server.address, PORT))
        return socket


@pytest.mark.parametrize("system", ["linux", "rfc9293", "freebsd"])
def test_the_active_side_forgets_and_opens_again(system: str) -> None:
    """Figure 9: the SYN is challenged, the challenge is reset, the next SYN gets through."""
    pair = Pair(system)
    pair.client.reboot()
    assert not pair.client.tcp.connections
    pair.connect()
    pair.sim.run(until=30 * S)
    assert column(pair.sim, "outcome") == ["established", "established"]
    assert column(pair.sim, "syn_sent")[1] == 2
    (second,) = pair.server.tcp.connections.values()
    assert second is not pair.connection
    assert pair.connection.state == State.CLOSED  # type: ignore[attr-defined]
    assert pair.server.tcp.counters["TcpExtTCPChallengeACK"] == 1
    assert pair.client.tcp.counters["TcpOutRsts"] == 1
    assert pair.server.tcp.counters["TcpEstabResets"] == 1


@pytest.mark.parametrize("system", ["linux", "rfc9293", "windows"])
def test_the_side_that_remembers_sends(system: str) -> None:
    """Figure 10: data for a connection that nobody knows any more draws a RST."""
    pair = Pair(system)
    pair.client.reboot()
    user = pair.connection.user  # type: ignore[attr-defined]
    user.send(b"Are you there?")
    pair.sim.run(until=2 * S)
    assert pair.connection.state == State.CLOSED  # type: ignore[attr-defined]
    assert pair.server.tcp.counters["TcpEstabResets"] == 1
    assert pair.client.tcp.counters["TcpOutRsts"] == 1


def test_a_host_without_power_answers_nothing() -> None:
    pair = Pair("linux")
    pair.program.power_cut(downtime=3 * S)
    connect_hold_close(pair.client, (pair.server.address, PORT), hold=1 * S)
    pair.sim.run(until=3 * S)
    assert column(pair.sim, "outcome")[1] == "pending"
    pair.sim.run(until=4500 * MS)
    assert column(pair.sim, "errno")[1] == "ECONNREFUSED"
    pair.program.start()
    connect_hold_close(pair.client, (pair.server.address, PORT), hold=1 * S)
    pair.sim.run(until=5 * S)
    assert column(pair.sim, "outcome")[2] == "established"


def test_a_reboot_leaves_no_timer_and_old_sockets_do_no_harm() -> None:
    sim = Simulation()
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_link("client", "server", 20 * MS)
    old, opening = server.socket(), client.socket()
    old.bind(("", PORT))
    old.listen()
    opening.connect((server.address, PORT))
    sim.run(until=30 * MS)
    client.reboot()
    server.reboot()
    sim.run()
    assert sim.env.now == 60 * MS
    new = server.socket()
    new.bind(("", PORT))
    new.listen()
    old.close()
    opening.close()
    again = client.socket()
    again.connect((server.address, PORT))
    sim.run()
    assert column(sim, "outcome") == ["pending", "established"]


def test_closing_a_listener_resets_what_waits_in_its_queues() -> None:
    """A connection in the accept queue at once, a request when its final ACK comes."""
    sim = Simulation()
    server = sim.add_host("server")
    seen: list[tuple[str, str]] = []

    def call(name: str, delay: int) -> Generator[Event, Any, None]:
        socket = sim.add_host(name).socket()
        sim.add_link(name, "server", delay)
        yield socket.connect((server.address, PORT))
        try:
            yield socket.recv()
        except OSError as error:
            seen.append((name, type(error).__name__))

    listening = server.socket()
    listening.bind(("", PORT))
    listening.listen()
    sim.process(call("waiting", 10 * MS))
    sim.process(call("embryonic", 20 * MS))
    sim.run(until=35 * MS)
    listening.close()
    sim.run()
    assert seen == [("waiting", "ConnectionResetError"), ("embryonic", "ConnectionResetError")]
    assert server.tcp.counters["TcpOutRsts"] == 2
    assert not server.tcp.connections


@pytest.mark.parametrize("reuse_port", [False, True])
def test_a_restarted_server_serves_again(reuse_port: bool) -> None:
    sim = Simulation()
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_link("client", "server", 20 * MS)
    program = Server(server, PORT, 5, accept_rate=10.0, workers=3, reuse_port=reuse_port)
    for _ in range(2):
        program.start()
        sockets = [client.socket() for _ in range(3)]
        for socket in sockets:
            socket.connect((server.address, PORT))
        sim.run(until=int(sim.env.now) + 1 * S)
        program.stop()
        sim.run(until=int(sim.env.now) + 1 * S)
        for socket in sockets:
            socket.close()
    assert column(sim, "outcome") == ["established"] * 6
    assert None not in column(sim, "accepted_s")
    assert not program.listening
