"""Handshakes over impaired links: what connect() makes of what happens to its packets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sim import Simulation
from sim.net.impaired import ImpairedLink
from sim.net.link import Link
from sim.net.netem import parse
from sim.net.script import LossScript
from sim.units import MS, S


def latencies(connects: int = 1, seed: int = 1, **impairments: Callable[[], Any]) -> list[float]:
    """Return how long each of so many connect() takes, with impairments from the client on."""

    def make_link(engine: Any, streams: Any, name: str, *rest: Any) -> Link:
        if name != "client > server":
            return Link(engine, streams, name, *rest)
        made = {kind: make() for kind, make in impairments.items()}
        return ImpairedLink(engine, streams, name, *rest, **made)

    sim = Simulation(seed, make_link=make_link)
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_link("client", "server", delay=20 * MS)
    listener = server.socket()
    listener.bind(("", 80))
    listener.listen(4096)
    taken: list[float] = []

    def application() -> Any:
        socket = client.socket()
        started = sim.env.now
        yield socket.connect((server.address, 80))
        taken.append((sim.env.now - started) / S)

    for _ in range(connects):
        sim.process(application())
    sim.run(until=300 * S)
    return taken


def test_without_impairments_a_connect_takes_a_round_trip() -> None:
    assert latencies(netem=lambda: parse("")) == [0.04]


def test_delay_of_netem_adds_to_the_round_trip() -> None:
    assert latencies(netem=lambda: parse("delay 15ms")) == [0.055]


def test_first_syn_lost_by_a_script_costs_a_timeout() -> None:
    (latency,) = latencies(lose=lambda: LossScript("SYN 1"))
    assert latency == pytest.approx(1.04, abs=0.02)


def test_corrupted_syn_counts_as_lost() -> None:
    corrupted = latencies(200, netem=lambda: parse("corrupt 20%"))
    share = sum(latency > 1 for latency in corrupted) / len(corrupted)
    assert len(corrupted) == 200
    assert share == pytest.approx(0.2, abs=0.12)


def test_duplicated_packets_do_no_harm() -> None:
    assert latencies(50, netem=lambda: parse("duplicate 100%")) == [0.04] * 50


def test_same_seed_same_latencies() -> None:
    def text() -> Any:
        return parse("delay 9ms 5ms loss gemodel 5% 20% duplicate 5% reorder 5%")

    assert latencies(50, netem=text) == latencies(50, netem=text)
    assert latencies(50, netem=text) != latencies(50, seed=2, netem=text)
