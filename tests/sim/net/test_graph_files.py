"""sim.net.graph_files and sim.net.generators: the other formats that a topology comes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import Simulation
from sim.net.generators import generate
from sim.net.topology import GUESSED_LATENCY, TopologyError, describe, plain, read_topology
from sim.units import MS, US

Write = Callable[[str, str], Path]

SHADOW = """
# as in Shadow's network graph specification
graph [
  directed 0
  node [
    id 0
    label "node at 1.2.3.4"
    host_bandwidth_down "100 Mbit"
    host_bandwidth_up "20 Mbit"
  ]
  node [
    id 1
    host_bandwidth_down "1 Gbit"
    host_bandwidth_up "1 Gbit"
  ]
  edge [
    source 0
    target 0
    label "path from 1.2.3.4 to 1.2.3.4"
    latency "10 ms"
    jitter "0 ms"
    packet_loss 0.0
  ]
  edge [
    source 0
    target 1
    latency "250 us"
    jitter "50 us"
    packet_loss 0.01
  ]
]
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_gml_as_shadow_writes_it(write: Write) -> None:
    topology = read_topology(write("net.gml", SHADOW))
    graph = topology.graph
    assert list(graph) == ["node at 1.2.3.4", "1"]
    assert graph.nodes["node at 1.2.3.4"]["host_bandwidth_up"] == 20_000_000
    assert graph.nodes["1"]["host_bandwidth_down"] == 10**9
    link = graph.edges["node at 1.2.3.4", "1"]
    assert link["delay"] == 250 * US
    assert link["loss"] == 0.01
    assert link["netem"].delay.jitter == 50 * US
    assert topology.notes == ("1 link from a node to itself left out, at: node at 1.2.3.4",)


def test_gml_of_one_node_as_shadow_has_it(write: Write) -> None:
    one = 'graph [ node [ id 0 ] edge [ source 0 target 0 latency "1 ms" packet_loss 0.0 ] ]'
    topology = read_topology(write("net.gml", one))
    assert list(topology.graph) == ["0"]
    assert topology.notes == ("1 link from a node to itself left out, at: 0",)
    with pytest.raises(TopologyError, match="link 0 - 0: latency '1 m' is not a duration"):
        read_topology(write("net.gml", one.replace("1 ms", "1 m")))


def test_directed_gml(write: Write) -> None:
    both = SHADOW.replace("directed 0", "directed 1").replace(
        "  edge [\n    source 0\n    target 1",
        '  edge [ source 1 target 0 latency "300 us" ]\n  edge [\n    source 0\n    target 1',
    )
    topology = read_topology(write("net.gml", both))
    graph = topology.graph
    assert graph.edges["node at 1.2.3.4", "1"]["delay"] == 250 * US
    assert graph.edges["1", "node at 1.2.3.4"]["delay"] == 300 * US
    assert "loss" not in graph.edges["1", "node at 1.2.3.4"]
    assert describe(topology).splitlines()[1] == "1 link, each direction by itself"
    sim = Simulation()
    sim.add_graph(graph)
    assert sim.network.link("1", "node at 1.2.3.4").delay == 300 * US
    assert sim.network.link("node at 1.2.3.4", "1").loss == 0.01


@pytest.mark.parametrize("key", ["links", "edges"])
@pytest.mark.parametrize("directed", [False, True])
def test_node_link_json_of_networkx(write: Write, key: str, directed: bool) -> None:
    raw: nx.Graph[Any] = nx.DiGraph() if directed else nx.Graph()
    raw.add_node(7, label="Oslo", Latitude=59.91, Longitude=10.75)
    raw.add_edge(7, "b", latency="3 ms", loss=0.02)
    text = json.dumps(nx.node_link_data(raw, edges=key))
    graph = read_topology(write("net.json", text)).graph
    assert graph.edges["Oslo", "b"]["delay"] == 3 * MS
    assert graph.edges["Oslo", "b"]["loss"] == 0.02
    assert graph.nodes["Oslo"]["latitude"] == 59.91


def test_csv_edge_list(write: Write) -> None:
    text = 'Source,target,Latency,loss\na,b,5 ms,\n"b, or c",a, 2ms,1%\n\n'
    graph = read_topology(write("net.csv", text)).graph
    assert list(graph.edges.data("delay")) == [("a", "b", 5 * MS), ("a", "b, or c", 2 * MS)]
    assert "loss" not in graph.edges["a", "b"]
    assert graph.edges["a", "b, or c"]["loss"] == 0.01


def test_ending_of_a_file_says_its_format(write: Write) -> None:
    with pytest.raises(TopologyError, match="not XML"):
        read_topology(write("net", SHADOW))
    assert len(read_topology(write("NET.GML", SHADOW)).graph) == 2


BAD = {
    "gml: empty": ("net.gml", "", "not GML: input contains no graph"),
    "gml: unclosed": ("net.gml", "graph [", "not GML: expected ']'"),
    "gml: number": ("net.gml", "graph 5", "not GML"),
    "gml: target": (
        "net.gml",
        "graph [ node [ id 0 ] edge [ source 0 target 1 ] ]",
        "undefined target 1",
    ),
    "gml: loss": (
        "net.gml",
        SHADOW.replace("0.01", "1.01"),
        r"link node at 1\.2\.3\.4 - 1: packet_loss '1\.01' is not a probability",
    ),
    "gml: latency": ("net.gml", SHADOW.replace("250 us", "-1 us"), "latency '-1 us' is not a dur"),
    "gml: jitter": ("net.gml", SHADOW.replace('"50 us', '"some'), "jitter 'some' is not a dur"),
    "gml: bandwidth": (
        "net.gml",
        SHADOW.replace("20 Mbit", "20 M"),
        r"node node at 1\.2\.3\.4: host_bandwidth_up '20 M' is not a bit rate",
    ),
    "json: text": ("net.json", "hello", "not JSON: Expecting value: line 1"),
    "json: deep": ("net.json", "[" * 100_000, "not JSON"),
    "json: list": ("net.json", "[]", "no list of nodes"),
    "json: no links": ("net.json", '{"nodes": []}', "no list of links or edges"),
    "json: node": ("net.json", '{"nodes": [5], "links": []}', "node 1: None is not an id"),
    "json: id": (
        "net.json",
        '{"nodes": [{"id": "a"}, {"id": "a"}], "links": []}',
        "node 2: 'a' is not an id of its own",
    ),
    "json: link": ("net.json", '{"nodes": [{"id": 1}], "links": [1]}', "link 1: not an object"),
    "json: end": (
        "net.json",
        '{"nodes": [{"id": 1}], "links": [{"source": 1, "target": [2]}]}',
        r"link 1: its target \[2\] is no node",
    ),
    "csv: empty": ("net.csv", "", "line 1: names no columns source and target"),
    "csv: header": ("net.csv", "a,b\n1,2\n", "line 1: names no columns source and target"),
    "csv: twice": (
        "net.csv",
        "source,target,Source\n1,2,3\n",
        "line 1: the column 'source' is there twice",
    ),
    "csv: more": ("net.csv", "source,target\na,b,c\n", "line 2: not as many fields"),
    "csv: fewer": ("net.csv", "source,target\na,b\na\n", "line 3: not as many fields"),
    "csv: end": ("net.csv", "source,target,latency\na,,1ms\n", "line 2: its target '' is no node"),
    "csv: quote": ("net.csv", 'source,target\n"a,b\n', "not CSV"),
    "csv: latency": ("net.csv", "source,target,latency\na,b,x\n", "link a - b: latency 'x'"),
    "csv: no latency": ("net.csv", "source,target\na,b\n", "the graph is empty"),
}


@pytest.mark.parametrize(("name", "text", "reason"), BAD.values(), ids=BAD)
def test_bad_file_gives_one_line(write: Write, name: str, text: str, reason: str) -> None:
    path = write(name, text)
    with pytest.raises(TopologyError, match=reason) as caught:
        read_topology(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["net.gml", "net.json", "net.csv"])
def test_unreadable_file_gives_one_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(TopologyError, match="cannot be read: No such file"):
        read_topology(tmp_path / name)
    (tmp_path / name).write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(TopologyError, match="not UTF-8 text"):
        read_topology(tmp_path / name)


WHOLE = {
    "net.gml": SHADOW,
    "net.json": '{"nodes": [{"id": "a"}, {"id": 2}], "links": [{"source": 2, "target": "a",'
    ' "latency": "5 ms"}]}',
    "net.csv": "source,target,latency,loss\na,b,5 ms,1%\nb,c,2 ms,\n",
}
SCRAPS = st.text(max_size=5) | st.sampled_from(
    ["[", "]", "{", "}", '"', ",", "\n", "null", "-1", "id"]
)


@pytest.mark.parametrize("name", WHOLE)
@given(st.data())
def test_any_damage_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    whole = WHOLE[name]
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 20)))
    path = tmp_path_factory.getbasetemp() / name
    damaged = whole[:start] + data.draw(SCRAPS) + whole[end:]
    path.write_text(damaged, encoding="utf-8", errors="replace", newline="")
    try:
        topology = read_topology(path)
    except TopologyError as error:
        said = str(error)
    else:
        said = "/".join((str(path), *topology.notes))
    assert len(said.splitlines()) == 1


IDS = st.sampled_from([0, 1, "a", "", None, True, 1.5, [1]])
KEYS = st.sampled_from(["latency", "loss", "jitter", "netem", "Latitude", "Longitude", "label"])
VALUES = st.sampled_from(["10 ms", "-1 ms", "1e400", "101%", "a\nb", None, [], {"x": 1}]) | (
    st.floats() | st.integers() | st.text(max_size=5)
)
ELEMENTS = st.builds(
    lambda a, b, c, more: more | {"id": a, "source": b, "target": c},
    *(IDS, IDS, IDS, st.dictionaries(KEYS, VALUES, max_size=3)),
)


@given(st.lists(ELEMENTS, max_size=3), st.lists(ELEMENTS, max_size=3), st.booleans())
def test_any_nodes_and_links_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, nodes: list[Any], links: list[Any], directed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps({"nodes": nodes, "links": links, "directed": directed}))
    said = f"{path}: "
    try:
        topology = read_topology(path)
        Simulation().add_graph(topology.graph)
        json.dumps(plain(topology), allow_nan=False)
    except TopologyError as error:
        said = str(error)
    assert said.startswith(f"{path}: ")
    assert len(said.splitlines()) == 1


def test_generator_of_networkx_by_name() -> None:
    topology = read_topology("nx:random_internet_as_graph(n=50)", seed=3)
    assert len(topology.graph) == 50
    assert nx.is_connected(topology.graph)
    assert {link["delay"] for link in topology.graph.edges.values()} == {GUESSED_LATENCY}
    assert "links without a latency, guessed to be 5 ms: " in topology.notes[0]


def test_generator_draws_from_the_seed() -> None:
    def links(seed: int, call: str = "barabasi_albert_graph(40, m=2)") -> list[Any]:
        return list(generate(call, seed).edges)

    assert links(1) == links(1)
    assert links(1) != links(2)
    assert links(1, "gnm_random_graph(20, 30, seed=5)") == links(2, "gnm_random_graph(20, 30, 5)")


@pytest.mark.parametrize("call", ["petersen_graph", "path_graph(5)", " grid_2d_graph(2, 3) "])
def test_generator_calls(call: str) -> None:
    assert len(read_topology(f"nx:{call}").graph) > 3


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("", "not a call with plain values"),
        ("path_graph(", "not a call with plain values"),
        ("path_graph(n)", "not a call with plain values"),
        ("nx.path_graph(5)", "not a call with plain values"),
        ("path_graph(__import__('os'))", "not a call with plain values"),
        ("no_such_graph(5)", "networkx has no generator 'no_such_graph'"),
        ("read_gml('x')", "networkx has no generator 'read_gml'"),
        ("path_graph(1000000000)", "1000000000 is more than 1000000"),
        ("path_graph()", "missing a required argument: 'n'"),
        ("path_graph(m=5)", "missing a required argument: 'n'"),
        ("path_graph('x')", "x"),
        ("barabasi_albert_graph(3, 9)", "m < n"),
        ("path_graph(0)", "the graph is empty"),
    ],
)
def test_bad_generator_gives_one_line(call: str, reason: str) -> None:
    with pytest.raises(TopologyError) as caught:
        read_topology(f"nx:{call}")
    assert str(caught.value).startswith(f"nx:{call}: ")
    assert reason in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
