"""The conversations of RFC 9293's figures 6 to 11, between two hosts of the profile `rfc9293`.

A segment is written as (who, flags, sequence number, acknowledgment), with A's numbers counted from
A's ISS and B's from B's; an old duplicate is a segment that nobody sent just now.
"""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

import pytest

from sim import Simulation
from sim.host import Host
from sim.packet import ACK, SYN, Flow, Packet, SynOptions
from sim.socket import Socket, errno_name
from sim.tcp.connection import Connection
from sim.tcp.request import Request
from sim.tcp.seq import MASK
from sim.tcp.states import State
from sim.units import MS, S
from tests.sim.conversation import ScriptedLink, Sent

A_PORT, B_PORT = 1000, 2000
OLD = 1 << 20
"""How far an old duplicate's numbers lie before the present ones."""

Line = tuple[str, str, int, int | None]


class World:
    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self.sim = Simulation(1, make_link=partial(ScriptedLink, self.sent, {}))
        self.a, self.b = self.sim.add_host("a", "rfc9293"), self.sim.add_host("b", "rfc9293")
        self.sim.add_link("a", "b", 20 * MS)
        self.to_b = Flow(self.a.address, A_PORT, self.b.address, B_PORT)
        self.errors: list[str] = []

    def listen(self, host: Host) -> None:
        listener = host.socket()
        listener.bind(("", A_PORT if host is self.a else B_PORT))
        listener.listen(4)

    def connect(self, host: Host) -> Socket:
        """Begin to connect to the other host."""
        mine, other, port = (A_PORT, self.b, B_PORT) if host is self.a else (B_PORT, self.a, A_PORT)
        socket = host.socket()
        socket.bind(("", mine))
        self.sim.process(self.call(socket.connect((other.address, port))))
        return socket

    def call(self, event: Any) -> Generator[Any, Any, None]:
        try:
            yield event
        except OSError as error:
            self.errors.append(errno_name(error))

    def run(self, duration: int = 200 * MS) -> None:
        self.sim.run(until=int(self.sim.env.now) + duration)

    def endpoint(self, host: Host) -> Connection | Request | None:
        """Return the host's end of the conversation, None in CLOSED and LISTEN."""
        key = self.to_b.reverse() if host is self.a else self.to_b
        found = host.tcp.connections.get(key)
        assert found is None or isinstance(found, Connection | Request)
        return found

    def state(self, host: Host) -> State:
        found = self.endpoint(host)
        if found is not None:
            return found.state
        return State.LISTEN if host.tcp.listeners else State.CLOSED

    def lines(self, a_iss: int, b_iss: int) -> list[Line]:
        """Return what was sent since the last call."""
        lines: list[Line] = []
        for sent in self.sent:
            p = sent.packet
            mine, other = (a_iss, b_iss) if sent.host == "a" else (b_iss, a_iss)
            ack = signed(p.ack - other) if p.flags & ACK else None
            lines.append((sent.host, sent.flags, signed(p.seq - mine), ack))
        self.sent.clear()
        return lines

    def isses(self) -> tuple[int, int]:
        """Return both sides' ISS."""
        a, b = self.endpoint(self.a), self.endpoint(self.b)
        assert a is not None
        assert b is not None
        return a.iss, b.iss


def signed(number: int) -> int:
    number &= MASK
    return number - (1 << 32) if number >> 31 else number


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def open_world(world: World) -> World:
    """Both sides are ESTABLISHED."""
    world.listen(world.b)
    world.connect(world.a)
    world.run()
    world.sent.clear()
    return world


def test_figure_6_basic_three_way_handshake(world: World) -> None:
    world.listen(world.b)
    socket = world.connect(world.a)
    world.run()
    assert (world.state(world.a), world.state(world.b)) == (State.ESTABLISHED,) * 2
    socket.send(b"data")
    world.run(10 * MS)
    assert world.lines(*world.isses()) == [
        ("a", "S", 0, None),
        ("b", "S.", 0, 1),
        ("a", ".", 1, 1),
        ("a", "P.", 1, 1),
    ]


def test_figure_7_simultaneous_connection_synchronization(world: World) -> None:
    world.connect(world.a)
    world.connect(world.b)
    world.run(25 * MS)
    assert (world.state(world.a), world.state(world.b)) == (State.SYN_RECEIVED,) * 2
    world.run()
    assert (world.state(world.a), world.state(world.b)) == (State.ESTABLISHED,) * 2
    lines = world.lines(*world.isses())
    assert lines[:4] == [
        ("a", "S", 0, None),
        ("b", "S", 0, None),
        ("b", "S.", 0, 1),
        ("a", "S.", 0, 1),
    ]


def test_figure_8_recovery_from_old_duplicate_syn(world: World) -> None:
    world.listen(world.b)
    world.connect(world.a)
    a = world.endpoint(world.a)
    assert a is not None
    old = Packet(world.to_b, SYN, (a.iss - OLD) & MASK, 0, 1000, SynOptions(mss=1460))
    world.b.receive(old)
    request = world.endpoint(world.b)
    assert request is not None
    first_iss = request.iss
    world.run(21 * MS)
    # B has answered the duplicate; A knows that the acknowledgment is not of its SYN.
    lines = world.lines(a.iss, first_iss)
    assert lines[0] == ("a", "S", 0, None)
    assert lines[1] == ("b", "S.", 0, 1 - OLD)
    assert lines[-1] == ("a", "R", 1 - OLD, None)
    world.run(3 * S)
    assert (world.state(world.a), world.state(world.b)) == (State.ESTABLISHED,) * 2
    assert world.errors == []


def test_figure_9_half_open_connection_discovery(open_world: World) -> None:
    world = open_world
    a_iss, b_iss = world.isses()
    world.a.reboot()
    world.connect(world.a)
    world.run(100 * MS)
    lines = world.lines(a_iss, b_iss)
    assert [line[:2] for line in lines[:3]] == [("a", "S"), ("b", "."), ("a", "R")]
    assert lines[1] == ("b", ".", 1, 1)
    assert lines[2] == ("a", "R", 1, None)
    assert (world.state(world.a), world.state(world.b)) == (State.SYN_SENT, State.LISTEN)
    world.run(3 * S)
    assert (world.state(world.a), world.state(world.b)) == (State.ESTABLISHED,) * 2


def test_figure_10_active_side_causes_half_open_connection_discovery(open_world: World) -> None:
    world = open_world
    a_iss, b_iss = world.isses()
    world.a.reboot()
    b = world.endpoint(world.b)
    assert isinstance(b, Connection)
    accepted = Socket(world.b, b)
    accepted.send(b"10 octets!")
    world.run()
    assert world.lines(a_iss, b_iss) == [("b", "P.", 1, 1), ("a", "R", 1, None)]
    assert (world.state(world.a), world.state(world.b)) == (State.CLOSED, State.LISTEN)
    with pytest.raises(ConnectionResetError):
        accepted.recv()


def test_figure_11_old_duplicate_syn_initiates_a_reset_on_two_passive_sockets(
    world: World,
) -> None:
    world.listen(world.a)
    world.listen(world.b)
    world.b.receive(Packet(world.to_b, SYN, 7, 0, 1000, SynOptions(mss=1460)))
    request = world.endpoint(world.b)
    assert request is not None
    world.run()
    assert world.lines(7, request.iss) == [("b", "S.", 0, 1), ("a", "R", 1, None)]
    assert (world.state(world.a), world.state(world.b)) == (State.LISTEN,) * 2
