"""The tail loss probe (RFC 8985 section 7): one transmission more before the timer backs off."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from simpy.events import Event

from sim import Simulation
from sim.applications import Server
from sim.packet import Packet
from sim.units import MS, S

PORT = 80


class Call:
    """A client that sends at one second; the first `lost` segments with data are lost."""

    def __init__(self, lost: int, size: int = 5, system: str = "linux", **sysctls: int) -> None:
        self.sim = Simulation(seed=1)
        named = {f"net.ipv4.tcp_{name}": value for name, value in sysctls.items()}
        self.client = self.sim.add_host("client", os=system, sysctls=named)
        self.server = self.sim.add_host("server")
        self.lost = lost
        self.sent: list[tuple[float, int]] = []
        """When, s after the first, and how many bytes."""
        self.sim.add_link("client", "server", 20 * MS, lose=lambda _: self.loses, both=False)
        self.sim.add_link("server", "client", 20 * MS, both=False)
        Server(self.server, PORT, backlog=5).start()
        self.sim.process(self.call(size))
        self.sim.run(until=9 * S)

    def loses(self, packet: object) -> bool:
        if not (isinstance(packet, Packet) and packet.payload):
            return False
        self.sent.append((int(self.sim.env.now) / S - 1, len(packet.payload)))
        return len(self.sent) <= self.lost

    def call(self, size: int) -> Generator[Event, Any, None]:
        socket = self.client.socket()
        yield socket.connect((self.server.address, PORT))
        yield self.sim.env.timeout(1 * S - int(self.sim.env.now))
        yield socket.send(bytes(size))

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.sent]


def test_the_first_timeout_after_a_probe_is_not_backed_off() -> None:
    """244 ms is the RTO (E9), less than two round trips and the 200 ms of a delayed ACK."""
    call = Call(99)
    assert call.times[:6] == pytest.approx([0, 0.244, 0.49, 0.98, 1.99, 3.96], abs=0.08)
    counters = call.client.tcp.counters
    assert counters["TcpExtTCPLossProbes"] == 1
    assert counters["TcpExtTCPTimeouts"] == len(call.times) - 2
    assert counters["TcpRetransSegs"] == len(call.times) - 1


@pytest.mark.parametrize(
    ("system", "sysctls"),
    [("linux", {"early_retrans": 0}), ("linux", {"sack": 0}), ("rfc9293", {})],
)
def test_without_probes_every_wait_is_double_the_last(system: str, sysctls: dict[str, int]) -> None:
    call = Call(99, system=system, **sysctls)
    first = call.times[1]
    assert call.times[2:4] == pytest.approx([3 * first, 7 * first], rel=0.05)
    assert call.client.tcp.counters["TcpExtTCPLossProbes"] == 0


def test_after_several_segments_the_probe_comes_two_round_trips_later() -> None:
    """It is the last segment, whose acknowledgment says that the others are missing."""
    call = Call(3, size=3 * 1448)
    assert [size for _, size in call.sent[:4]] == [1448] * 4
    assert call.times[:4] == pytest.approx([0, 0, 0, 0.085], abs=0.005)
    assert call.server.tcp.counters["TcpExtTCPLossProbes"] == 0


def test_one_probe_repairs_one_loss() -> None:
    call = Call(1)
    assert call.times == pytest.approx([0, 0.244], abs=0.005)
    assert call.client.tcp.counters["TcpExtTCPTimeouts"] == 0
