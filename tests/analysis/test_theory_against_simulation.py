"""Holds the simulator to the exact theory, class by class of latency."""

from __future__ import annotations

import math
from collections.abc import Generator
from itertools import cycle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from analysis.schedules import Schedules
from analysis.theory import connect_latency, of_run
from scenarios.runner import schedules
from scenarios.store import table
from sim import Simulation
from sim.applications import arrive, serve
from sim.bulk import connect_hold_close
from sim.tcp.profiles import PROFILES
from sim.units import MS, S

HOSTS = 40
"""Hosts of each kind: every pair of clocks has a phase of its own."""

CLASSES = np.array([0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 8.0, 12.0, 20.0])
"""Between the clusters of latency, s: each class holds what one more SYN decided."""


def latencies(system: str, loss: float, connections: int) -> NDArray[np.float64]:
    """Return the latency of every connect, infinite if it failed, s; RTT 40 ms."""
    sim = Simulation(seed=11)
    sim.add_router("router")
    clients = [sim.add_host(f"client{n}", os=system) for n in range(HOSTS)]
    servers = [sim.add_host(f"server{n}", os=system) for n in range(HOSTS)]
    for host in clients:
        sim.add_link(host.name, "router", delay=0)
    for host in servers:
        sim.add_link("router", host.name, delay=20 * MS, loss=loss)
        serve(host, 80, backlog=4096)
    gaps = np.random.default_rng(12).exponential(S / 1000, connections).astype(int).tolist()

    def calls() -> Generator[Any, Any, None]:
        pairs = cycle((client, server) for server in servers for client in clients)
        for gap, (client, server) in zip(gaps, pairs, strict=False):
            yield sim.env.timeout(gap)
            connect_hold_close(client, (server.address, 80), math.inf)

    sim.process(calls())
    sim.run()
    columns = sim.records.columns()
    outcome: Any = columns["outcome"]
    established = np.asarray(outcome.codes) == outcome.categories.index("established")
    return np.where(established, np.asarray(columns["latency_s"]), np.inf)


def fit(system: str, loss: float, connections: int) -> float:
    """Return the p-value of chi-square over the classes of latency."""
    found = latencies(system, loss, connections)
    of_system = Schedules.from_recipe(PROFILES[system].schedules())
    theory = connect_latency(of_system, of_system, rtt_s=0.04, loss=loss)
    expected = np.diff([0.0, *theory.cdf(CLASSES), 1.0]) * len(found)
    observed = np.bincount(np.searchsorted(CLASSES, found), minlength=len(expected))
    # A class of fewer than five counts with the one before it.
    merged = np.maximum.accumulate(np.where(expected >= 5, np.arange(len(expected)), 0))
    sums = [np.bincount(merged, counts) for counts in (observed, expected)]
    used = sums[1] > 0
    assert used.sum() >= 2
    return float(stats.chisquare(sums[0][used], sums[1][used]).pvalue)


@pytest.mark.parametrize("loss", [0.005, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("system", PROFILES)
def test_classes_of_latency(system: str, loss: float) -> None:
    """Chi-square over the classes of 2,000 connects, at a fixed seed: p above 0.1 %."""
    assert fit(system, loss, 2_000) > 1e-3


def test_classes_of_many_latencies() -> None:
    """The same of 200,000 connects, which would show a deviation of a tenth of that."""
    assert fit("linux", 0.1, 200_000) > 1e-3


def run_with(sysctls: list[dict[str, Any]], connections: int = 4000) -> tuple[Any, Any]:
    """Return the recipe and the connects of clients with these sysctls, one after another."""
    sim = Simulation(seed=13)
    server = sim.add_host("server")
    serve(server, 80, backlog=4096)
    for number, own in enumerate(sysctls):
        client = sim.add_host(f"client{number}", sysctls=own)
        sim.add_link(client.name, "server", delay=20 * MS, loss=0.3)
        gaps = np.random.default_rng(number).exponential(20 * MS, connections // len(sysctls))
        times = np.cumsum(gaps).astype(int)
        arrive(sim, [client], (server.address, 80), times.tolist(), S)
    sim.run()
    recipe = {"parameters": {"loss": 0.3}, **schedules(sim)}
    return recipe, table(sim.records.columns()).to_pandas()


def test_theory_of_a_run_knows_the_hosts_sysctls() -> None:
    """4,000 connects that give up after their last SYN: the share lost within 4 deviations."""
    recipe, connections = run_with([{"net.ipv4.tcp_syn_retries": 1}])
    assert recipe["host_profiles"] == {"client0": "linux as client0 has it"}
    theory = of_run(recipe, connections)
    assert theory is not None
    failed = connections[connections["outcome"] == "timed_out"]
    assert failed["latency_s"].max() < 5.0
    assert theory.gives_up_s == pytest.approx(failed["latency_s"].mean(), abs=0.02)
    share = (connections["outcome"] == "established").mean()
    deviation = math.sqrt(theory.established * (1 - theory.established) / len(connections))
    assert abs(share - theory.established) < 4 * deviation


def test_theory_of_a_run_says_nothing_of_hosts_that_differ() -> None:
    retries = "net.ipv4.tcp_syn_retries"
    recipe, connections = run_with([{retries: 1}, {retries: 2}], 40)
    assert len(recipe["profiles"]) == 3
    assert of_run(recipe, connections) is None
    alike, connections = run_with([{retries: 1}, {retries: 1}], 40)
    assert len(alike["profiles"]) == 2
    assert of_run(alike, connections) is not None


def test_sysctls_that_change_no_timer_leave_a_host_its_systems_schedules() -> None:
    recipe, _ = run_with([{"net.ipv4.tcp_max_syn_backlog": 5}], 2)
    assert list(recipe["profiles"]) == ["linux"]
    assert recipe["host_profiles"] == {}
