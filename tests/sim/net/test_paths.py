"""What packets meet on the way: other routes, equal ones, firewalls, translation, old age."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import Simulation
from sim.host import Host
from sim.net.firewall import RuleError, parse
from sim.net.nat import Nat, Phase
from sim.net.network import Kind
from sim.net.routing import KEPT, Routing
from sim.packet import ACK, Flow, Packet
from sim.units import MS, S
from tests.sim.outcomes import call, outcomes


def listen(host: Host, port: int = 80) -> None:
    listener = host.socket()
    listener.bind(("", port))
    listener.listen(10_000)


def parallel(ways: int) -> Simulation:
    """A client and a server joined by so many routers alike; counts what each forwards."""
    sim = Simulation()
    for name in ("left", "right"):
        sim.add_router(name)
    for number in range(ways):
        sim.add_router(f"way{number}")
        sim.add_link("left", f"way{number}", MS)
        sim.add_link(f"way{number}", "right", MS)
    sim.add_host("client", at="left")
    listen(sim.add_host("server", at="right"))
    return sim


def test_flows_spread_over_ways_alike_and_each_keeps_its_own() -> None:
    sim = parallel(4)
    seen: dict[tuple[Flow, str], set[str]] = {}
    for number in range(4):
        for ends in (("left", f"way{number}"), ("right", f"way{number}")):
            link: Any = sim.network.link(*ends)
            router = link.receive.__self__

            def receive(packet: Packet, ends: Any = ends, router: Any = router) -> None:
                seen.setdefault((packet.flow, ends[0]), set()).add(ends[1])
                router.receive(packet)

            link.receive = receive
    client, server = sim.hosts["client"], sim.hosts["server"]
    outcomes(sim, [call(client, server.address, at * MS) for at in range(400)], 10 * S)
    assert all(len(ways) == 1 for ways in seen.values())
    shares = Counter(next(iter(ways)) for (_, side), ways in seen.items() if side == "left")
    assert len(shares) == 4
    assert min(shares.values()) > 70  # 100 expected each; 3.5 standard deviations


def test_anycast_reaches_the_nearest_and_the_next_when_that_is_gone() -> None:
    sim = Simulation()
    for name in "ABC":
        sim.add_router(name)
    sim.add_link("A", "B", 10 * MS)
    sim.add_link("B", "C", 10 * MS)
    near, far = sim.add_host("near", at="A"), sim.add_host("far", at="C")
    clients = [sim.add_host(f"client{name}", at=name) for name in "ABC"]
    for server in (far, near):
        server.addresses = (*server.addresses, "192.0.2.1")
        sim.network.add_address("192.0.2.1", server.name, shared=True)
        listen(server)
    first = outcomes(sim, [call(client, "192.0.2.1") for client in clients], 1 * S)
    assert [one.server for one in first] == ["near", "far", "far"]
    assert [one.latency_ms for one in first] == [0, 20, 0]
    sim.network.set_down("C", "far")
    sim.network.converge()
    second = outcomes(sim, [call(client, "192.0.2.1") for client in clients], 2 * S)[3:]
    assert [one.server for one in second] == ["near"] * 3


def test_the_longest_prefix_counts() -> None:
    sim = parallel(2)
    server = sim.hosts["server"].address
    sim.add_route("left", "10.0.0.0/8", Kind.PROHIBIT)
    sim.add_route("left", f"{sim.hosts['client'].address}/32", "client")
    sim.add_route("left", f"{server}/32", "way1")
    sim.add_route("client", "10.0.0.0/24", "left")
    client = sim.hosts["client"]
    reached, refused = outcomes(sim, [call(client, server), call(client, "10.0.0.77")], 1 * S)
    assert reached.result == "OK"
    assert (refused.result, refused.latency_ms) == ("EHOSTUNREACH", 0)


def test_a_host_with_two_links_forwards_nothing() -> None:
    sim = parallel(1)
    both = sim.add_host("both")
    for side in ("left", "right"):
        sim.add_link("both", side, 0)
    listen(both)
    client, server = sim.hosts["client"], sim.hosts["server"]
    calls = [call(client, server.address), call(both, server.address), call(client, both.address)]
    found = outcomes(sim, calls, S)
    assert [one.latency_ms for one in found] == [4, 0, 0]


def test_time_to_live_ends_and_the_router_says_so() -> None:
    sim = Simulation()
    names = [f"r{number}" for number in range(70)]
    for name in names:
        sim.add_router(name)
    for a, b in pairwise(names):
        sim.add_link(a, b, MS)
    client = sim.add_host("client", at="r0")
    far = sim.add_host("far", at="r69")
    listen(far)
    (one,) = outcomes(sim, [call(client, far.address)])
    assert (one.result, one.latency_ms) == ("EHOSTUNREACH", 2 * 63)


def test_links_of_one_direction() -> None:
    sim = Simulation()
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_edge("A", "B", delay=5 * MS)
    graph.add_edge("B", "A", delay=30 * MS)
    sim.add_graph(graph)
    client = sim.add_host("client", at="A")
    server = sim.add_host("server", at="B")
    listen(server)
    (one,) = outcomes(sim, [call(client, server.address)], 1 * S)
    assert one.latency_ms == 35


def test_options_of_links_reach_them() -> None:
    sim = Simulation()
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_link("client", "server", 10 * MS, netem="delay 5ms", lose="SYN+ACK 1")
    listen(server)
    (one,) = outcomes(sim, [call(client, server.address)], 5 * S)
    assert 1000 < one.latency_ms < 1050
    assert sim.network.link("client", "server").delay == 10 * MS


def test_corrupted_packets_are_counted_where_they_arrive() -> None:
    sim = Simulation()
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_link("client", "server", MS, netem="corrupt 100%")
    outcomes(sim, [call(client, server.address)], 2500 * MS)
    assert server.tcp.counters["TcpInCsumErrors"] == 3
    assert client.tcp.counters["TcpInCsumErrors"] == 0


# Firewalls.


@pytest.mark.parametrize(
    ("rules", "result"),
    [
        ([], "OK"),
        (["drop dport 80"], "PENDING"),
        (["reset dport 80"], "ECONNREFUSED"),
        (["reject dport 80"], "ECONNREFUSED"),
        (["accept src 10.0.0.1", "drop"], "PENDING"),  # the answer is dropped
        (["accept src 10.0.0.1/32", "accept dst 10.0.0.1", "drop"], "OK"),
        (["reject 3/13 syn"], "EHOSTUNREACH"),
        (["drop sport 81", "drop src 10.0.0.2 dst 10.0.0.3"], "OK"),
    ],
)
def test_first_rule_that_fits_counts(rules: list[str], result: str) -> None:
    sim = Simulation()
    sim.add_firewall("wall", *rules)
    client, server = sim.add_host("client", at="wall"), sim.add_host("server", at="wall")
    listen(server)
    (one,) = outcomes(sim, [call(client, server.address)], 100 * MS)
    assert one.result == result


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "rule '': '' is not one of accept, drop, reset, reject"),
        ("deny", "rule 'deny': 'deny' is not one of"),
        ("drop dport http", "dport takes a whole number up to 65535, not 'http'"),
        ("drop from 10.0.0.1", "unknown word 'from'"),
        ("drop src 10.0.0.300", "'10.0.0.300' does not appear to be an IPv4 or IPv6 network"),
        ("drop 3/1", "unknown word '3/1'"),
        ("reject 3/999", "an ICMP code takes a whole number up to 255, not '999'"),
        ("reject 8/0", "ICMP type 8 is no error about a packet"),
    ],
)
def test_rules_that_are_none(text: str, message: str) -> None:
    with pytest.raises(RuleError) as error:
        parse(text)
    assert message in str(error.value)


words = st.sampled_from(["reject", "drop", "3/1", "dport", "src", "first", "mtu", "9" * 30, "::/0"])


@given(st.lists(words | st.text(max_size=6), max_size=6).map(" ".join))
def test_any_text_is_a_rule_or_an_error_in_one_line(text: str) -> None:
    message = ""
    try:
        parse(text)
    except RuleError as error:
        message = str(error)
    assert "\n" not in message


# Address translation.


def behind_nat(clients: int = 1, **options: Any) -> tuple[Simulation, Nat]:
    sim = Simulation()
    hosts = [sim.add_host(f"client{number}") for number in range(clients)]
    server = sim.add_host("server")
    nat = sim.add_nat("nat", "203.0.113.1", [host.address for host in hosts], **options)
    for host in (*hosts, server):
        sim.add_link(host.name, "nat", MS)
    listen(server)
    return sim, nat


def test_the_server_sees_the_address_of_the_nat() -> None:
    sim, nat = behind_nat(3)
    server = sim.hosts["server"]
    calls = [call(host, server.address) for host in sim.hosts.values() if host is not server]
    assert [one.result for one in outcomes(sim, calls, S)] == ["OK"] * 3
    peers = {flow.src for flow in server.tcp.connections}
    assert peers == {"203.0.113.1"}
    assert len({flow.sport for flow in server.tcp.connections}) == 3
    assert len(nat) == 3


def test_a_full_table_drops_syns_until_entries_are_forgotten() -> None:
    sim, nat = behind_nat(1, size=2, timeouts={Phase.ESTABLISHED: 2 * S})
    client, server = sim.hosts["client0"], sim.hosts["server"].address
    found = outcomes(sim, [call(client, server, at * MS) for at in range(3)], 60 * S)
    assert [one.result for one in found] == ["OK"] * 3
    assert [one.syns for one in found] == [1, 1, 3]
    assert nat.full == 2
    assert nat.most == 2


def test_two_flows_alike_get_ports_of_their_own() -> None:
    sim, nat = behind_nat(2)
    sent: list[Flow] = []
    link: Any = sim.network.link("nat", "server")
    link.receive = lambda packet: sent.append(packet.flow)
    for number in range(2):
        flow = Flow(sim.hosts[f"client{number}"].address, 5000, sim.hosts["server"].address, 80)
        nat.receive(Packet(flow, ACK, 0, 0, 0))
    sim.run()
    assert [flow.sport for flow in sent] == [5000, 1025]


def test_errors_from_outside_and_of_the_nat_itself_reach_the_host_inside() -> None:
    sim, _ = behind_nat()
    client = sim.hosts["client0"]
    sim.add_firewall("wall", "reject 3/10")
    far = sim.add_host("far", at="wall")
    sim.add_link("nat", "wall", MS)
    found = outcomes(sim, [call(client, far.address), call(client, "198.51.100.7")], S)
    assert [one.result for one in found] == ["EHOSTUNREACH", "ENETUNREACH"]
    sim.network.set_down("nat", "wall")
    (late,) = outcomes(sim, [call(client, far.address)], 2 * S)[2:]
    assert (late.result, late.latency_ms) == ("ENETUNREACH", 2)


# Many nodes.


def test_trees_of_few_roots_are_kept() -> None:
    names = [f"n{number}" for number in range(200)]
    links = [(a, b, 1) for x, y in pairwise(names) for a, b in ((x, y), (y, x))]
    routing = Routing(names, links, frozenset(names))
    for name in names[2:]:
        assert routing.length("n0", name) == (int(name[1:]), int(name[1:]))
    assert len(routing._trees) <= KEPT


def test_one_root_serves_a_server_and_all_its_clients() -> None:
    sim = Simulation()
    graph: nx.Graph[str] = nx.relabel_nodes(nx.random_internet_as_graph(300, seed=1), str)
    for edge in graph.edges.values():
        edge["delay"] = MS
    sim.add_graph(graph)
    server = sim.add_host("server", at="0")
    listen(server)
    clients = [sim.add_host(f"client{node}", at=node) for node in graph]
    found = outcomes(sim, [call(client, server.address) for client in clients], S)
    hops = nx.single_source_shortest_path_length(graph, "0")
    assert [one.latency_ms for one in found] == [2 * hops[node] for node in graph]
    assert len(sim.network._snapshot()._trees) == 2
