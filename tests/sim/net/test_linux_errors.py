"""Kernel measurement E4: what connect() returns when the network says no, and when."""

from __future__ import annotations

import csv
import errno
from collections import Counter
from pathlib import Path

import pytest

from sim import Simulation
from sim.net.network import Kind
from sim.tcp.connection import Connection
from sim.units import MS, S
from tests.sim.outcomes import Call, Outcome, call, outcomes

TABLE = (Path(__file__).parents[2] / "data/linux/E4_errors.csv").read_text(encoding="utf-8")
ROWS = {row["case"]: row for row in csv.DictReader(TABLE.splitlines())}

REJECTED = {
    "closed port (RST), rtt 40 ms": None,
    "tcp reset (rtt 40 ms)": "reset",
    "nft net-unreachable (rtt 40 ms)": "reject 3/0",
    "nft host-unreachable (rtt 40 ms)": "reject 3/1",
    "nft prot-unreachable (rtt 40 ms)": "reject 3/2",
    "nft port-unreachable (rtt 40 ms)": "reject 3/3",
    "nft net-prohibited (rtt 40 ms)": "reject 3/9",
    "nft host-prohibited (rtt 40 ms)": "reject 3/10",
    "nft admin-prohibited (rtt 40 ms)": "reject 3/13",
} | {
    case: f"reject {case.split()[2]} mtu 1000 first 1"
    for case in ROWS
    if case.startswith("relay ICMP")
}
"""By the name of the measurement, the rule of a firewall 20 ms away; None: nobody listens."""

SILENT: dict[str, Kind | str] = {
    "noroute (no matching route at all)": "nobody",
    "unreachable route": Kind.UNREACHABLE,
    "prohibit route": Kind.PROHIBIT,
    "blackhole route": Kind.BLACKHOLE,
    "throw route": "nobody",
    "broadcast (255.255.255.255)": "255.255.255.255",
    "netbroadcast (10.8.1.255)": "10.8.1.255",
    "multicast": "224.0.0.1",
    "linkdown (device down)": "down",
}
"""What fails at the host itself, at once and without a packet."""

CLOSED_NEARBY = (
    "loopbackclosed (lo closed port)",
    "vethclosed (veth closed port, no delay)",
    "closed port (RST) burst 300",
)
BURST = "nft host-unreachable, default icmp_ratelimit=1000, burst 50"
NO_ARP = (
    "arpfail1 (veth on-link, no ARP answer, 1 conn)",
    "arpfail20 (veth on-link, no ARP answer, 20 conns over 1 s)",
)
LEFT_OUT = (
    "zeroaddr (0.0.0.0 -> lo closed)",  # a host has no address that stands for itself
    "nocarrier (peer veth down, 15 s watch)",  # a link without a carrier is down
)


def expected(case: str) -> str:
    """Return the errno of a case, or OK."""
    return ROWS[case]["result"].split(":")[0]


def relayed(*rules: str, listening: bool = True, seed: int = 1) -> Simulation:
    """A client 20 ms from a firewall, with a server right behind it."""
    sim = Simulation(seed)
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_firewall("relay", *rules)
    sim.add_link(client.name, "relay", 20 * MS)
    sim.add_link("relay", server.name, 0)
    if listening:
        listener = server.socket()
        listener.bind(("", 80))
        listener.listen(1000)
    return sim


def connected(sim: Simulation, calls: int = 1, gap: int = 0, to: str = "") -> list[Outcome]:
    """Let the client of a simulation call so many times."""
    target = to or sim.hosts["server"].address
    return outcomes(sim, [call(sim.hosts["client"], target, n * gap) for n in range(calls)])


def test_every_case_of_the_measurement_has_a_test() -> None:
    tested = {*REJECTED, *SILENT, *CLOSED_NEARBY, *NO_ARP, BURST, *LEFT_OUT}
    assert tested == set(ROWS)


@pytest.mark.parametrize("case", REJECTED)
def test_rejected(case: str) -> None:
    rule = REJECTED[case]
    sim = relayed(*([] if rule is None else [rule]), listening=rule is not None)
    (outcome,) = connected(sim)
    assert outcome.result == expected(case)
    low, high = (float(ROWS[case][f"lat_{end}_ms"]) for end in ("min", "max"))
    tolerance = 2 if high < 100 else 12  # of the relay; of the jiffy in which the SYN falls
    assert low - tolerance <= outcome.latency_ms <= high + tolerance
    assert outcome.syns == int(ROWS[case]["syns_per_conn"])


@pytest.mark.parametrize(
    ("rule", "result"),
    [
        ("reject 3/8", "ENONET"),
        ("reject 3/11", "ENETUNREACH"),
        ("reject 3/12", "EHOSTUNREACH"),
        ("reject 3/16 first 1", "OK"),
        ("reject 5/0 first 1", "OK"),
        ("reject 12/1", "EPROTO"),
    ],
)
def test_codes_that_were_not_measured(rule: str, result: str) -> None:
    """As in the kernel's icmp_err_convert and tcp_v4_err."""
    (outcome,) = connected(relayed(rule))
    assert outcome.result == result


def test_fragmentation_needed_makes_segments_smaller() -> None:
    sim = relayed("reject 3/4 mtu 1000 first 1")
    connected(sim)
    (peer,) = sim.hosts["client"].tcp.peers.known.values()
    assert peer.mss == 960


@pytest.mark.parametrize("case", SILENT)
def test_fails_at_the_host(case: str) -> None:
    sim = relayed()
    how = SILENT[case]
    target = "10.200.0.9" if how == "nobody" else sim.hosts["server"].address
    if isinstance(how, Kind):
        sim.add_route("client", f"{target}/32", how)
    elif how == "down":
        sim.network.set_down("client", "relay")
    elif how != "nobody":
        target = how
    (outcome,) = connected(sim, to=target)
    assert (outcome.result, outcome.latency_ms, outcome.syns) == (expected(case), 0, 0)


@pytest.mark.parametrize("case", CLOSED_NEARBY)
def test_closed_nearby(case: str) -> None:
    sim = relayed(listening=False)
    own = sim.hosts["client"].address if case.startswith("loopback") else ""
    calls = int(ROWS[case]["n"])
    assert {outcome.result for outcome in connected(sim, calls, to=own)} == {expected(case)}


def test_of_a_burst_six_hear_of_it_at_once_and_the_others_by_later_syns() -> None:
    sim = relayed("reject 3/1")
    found = connected(sim, 50)
    at_once = [outcome for outcome in found if outcome.latency_ms < 50]
    assert len(at_once) == 6
    within = Counter(o.result for o in found if o.latency_ms < 35_601)
    assert within["EHOSTUNREACH"] == pytest.approx(29, abs=8)  # the order of SYNs is luck


def test_errors_to_one_client_do_not_use_up_those_to_others() -> None:
    sim = relayed("reject 3/1")
    others = [sim.add_host(f"other{number}") for number in range(20)]
    for host in others:
        sim.add_link(host.name, "relay", 20 * MS)
    server = sim.hosts["server"].address
    found = outcomes(sim, [call(host, server) for host in others for _ in range(5)])
    at_once = [outcome for outcome in found if outcome.latency_ms < 50]
    assert len(at_once) == 50  # icmp_msgs_burst


@pytest.mark.parametrize("case", NO_ARP)
def test_nobody_answers_for_the_address(case: str) -> None:
    calls = int(ROWS[case]["n"])
    sim = relayed()
    sim.network.add_subnet("10.8.1.0/24", "client")
    found = connected(sim, calls, S // calls, to="10.8.1.7")
    assert {outcome.result for outcome in found} == {expected(case)}
    latencies = [outcome.latency_ms for outcome in found]
    assert max(latencies) == pytest.approx(float(ROWS[case]["lat_max_ms"]), abs=30)
    assert min(latencies) == pytest.approx(float(ROWS[case]["lat_min_ms"]), abs=30)
    assert {outcome.syns for outcome in found} <= {1, 2, 3, 4}


def test_a_router_asks_for_the_neighbour_and_says_that_nobody_is_there() -> None:
    sim = relayed()
    sim.network.add_subnet("10.8.1.0/24", "relay")
    (outcome,) = connected(sim, to="10.8.1.7")
    assert outcome.result == "EHOSTUNREACH"
    assert outcome.latency_ms == pytest.approx(3040, abs=1)
    assert not sim.records.finished - 1


@pytest.mark.parametrize(
    ("rule", "result"),
    [
        ("reject 1/0", "ENETUNREACH"),
        ("reject 1/1", "EACCES"),
        ("reject 1/3", "EHOSTUNREACH"),
        ("reject 1/4", "ECONNREFUSED"),
        ("reject 3/0", "EHOSTUNREACH"),
        ("reject 4/1", "EPROTO"),
        ("reject 2/0 mtu 1300 first 1", "OK"),
        ("reset", "ECONNREFUSED"),
    ],
)
def test_icmpv6(rule: str, result: str) -> None:
    sim = Simulation()
    client = sim.add_host("client", versions=(4, 6))
    server = sim.add_host("server", versions=(6,))
    sim.add_firewall("relay", rule)
    sim.add_link("client", "relay", 20 * MS)
    sim.add_link("relay", "server", 0)
    server.socket().listen()
    listener = server.socket()
    listener.bind(("", 80))
    listener.listen()
    (outcome,) = outcomes(sim, [call(client, server.address)])
    assert outcome.result == result
    assert client.tcp.peers[server.address].mss == (1240 if result == "OK" else 1440)


def test_without_an_address_of_that_version_there_is_no_way() -> None:
    sim = Simulation()
    client = sim.add_host("client")
    server = sim.add_host("server", versions=(6,))
    sim.add_link("client", "server", MS)
    (outcome,) = outcomes(sim, [call(client, server.address)])
    assert outcome.result == errno.errorcode[errno.ENETUNREACH]


@pytest.mark.parametrize("mtu", [1280, 1000])
def test_a_narrow_link_says_how_much_it_takes(mtu: int) -> None:
    sim = relayed()
    far = sim.add_host("far")
    sim.add_link("relay", "far", MS, mtu=mtu)
    listener = far.socket()
    listener.bind(("", 80))
    listener.listen()

    def application() -> Call:
        socket = sim.hosts["client"].socket()
        yield socket.connect((far.address, 80))
        yield socket.send(bytes(3000))

    sim.process(application())
    sim.run(until=5 * S)
    assert sim.hosts["client"].tcp.peers[far.address].mss == mtu - 40
    (connection,) = far.tcp.connections.values()
    assert isinstance(connection, Connection)
    assert connection.receiving is not None
    assert len(connection.receiving.buffer) == 3000
