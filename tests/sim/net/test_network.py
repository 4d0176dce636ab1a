from __future__ import annotations

import errno
from collections.abc import Callable

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import Simulation
from sim.net.network import Network
from sim.packet import ACK, Flow, Packet
from sim.units import MS

Edges = list[tuple[str, str, int]]

DIAMOND: Edges = [("a", "b", 10), ("b", "d", 10), ("a", "c", 5), ("c", "d", 20), ("d", "e", 1)]


def network(edges: Edges, nodes: str = "") -> Network:
    """Routers named by letters, and the address of each its letter too."""
    sim = Simulation()
    for name in dict.fromkeys([*nodes, *(end for a, b, _ in edges for end in (a, b))]):
        sim.add_router(name)
        sim.network.add_address(name, name)
    for a, b, delay in edges:
        sim.add_link(a, b, delay)
    return sim.network


def assert_unreachable(call: Callable[[], object]) -> None:
    with pytest.raises(OSError, match="Network is unreachable") as caught:
        call()
    assert caught.value.errno == errno.ENETUNREACH


def test_routes_are_shortest_by_delay() -> None:
    net = network(DIAMOND)
    assert net.path("a", "e") == ["a", "b", "d", "e"]
    assert net.path_length("a", "e") == (3, 21)
    assert net.path_length("c", "b") == (2, 15)
    assert net.path_length("a", "a") == (0, 0)


def test_a_new_link_changes_routes() -> None:
    net = network(DIAMOND)
    assert net.path("a", "d") == ["a", "b", "d"]
    net.add_link("a", "d", 19)
    assert net.path("a", "d") == ["a", "d"]


def test_a_loss_does_not_change_routes() -> None:
    sim = Simulation()
    for name in "abc":
        sim.add_router(name)
    sim.add_link("a", "b", 5, loss=0.9)
    sim.add_link("b", "c", 5, loss=0.9)
    sim.add_link("a", "c", 11)
    assert sim.network.path("a", "c") == ["a", "b", "c"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"),
            st.sampled_from("abcdef"),
            st.integers(0, 9).map(MS.__mul__),
        ),
        max_size=12,
    )
)
def test_routes_are_those_of_networkx(edges: Edges) -> None:
    once = {frozenset(edge[:2]): edge for edge in edges if edge[0] != edge[1]}
    net = network(list(once.values()), nodes="abcdef")
    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from("abcdef")
    graph.add_weighted_edges_from(once.values())
    for source in "abcdef":
        lengths = nx.single_source_dijkstra_path_length(graph, source)
        for target in "abcdef":
            if target in lengths:
                assert net.path_length(source, target)[1] == lengths[target]
            else:
                assert_unreachable(lambda s=source, t=target: net.path_length(s, t))  # type: ignore[misc]


@pytest.mark.parametrize(
    "edges",
    [[], [("a", "b", 1)], [("c", "d", 1)], [("a", "b", 1), ("c", "d", 1)]],
    ids=["alone", "a leads to b", "c leads to d", "two pairs"],
)
def test_no_route(edges: Edges) -> None:
    net = network(edges, nodes="abcd")
    assert_unreachable(lambda: net.path("a", "c"))


def test_nobody_has_the_address() -> None:
    net = network(DIAMOND)
    assert_unreachable(lambda: net.path_length("a", "10.9.9.9"))


def test_a_router_forwards_until_the_time_to_live_is_over() -> None:
    sim = Simulation()
    received: list[int] = []
    sim.network.add_node("end", lambda packet: received.append(packet.ttl))
    sim.network.add_address("10.0.0.9", "end")
    for name in "ab":
        sim.add_router(name)
    sim.add_link("a", "b", MS)
    sim.add_link("b", "end", MS)
    send = sim.network.forwarding_table("a")["10.0.0.9"]
    for ttl in (1, 2, 64):
        send(Packet(Flow("10.0.0.1", 1, "10.0.0.9", 2), ACK, 0, 0, 0, ttl=ttl))
    sim.run()
    assert received == [1, 63]


def test_what_is_wrong_with_a_network_is_said() -> None:
    net = network([("a", "b", 1)])
    for call, message in (
        (lambda: net.add_link("a", "b", 1), "'a' and 'b' are already linked"),
        (lambda: net.add_link("b", "a", 1), "'b' and 'a' are already linked"),
        (lambda: net.add_link("a", "x", 1), "no node is named 'x'"),
        (lambda: net.add_router("a"), "there is already a node named 'a'"),
        (lambda: net.add_address("a", "b"), "the address a belongs to a"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(KeyError):
        net.link("b", "c")


def test_a_graph_brings_its_own_delays_and_losses() -> None:
    sim = Simulation()
    graph: nx.Graph[str] = nx.Graph()
    graph.add_edge("Chicago", "New York", delay=6 * MS, loss=0.5)
    graph.add_edge("Chicago", "Denver", delay=7 * MS)
    sim.add_graph(graph, loss=0.1)
    link = sim.network.link
    assert link("Chicago", "New York").loss == link("New York", "Chicago").loss == 0.5
    assert link("Denver", "Chicago").loss == 0.1
    assert sim.network.path("Denver", "New York") == ["Denver", "Chicago", "New York"]


def test_an_edge_without_a_delay_is_refused() -> None:
    with pytest.raises(ValueError, match="the edge 0 - 1 has no delay"):
        Simulation().add_graph(nx.path_graph(2))
