"""Reusing a port whose connection is in TIME-WAIT: measurement E10."""

from __future__ import annotations

import csv
import errno
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sim import Simulation
from sim.sockopt import SO_REUSEADDR, SOL_SOCKET
from sim.units import MS, S

with (Path(__file__).parents[2] / "data" / "linux" / "E10_ports.csv").open(newline="") as file:
    E10 = {row[0]: row for row in csv.reader(file) if "tw_reuse" in row[0]}
WHEEL = 2.2
"""How much longer than 60 s the timer wheel may keep TIME-WAIT, s (measured: 60.4 to 61.9)."""


class World:
    """A client with one ephemeral port, and a server that closes second."""

    def __init__(self, sysctls: dict[str, Any]) -> None:
        self.sim = Simulation(1)
        ports = {"net.ipv4.ip_local_port_range": "40000 40000"}
        self.client = self.sim.add_host("client", sysctls=ports | sysctls)
        self.server = self.sim.add_host("server")
        self.sim.add_link("client", "server", 5 * MS)
        self.log: list[str] = []

    def serve(self, *, closes_first: bool, address: str = "") -> Generator[Any, Any, None]:
        host = self.client if address == self.client.address else self.server
        listener = host.socket()
        listener.bind(("", 80))
        listener.listen(16)
        while True:
            socket, _ = yield listener.accept()
            if not closes_first:
                yield socket.recv()
            socket.close()

    def reuse(self, address: str) -> Generator[Any, Any, float]:
        """Return how long after close() the port could be used again, s."""
        env = self.sim.env
        first = self.client.socket()
        yield first.connect((address, 80))
        yield env.timeout(10 * MS)
        first.close()
        closed = env.now
        while True:
            yield env.timeout(50 * MS)
            second = self.client.socket()
            try:
                yield second.connect((address, 80))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
            else:
                return (env.now - closed) / S


@pytest.mark.parametrize("case", E10)
def test_e10_the_client_may_use_the_port_again(case: str) -> None:
    sysctls: dict[str, Any] = {"net.ipv4.tcp_tw_reuse": case.partition("=")[2][0]}
    if "timestamps=0" in case:
        sysctls["net.ipv4.tcp_timestamps"] = 0
    kernel = float(E10[case][3].split()[3])
    world = World(sysctls)
    loopback = "non-loopback" not in case
    address = world.client.address if loopback else world.server.address
    world.sim.process(world.serve(closes_first=False, address=address))
    reuse = world.sim.process(world.reuse(address))
    world.sim.run(until=70 * S)
    assert reuse.value == pytest.approx(kernel, abs=0.1 if kernel < 2 else WHEEL)


def test_e10_a_server_in_time_wait_takes_a_new_syn_at_once() -> None:
    """And the new connection's numbers begin beyond the old one's (RFC 9293 MAY-2, RFC 6191)."""
    world = World({})
    world.sim.process(world.serve(closes_first=True))

    def client() -> Generator[Any, Any, None]:
        env = world.sim.env
        for _ in range(3):
            socket = world.client.socket()
            socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            socket.bind(("", 40000))
            begin = env.now
            yield socket.connect((world.server.address, 80))
            world.log.append(f"connected after {(env.now - begin) // MS} ms")
            yield socket.recv()
            socket.close()
            yield env.timeout(1 * S)
            states = [str(c.state) for c in world.server.tcp.connections.values()]  # type: ignore[attr-defined]
            world.log.append(f"server: {states}")

    world.sim.process(client())
    world.sim.run(until=10 * S)
    assert world.log == ["connected after 10 ms", "server: ['TIME-WAIT']"] * 3
