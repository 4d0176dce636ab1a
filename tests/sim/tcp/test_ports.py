"""Ephemeral ports: measurement E10 and RFC 6056."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sim import Simulation
from sim.units import MS

with (Path(__file__).parents[2] / "data" / "linux" / "E10_ports.csv").open(newline="") as file:
    E10 = [row for row in csv.reader(file) if row[0].startswith("exhaustion")]
DESTINATIONS = {
    "exhaustion same dst": 80,
    "exhaustion second dst port while first is full": 81,
}


class World:
    def __init__(self, ports: str = "32768 60999", seed: int = 1) -> None:
        self.sim = Simulation(seed)
        sysctls = {"net.ipv4.ip_local_port_range": ports}
        self.client = self.sim.add_host("client", sysctls=sysctls)
        self.server = self.sim.add_host("server")
        self.sim.add_link("client", "server", delay=5 * MS)

    def connect(self, port: int = 80) -> int:
        """Return the local port of a new connection, however it ends."""
        connecting = self.client.socket()
        returned = connecting.connect((self.server.address, port))
        returned.defused = True
        return connecting.getsockname()[1]


def test_ten_ports_make_ten_connects_to_each_destination() -> None:
    """Twelve connects to one port of the server, then to another: even ports first."""
    world = World("40000 40009")
    for name, dport in DESTINATIONS.items():
        rows = [row for row in E10 if row[0] == name]
        assert [row[3] for row in rows] == ["OK"] * 10 + ["EADDRNOTAVAIL"] * len(rows[10:])
        kernel = [int(row[2]) for row in rows[:10]]
        ours = [world.connect(dport) for _ in range(10)]
        assert sorted(ours) == sorted(kernel) == list(range(40000, 40010))
        assert [port % 2 for port in ours] == [port % 2 for port in kernel] == [0] * 5 + [1] * 5
        for _ in rows[10:]:
            with pytest.raises(OSError, match="Cannot assign requested address"):
                world.connect(dport)


def test_a_failed_connect_takes_no_time_and_is_recorded() -> None:
    world = World("40000 40000")
    world.connect()
    with pytest.raises(OSError, match="Cannot assign requested address"):
        world.connect()
    columns = world.sim.records.columns()
    assert columns["latency_s"].tolist()[1] == 0  # type: ignore[union-attr]
    assert columns["errno"].categories == ["EADDRNOTAVAIL"]  # type: ignore[union-attr]


@pytest.mark.parametrize("ports", ["40000 40000", "40001 40001", "40001 40004", "40000 40008"])
def test_every_port_of_a_range_is_used(ports: str) -> None:
    low, high = map(int, ports.split())
    world = World(ports)
    used = [world.connect() for _ in range(low, high + 1)]
    assert sorted(used) == list(range(low, high + 1))
    parities = [(port - low) % 2 for port in used]
    assert parities == sorted(parities)


def test_ports_follow_each_other_by_two_from_a_start_of_their_own() -> None:
    """RFC 6056 algorithm 4: the start depends on the destination and on the host's secret."""
    starts = set()
    for seed in range(5):
        world = World(seed=seed)
        for dport in (80, 443):
            first, second, third = (world.connect(dport) for _ in range(3))
            assert (second - first, third - second) == (2, 2)
            starts.add(first)
    assert len(starts) == 10


def test_a_bound_port_is_left_alone() -> None:
    world = World("40000 40003")
    bound = world.client.socket()
    bound.bind(("", 40002))
    assert sorted(world.connect() for _ in range(3)) == [40000, 40001, 40003]


def test_a_port_is_free_again_when_its_connection_is_gone() -> None:
    world = World("40000 40000")
    assert world.connect() == 40000
    world.sim.run()  # the server refuses it
    assert world.connect() == 40000
