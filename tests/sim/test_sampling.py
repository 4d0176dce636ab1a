"""Counters and samples of listeners' queues."""

from __future__ import annotations

import math
import sys
from collections.abc import Generator
from socket import SO_REUSEADDR, SOL_SOCKET
from types import FrameType
from typing import Any

import pytest
from simpy.events import Event

from sim import Simulation, sampling
from sim.applications import Server
from sim.bulk import connect_hold_close
from sim.records import Enumeration
from sim.sampling import counters
from sim.tcp.states import State
from sim.units import MS, S


def burst(connects: int, *, backlog: int, interval: int, hold: float = 1 * S) -> Simulation:
    sim = Simulation(seed=1)
    client = sim.add_host("client")
    server = sim.add_host("server", sysctls={"net.ipv4.tcp_syncookies": 0})
    sim.add_link("client", "server", 20 * MS)
    listening = server.socket()
    listening.bind(("", 80))
    listening.listen(backlog)
    for _ in range(connects):
        connect_hold_close(client, (server.address, 80), hold)
    if interval:
        sim.sample_queues(interval)
    sim.run()
    return sim


def test_queues_are_sampled_while_anything_happens() -> None:
    sim = burst(3, backlog=5, interval=10 * MS)
    assert sim.queues is not None
    columns = sim.queues.columns()
    names = "syn_queue", "accept_queue", "established"
    rows = zip(*(columns[name].tolist() for name in ("time_s", *names)), strict=True)  # type: ignore[union-attr]
    seen = {round(time, 3): tuple(row) for time, *row in rows}
    assert [seen[time] for time in (0.0, 0.01, 0.03, 0.05, 0.07, 1.0)] == [
        (0, 0, 0),
        (0, 0, 0),
        (3, 0, 0),
        (3, 0, 0),
        (0, 3, 3),
        (0, 3, 3),
    ]
    assert sim.queues.listeners() == [
        {
            "host": "server",
            "port": 80,
            "backlog": 5,
            "syn_queue_limit": 6,
            "accept_queue_limit": 6,
            "syn_queue_longest": 3,
            "accept_queue_longest": 3,
        }
    ]


def test_the_last_row_is_how_it_ended() -> None:
    """A connection that comes in the same moment as a look, and nothing afterwards."""
    sim = burst(1, backlog=5, interval=20 * MS, hold=float("inf"))
    assert sim.queues is not None
    for _ in range(2):
        columns = sim.queues.columns()
        ends = [columns[name].tolist()[-2:] for name in ("time_s", "syn_queue", "accept_queue")]  # type: ignore[union-attr]
        assert ends == [[0.04, 0.06], [1, 0], [0, 1]]


def test_the_longest_queue_is_known_between_looks() -> None:
    sim = burst(9, backlog=5, interval=1 * S)
    assert sim.queues is not None
    (port,) = sim.queues.listeners()
    assert (port["syn_queue_longest"], port["accept_queue_longest"]) == (6, 6)


def test_sampling_changes_nothing_else() -> None:
    with_samples, without = (burst(3, backlog=5, interval=interval) for interval in (7 * MS, 0))
    assert with_samples.env.now == without.env.now
    assert counters(with_samples.hosts)["value"].tolist() == (  # type: ignore[union-attr]
        counters(without.hosts)["value"].tolist()  # type: ignore[union-attr]
    )


def crowd(clients: int) -> Simulation:
    """Clients, each a host of its own, that are all connected to one server."""
    sim = Simulation(seed=1)
    sim.add_router("router")
    server = sim.add_host("server", at="router")
    Server(server, 80, 128).start()
    for number in range(clients):
        client = sim.add_host(f"client{number}", at="router", delay=1 * MS)
        connect_hold_close(client, (server.address, 80), math.inf)
    sim.sample_queues(1 * S)
    sim.run()
    return sim


def lines_of_a_look(sim: Simulation) -> int:
    """How many lines of the module are executed by a look at the queues."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if frame.f_code.co_filename != sampling.__file__:
            return None
        lines += event == "line"
        return trace

    assert sim.queues is not None
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        sim.queues.listeners()
    finally:
        sys.settrace(before)
    return lines


def test_a_look_costs_the_same_however_many_clients_there_are() -> None:
    few, many = crowd(2), crowd(60)
    assert [sim.hosts["server"].tcp.established for sim in (few, many)] == [{80: 2}, {80: 60}]
    assert 0 < lines_of_a_look(few) == lines_of_a_look(many)


@pytest.mark.parametrize("power_cut", [False, True])
def test_the_established_are_those_of_the_connection_table(*, power_cut: bool) -> None:
    """While connections come, are closed by either side, reset, and forgotten."""
    sim = Simulation(seed=1)
    server = sim.add_host("server")
    clients = [sim.add_host(f"client{number}") for number in range(20)]
    for number, client in enumerate(clients):
        sim.add_link(client.name, "server", (1 + number) * MS)
    program = Server(server, 80, 4, accept_rate=100)
    program.start()
    seen = set()

    def restart() -> Generator[Event, Any, None]:
        yield sim.env.timeout(300 * MS)
        if power_cut:
            program.power_cut(100 * MS)
        else:
            program.stop()
        yield sim.env.timeout(100 * MS)
        program.start()

    def come() -> Generator[Event, Any, None]:
        for number, client in enumerate(clients * 3):
            hold = math.inf if number % 3 else 50 * MS
            connect_hold_close(client, (server.address, 80), hold)
            yield sim.env.timeout(12 * MS)

    def compare() -> Generator[Event, Any, None]:
        for _ in range(400):
            table = server.tcp.connections.items()
            expected = sum(
                key.dport == 80 and endpoint.state == State.ESTABLISHED for key, endpoint in table
            )
            assert server.tcp.established == {80: expected}
            seen.add(expected)
            yield sim.env.timeout(5 * MS)

    for process in (restart, come, compare):
        sim.process(process())
    sim.run()
    assert len(seen) > 10


def test_what_was_established_before_anybody_listened_counts() -> None:
    sim = crowd(1)
    client, server = sim.hosts["client0"], sim.hosts["server"]
    (key,) = client.tcp.connections
    late = client.socket()
    late.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
    late.bind(("", key.dport))
    late.listen(1)
    assert client.tcp.established == {key.dport: 1}
    assert server.tcp.established == {80: 1}


def test_a_simulation_of_samples_alone_ends() -> None:
    sim = Simulation()
    sim.sample_queues(1 * S)
    sim.run()
    assert sim.env.now == 0


def test_counters_have_the_names_of_nstat() -> None:
    sim = burst(3, backlog=0, interval=0)
    columns = counters(sim.hosts)
    host, counter = columns["host"], columns["counter"]
    assert isinstance(host, Enumeration)
    assert isinstance(counter, Enumeration)
    of = {
        (host.categories[h], counter.categories[c]): value
        for h, c, value in zip(host.codes, counter.codes, columns["value"].tolist(), strict=True)  # type: ignore[union-attr]
    }
    assert of["client", "TcpActiveOpens"] == 3
    assert of["server", "TcpPassiveOpens"] == 1
    assert of["client", "TcpExtTCPAbortOnTimeout"] == of["client", "TcpAttemptFails"] == 2
    assert of["client", "TcpExtTCPSynRetrans"] == 2 * 10
    assert of["server", "TcpExtTCPReqQFullDrop"] == 2
    assert ("client", "TcpPassiveOpens") not in of
