"""Counters and samples of listeners' queues."""

from __future__ import annotations

from sim import Simulation
from sim.applications import connect_hold_close
from sim.records import Enumeration
from sim.sampling import counters
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
