from __future__ import annotations

from typing import Any

import pytest

from sim import Simulation
from sim.names import Names
from sim.net.network import Kind
from sim.units import MS
from tests.sim.outcomes import Call, outcomes


def dual() -> tuple[Simulation, Names]:
    """A dual-stack client and server, 20 ms apart; the server listens."""
    sim = Simulation()
    sim.add_host("client", versions=(4, 6))
    server = sim.add_host("server", versions=(4, 6))
    sim.add_link("client", "server", 20 * MS)
    listener = server.socket()
    listener.bind(("", 80))
    listener.listen()
    return sim, Names(sim)


def connected(sim: Simulation, names: Names, name: str) -> Any:
    """Return the socket that a connect() to a name gives."""
    found: list[Any] = []

    def application() -> Call:
        found.append((yield from names.connect(sim.hosts["client"], name, 80)))

    outcomes(sim, [application()])
    return found[0]


def test_ipv6_is_tried_first_and_its_segments_are_smaller() -> None:
    sim, names = dual()
    socket = connected(sim, names, "server")
    assert socket.getpeername() == ("fd00::2", 80)
    assert socket.control_block.mss == 1440
    assert sim.env.now < 10**12


def test_a_way_that_fails_gives_way_to_the_next() -> None:
    sim, names = dual()
    sim.add_route("client", "fd00::/16", Kind.UNREACHABLE)
    assert connected(sim, names, "server").getpeername() == ("10.0.0.2", 80)


def test_a_host_without_ipv6_tries_ipv4_first() -> None:
    sim, names = dual()
    old = sim.add_host("old")
    names.add("www", ["10.0.0.9", "fd00::9", "10.0.0.2"])
    assert names.resolve("www", old) == ["10.0.0.9", "10.0.0.2", "fd00::9"]
    assert names.resolve("www", sim.hosts["client"]) == ["fd00::9", "10.0.0.9", "10.0.0.2"]


def test_a_name_of_several_servers() -> None:
    sim, names = dual()
    names.add("www", ["10.0.0.99", "10.0.0.2"])
    assert connected(sim, names, "www").getpeername() == ("10.0.0.2", 80)


def test_nobody_has_the_name() -> None:
    sim, names = dual()
    with pytest.raises(FileNotFoundError):
        names.resolve("nobody", sim.hosts["client"])


@pytest.mark.parametrize(
    ("mtu", "version", "mss"), [(1280, 6, 1220), (1500, 6, 1440), (9000, 4, 8960)]
)
def test_mss_is_the_mtu_less_headers(mtu: int, version: int, mss: int) -> None:
    sim = Simulation()
    for name in ("client", "server"):
        sim.add_host(name, versions=(version,), mtu=mtu)
    sim.add_link("client", "server", MS)
    listener = sim.hosts["server"].socket()
    listener.bind(("", 80))
    listener.listen()
    assert connected(sim, Names(sim), "server").control_block.mss == mss
