"""Simultaneous open: measurement E7; two bound sockets that connect to each other."""

from __future__ import annotations

import csv
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sim import Simulation
from sim.host import Host
from sim.socket import Socket, errno_name
from sim.units import MS, S
from tests.sim.conversation import LOST, Script, ScriptedLink, Sent

with (Path(__file__).parents[1] / "data" / "linux" / "E7_simopen.csv").open() as file:
    E7 = {f"{row['case']}, {row['portA']}": row for row in csv.DictReader(file) if row["portA"]}
RELAY = 0.5
"""What the relay of the measurement may add, ms."""

SCRIPTS: dict[str, Script] = {
    "A SYN#1 lost": {"a: SYN 1": LOST},
    "A SYN-ACK#1 lost": {"a: SYN+ACK 1": LOST},
    "all SYN-ACKs both directions lost, 12 s watch": {"SYN+ACK 1-99": LOST},
}


class World:
    def __init__(self, script: Script, offset: int) -> None:
        self.sent: list[Sent] = []
        self.sim = Simulation(1, make_link=partial(ScriptedLink, self.sent, script))
        self.a, self.b = self.sim.add_host("a"), self.sim.add_host("b")
        self.sim.add_link("a", "b", 20 * MS)
        self.latency: dict[str, str | float] = {}
        self.sockets: dict[str, Socket] = {}
        self.sim.process(self.connect(self.a, 6000, (self.b.address, 6001), 0))
        self.sim.process(self.connect(self.b, 6001, (self.a.address, 6000), offset))
        self.sim.run(until=12 * S)

    def connect(
        self, host: Host, port: int, peer: tuple[str, int], at: int
    ) -> Generator[Any, Any, None]:
        socket = self.sockets[host.name] = host.socket()
        socket.bind(("", port))
        self.latency[host.name] = "PENDING"
        yield self.sim.env.timeout(at)
        try:
            yield socket.connect(peer)
        except OSError as error:
            self.latency[host.name] = errno_name(error)
        else:
            self.latency[host.name] = (self.sim.env.now - at) / MS


@pytest.mark.parametrize("case", E7)
def test_e7(case: str) -> None:
    kernel = E7[case]
    script = SCRIPTS.get(kernel["case"], {})
    world = World(script, int(kernel["offset_ms"]) * MS)
    for side in "ab":
        error, latency = kernel[f"{side.upper()}_err"], kernel[f"{side.upper()}_lat_ms"]
        if error == "OK":
            assert world.latency[side] == pytest.approx(float(latency), abs=RELAY)
        else:
            assert world.latency[side] == (error or latency)


def test_e7_segments() -> None:
    """Without loss: S, S, SA, SA, A, A; then both sides can talk."""
    world = World({}, 0)
    assert [sent.flags for sent in world.sent] == ["S", "S", "S.", "S.", ".", "."]
    a, b = world.sockets["a"], world.sockets["b"]
    a.send(b"hello")
    world.sim.run(until=13 * S)
    assert b.recv().value == b"hello"
