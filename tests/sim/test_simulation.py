"""One seed determines everything, and each of its streams one thing only."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from typing import Any

import numpy as np
import pytest
from simpy.events import Event

from sim import Simulation
from sim.applications import arrive, poisson, serve
from sim.net.link import Link
from sim.packet import Packet
from sim.records import Enumeration
from sim.units import MS, S
from tests.sim.conversation import Conversation, column

CONNECTS = 300
CLIENTS = ("paris", "lyon")


def star(
    seed: int = 1,
    losses: tuple[float, float] = (0.1, 0.1),
    extra: bool = False,
    first: Callable[[Simulation], object] = lambda sim: None,
    make_link: Callable[..., Link] = Link,
) -> Simulation:
    """Two clients and, with `extra`, a third that does nothing, reach a server through a router."""
    sim = Simulation(seed, make_link=make_link)
    first(sim)
    sim.add_router("hub")
    if extra:
        sim.add_host("nice", at="hub", delay=MS, loss=0.3)
    clients = [
        sim.add_host(name, at="hub", delay=10 * MS, loss=loss, address=f"10.1.0.{number}")
        for number, (name, loss) in enumerate(zip(CLIENTS, losses, strict=True), start=1)
    ]
    server = sim.add_host("server", at="hub", delay=5 * MS, address="10.2.0.1")
    serve(server, 80, backlog=4096)
    times = poisson(sim.streams.generator("arrivals"), 200, CONNECTS)
    arrive(sim, clients, (server.address, 80), times.tolist(), 1 * S)
    return sim


def digest(sim: Simulation) -> str:
    """Return a hash of all columns of the records."""
    result = hashlib.sha256()
    for name, values in sim.records.columns().items():
        data = values.codes if isinstance(values, Enumeration) else values
        names = values.categories if isinstance(values, Enumeration) else []
        result.update(f"{name} {data.dtype} {names}".encode() + data.tobytes())
    return result.hexdigest()


def finished(sim: Simulation) -> Simulation:
    sim.run()
    return sim


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert digest(finished(star())) == digest(finished(star()))
    assert digest(finished(star())) != digest(finished(star(seed=2)))


@pytest.mark.parametrize("hash_seed", ["0", "12345"])
def test_another_process_gives_the_same_bytes(hash_seed: str) -> None:
    program = "from tests.sim.test_simulation import *; print(digest(finished(star())))"
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == digest(finished(star()))


def test_running_in_steps_changes_nothing() -> None:
    sim = star()
    for until in range(1, 20):
        sim.run(until=until * S // 7)
    assert digest(finished(sim)) == digest(finished(star()))


class CountingLink(Link):
    """A link that keeps which of its packets it lost, by their number."""

    __slots__ = ("carried", "lost")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.carried = 0
        self.lost: list[int] = []

    def send(self, packet: Packet) -> None:
        self.carried += 1
        super().send(packet)

    def drop(self, packet: Any, reason: str) -> None:
        self.lost.append(self.carried)


def lost(sim: Simulation, a: str, b: str) -> list[int]:
    """Return the numbers of the packets lost on a link, of the first 300."""
    link = sim.network.link(a, b)
    assert isinstance(link, CountingLink)
    assert link.carried > 300
    return [number for number in link.lost if number <= 300]


def test_one_links_loss_leaves_the_others_draws_alone() -> None:
    """The same packets in the order of a link are lost while its neighbour loses far more."""
    few, many = (finished(star(losses=(0.1, loss), make_link=CountingLink)) for loss in (0.1, 0.5))
    assert column(few, "started_s") == column(many, "started_s")
    for way in (("paris", "hub"), ("hub", "paris")):
        assert lost(few, *way) == lost(many, *way) != []
    assert len(lost(many, "lyon", "hub")) > 3 * len(lost(few, "lyon", "hub"))


def test_a_larger_loss_keeps_the_arrivals() -> None:
    starts = [column(finished(star(losses=(loss, loss))), "started_s") for loss in (0, 0.01, 0.5)]
    assert starts[0] == starts[1] == starts[2]


def test_another_host_leaves_the_others_draws_alone() -> None:
    without, beside = finished(star()), finished(star(extra=True))
    for name in ("started_s", "finished_s", "client_port", "accepted_s", "syn_sent"):
        assert column(without, name) == column(beside, name)


def test_clocks_of_hosts_have_independent_phases() -> None:
    """When the first SYN is repeated, over 50 hosts: not all within the same ms of a tick."""
    conversation = Conversation({"SYN *": ()}, clients=50, listening=False)
    for client in conversation.clients:
        conversation.connect(client)
    conversation.run(until=2 * S)
    repeated = [sent.time for sent in conversation.sent if sent.time]
    assert len(repeated) == 50
    offsets = np.array(repeated) % (4 * MS) / MS
    assert np.histogram(offsets, bins=4, range=(0, 4))[0].min() >= 4


def test_streams_do_not_depend_on_the_order_of_use() -> None:
    def use(sim: Simulation) -> None:
        sim.streams.generator("something else").random(1000)

    assert digest(finished(star(first=use))) == digest(finished(star()))


def test_attempts_that_have_not_returned_are_pending() -> None:
    sim = star(losses=(1.0, 0.0))
    sim.run(until=60 * S)
    outcomes = column(sim, "outcome")
    assert outcomes.count("pending") == outcomes.count("established") == CONNECTS // 2
    assert (sim.records.started, sim.records.finished) == (CONNECTS, CONNECTS // 2)


def test_progress_is_told_the_simulation() -> None:
    sim = star()
    told: list[tuple[float, int]] = []

    def progress(running: Simulation) -> None:
        assert running is sim
        told.append((running.env.now, running.records.finished))

    sim.env.process(clock(sim))
    sim.run(progress=progress)
    assert len(told) > 2
    assert told == sorted(told)


def clock(sim: Simulation) -> Generator[Event, Any, None]:
    for _ in range(30_000):
        yield sim.env.timeout(MS)


def test_memory_does_not_grow_with_connections_that_are_gone() -> None:
    sim = finished(star())
    for host in sim.hosts.values():
        assert host.tcp.memory_used == 0
        assert host.tcp.connections == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"os": "linx"}, "unknown operating system 'linx'"),
        ({"sysctls": {"net.ipv4.tcp_syn_retrys": 3}}, "did you mean net.ipv4.tcp_syn_retries"),
        ({"name": "hub"}, "there is already a node named 'hub'"),
        ({"address": "10.2.0.1"}, "10.2.0.1 belongs to"),
        ({"at": "nowhere"}, "nowhere"),
    ],
)
def test_impossible_hosts_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        star().add_host(**{"name": "new", **arguments})  # type: ignore[arg-type]


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed must not be negative"):
        Simulation(-1)
