"""sim.net.topology and sim.net.graph_files: what graphs and GraphML files are understood to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim.net.models import Delay
from sim.net.netem import parse
from sim.net.topology import (
    TopologyError,
    describe,
    great_circle_delay,
    interpret,
    plain,
    read_graphml,
)
from sim.units import MS, S

ABILENE = Path(__file__).parents[3] / "scenarios" / "data" / "abilene.graphml"

Write = Callable[[str], Path]
KEYS = {
    "label": ("node", "string"),
    "Latitude": ("node", "double"),
    "Longitude": ("node", "double"),
    "LinkSpeedRaw": ("edge", "double"),
    "latency": ("edge", "string"),
    "loss": ("edge", "string"),
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "net.graphml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def graphml(*elements: str, directed: bool = False, keys: str = "") -> str:
    """Return a GraphML file of the Topology Zoo's form, the elements being nodes and edges."""
    declared = "".join(
        f'<key id="{name}" for="{of}" attr.name="{name}" attr.type="{kind}"/>'
        for name, (of, kind) in KEYS.items()
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        f'<graphml xmlns="http://graphml.graphdrawing.org/xmlns">{declared}{keys}'
        f'<graph edgedefault="{"" if directed else "un"}directed">{"".join(elements)}'
        "</graph></graphml>"
    )


def element(kind: str, /, data: dict[str, object], **attributes: str) -> str:
    heads = "".join(f' {name}="{value}"' for name, value in attributes.items())
    body = "".join(f'<data key="{name}">{value}</data>' for name, value in data.items())
    return f"<{kind}{heads}>{body}</{kind}>"


def node(ident: str, label: str = "", at: tuple[object, object] | None = (0, 0)) -> str:
    place = {} if at is None else {"Latitude": at[0], "Longitude": at[1]}
    return element("node", {"label": label or ident, **place}, id=ident)


def edge(source: str, target: str, **data: object) -> str:
    return element("edge", data, source=source, target=target)


def test_abilene_has_its_cities_and_links() -> None:
    topology = read_graphml(ABILENE)
    graph = topology.graph
    assert topology.notes == ()
    assert set(graph) == {
        *("Seattle", "Sunnyvale", "Los Angeles", "Denver", "Kansas City", "Houston"),
        *("Indianapolis", "Chicago", "Atlanta", "Washington DC", "New York"),
    }
    assert graph.number_of_edges() == 14
    assert nx.is_connected(graph)
    assert all(graph.degree[city] >= 2 for city in graph)
    assert graph.nodes["Chicago"]["latitude"] == pytest.approx(41.85, abs=0.01)
    seattle_denver = graph.edges["Seattle", "Denver"]
    assert seattle_denver["delay"] == pytest.approx(8.2 * MS, rel=0.01)  # 1641 km
    assert "loss" not in seattle_denver
    assert seattle_denver["bitrate"] == pytest.approx(10e9, rel=0.01)


def test_great_circle_delay_of_a_quarter_of_the_equator() -> None:
    quarter = 10_007_557  # metres, on a sphere of mean radius
    expected = quarter / (299_792_458 * 2 / 3) * S
    assert great_circle_delay(0, 0, 0, 90) == pytest.approx(expected, rel=1e-6)
    assert great_circle_delay(0, 0, 90, 123) == pytest.approx(expected, rel=1e-6)
    assert great_circle_delay(0, 179, 0, -179) == pytest.approx(expected / 45, rel=1e-6)
    assert great_circle_delay(12, 34, 12, 34) == 0


PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(PLACES, PLACES)
@example((90.0, 0.0), (-90.0, 0.0))
def test_great_circle_delay_is_symmetric_and_bounded(
    a: tuple[float, float], b: tuple[float, float]
) -> None:
    delay = great_circle_delay(*a, *b)
    assert 0 <= delay <= 101 * MS
    assert great_circle_delay(*b, *a) == delay


@pytest.mark.parametrize(
    ("latency", "delay"),
    [("10 ms", 10 * MS), ("250us", 250_000), ("0.02", 20 * MS), (0.02, 20 * MS), (3, 3 * S)],
)
def test_latency_overrides_distance(write: Write, latency: object, delay: int) -> None:
    path = write(graphml(node("a"), node("b", at=(0, 90)), edge("a", "b", latency=latency)))
    assert read_graphml(path).graph.edges["a", "b"]["delay"] == delay


def test_latency_without_a_unit_is_noted(write: Write) -> None:
    path = write(graphml(node("a"), node("b"), edge("a", "b", latency="0.02")))
    assert read_graphml(path).notes == ("1 latency without a unit taken as seconds: a - b",)


@pytest.mark.parametrize(("loss", "fraction"), [("1%", 0.01), ("0.25", 0.25), (1, 1.0)])
def test_loss_is_a_fraction(write: Write, loss: object, fraction: float) -> None:
    path = write(graphml(node("a"), node("b"), edge("a", "b", loss=loss)))
    assert read_graphml(path).graph.edges["a", "b"]["loss"] == fraction


def test_node_without_place_is_left_out_with_its_links(write: Write) -> None:
    path = write(graphml(node("a"), node("b"), node("c", at=None), edge("a", "b"), edge("b", "c")))
    topology = read_graphml(path)
    assert set(topology.graph) == {"a", "b"}
    assert topology.notes == (
        "1 node left out, without Latitude and Longitude: c",
        "1 link left out, without a latency or two places to compute it from: b - c",
    )


def test_node_without_place_stays_if_its_link_has_a_latency(write: Write) -> None:
    path = write(graphml(node("a"), node("b", at=None), edge("a", "b", latency="1 ms")))
    topology = read_graphml(path)
    assert topology.graph.edges["a", "b"]["delay"] == MS
    assert topology.notes == ()


def test_parallel_links_leave_the_fastest(write: Write) -> None:
    delays = ("5 ms", "2 ms", "7 ms")
    path = write(
        graphml(node("a"), node("b"), *(edge("a", "b", latency=delay) for delay in delays))
    )
    topology = read_graphml(path)
    assert topology.graph.edges["a", "b"]["delay"] == 2 * MS
    assert topology.notes == (
        "2 links left out beside a parallel one that is as fast or faster: a - b, a - b",
    )


def test_link_to_itself_is_left_out(write: Write) -> None:
    topology = read_graphml(write(graphml(node("a"), node("b"), edge("a", "a"), edge("a", "b"))))
    assert list(topology.graph.edges) == [("a", "b")]
    assert topology.notes == ("1 link from a node to itself left out, at: a",)


def test_directions_that_differ_stay_by_themselves(write: Write) -> None:
    nodes = [node(name) for name in "abcd"]
    links = [
        edge("b", "a", latency="1 ms"),
        edge("b", "c", latency="2 ms"),
        edge("c", "b", latency="1.5 ms"),
        edge("c", "b", latency="1.6 ms"),
    ]
    topology = read_graphml(write(graphml(*nodes, *links, directed=True)))
    assert {ends: link["delay"] for ends, link in topology.graph.edges.items()} == {
        ("a", "b"): MS,
        ("b", "a"): MS,
        ("b", "c"): 2 * MS,
        ("c", "b"): 1_500_000,
    }
    assert topology.notes == (
        "1 link left out beside a parallel one that is as fast or faster: c - b",
        "1 link given in one direction, taken to be alike in the other: b - a",
        "2 parts that no link joins, of 3, 1 nodes",
    )
    assert set(topology.component("a").graph) == {"a", "b", "c"}
    assert [link["delay_s"] for link in plain(topology)["links"]] == [0.001, 0.00175]


def test_directions_alike_make_a_link(write: Write) -> None:
    links = [edge("a", "b", latency="1 ms"), edge("b", "a", latency="1 ms")]
    topology = read_graphml(write(graphml(node("a"), node("b"), *links, directed=True)))
    assert not topology.graph.is_directed()
    assert topology.graph.edges["a", "b"]["delay"] == MS
    assert topology.notes == ()


def test_nodes_of_one_label_are_numbered(write: Write) -> None:
    labels = ["Paris", "Paris (2)", "Paris", "", "Paris"]
    nodes = [node(f"n{i}", label) for i, label in enumerate(labels)]
    topology = read_graphml(write(graphml(*nodes, edge("n0", "n2", latency="1 ms"))))
    assert list(topology.graph) == ["Paris", "Paris (2)", "Paris (3)", "n3", "Paris (4)"]
    assert topology.graph.has_edge("Paris", "Paris (3)")
    assert topology.notes[0] == "1 label held by several nodes, numbered: Paris"


def test_component_keeps_what_a_node_can_reach(write: Write) -> None:
    nodes = [node(name) for name in "abcde"]
    path = write(graphml(*nodes, edge("a", "b"), edge("c", "d"), edge("d", "e")))
    topology = read_graphml(path)
    assert topology.notes == ("2 parts that no link joins, of 3, 2 nodes",)
    assert set(topology.component().graph) == {"c", "d", "e"}
    part = topology.component("a")
    assert list(part.graph) == ["a", "b"]
    assert part.notes[1:] == ("3 nodes left out, not connected to a: c, d, e",)
    with pytest.raises(KeyError):
        topology.component("z")


def test_key_defaults_and_other_namespaces_are_read(write: Write) -> None:
    default = (
        '<key id="l" for="edge" attr.name="Latency"><default>4 ms</default></key>'
        '<key id="x" for="node" attr.name="Country"/>'
    )
    text = graphml(node("a", at=None), node("b", at=None), edge("a", "b"), keys=default)
    for written in (text, text.replace(' xmlns="http://graphml.graphdrawing.org/xmlns"', ' v="1"')):
        assert read_graphml(write(written)).graph.edges["a", "b"]["delay"] == 4 * MS


def test_graph_in_memory_keeps_further_attributes() -> None:
    raw: nx.Graph[int] = nx.MultiGraph()
    raw.add_node(1, latitude=0, longitude=0, tier="core")
    raw.add_node(2, latitude=0, longitude=1)
    raw.add_edge(1, 2, medium="fibre", packet_loss=0.5, LinkSpeedRaw=1e9)
    graph = interpret(raw, "memory").graph
    assert graph.nodes["1"]["tier"] == "core"
    assert graph.edges["1", "2"]["medium"] == "fibre"
    assert graph.edges["1", "2"]["loss"] == 0.5
    assert graph.edges["1", "2"]["bitrate"] == 10**9


def test_ports_and_nested_graphs_do_no_harm(write: Write) -> None:
    inner = (
        '<node id="c"><port name="p"/><graph edgedefault="undirected"><node id="d"/></graph></node>'
    )
    topology = read_graphml(write(graphml(node("a"), node("b"), inner, edge("a", "b"))))
    assert list(topology.graph) == ["a", "b"]
    assert topology.notes == ("1 node left out, without Latitude and Longitude: c",)


def test_netem_and_jitter_are_read() -> None:
    raw: nx.Graph[str] = nx.Graph()
    raw.add_edge("a", "b", latency="10 ms", jitter="2 ms")
    raw.add_edge("b", "c", latency="10 ms", netem="delay 1ms loss 1%", jitter="0 ms")
    raw.add_edge("c", "d", latency="10 ms", jitter="0 ms")
    links = interpret(raw, "memory").graph.edges
    assert links["a", "b"]["netem"].delay == Delay(0, 2 * MS, least=-10 * MS)
    assert links["b", "c"]["netem"] == parse("delay 1ms loss 1%")
    assert set(links["c", "d"]) == {"latency", "delay"}
    raw.edges["c", "d"]["netem"] = "delay 1x"
    with pytest.raises(TopologyError, match=r"^m: link c - d: netem 'delay 1x': word 2, '1x': not"):
        interpret(raw, "m")


def test_description_says_what_was_understood(write: Write) -> None:
    nodes = [node("a"), node("b", at=(0, 1)), node("c", at=(0, 2)), node("d", at=None)]
    links = [edge("a", "b", loss="1%"), edge("b", "d")]
    assert describe(read_graphml(write(graphml(*nodes, *links)))).splitlines() == [
        "3 nodes, 3 of them with a place",
        "1 link",
        "2 components",
        "delay of a link 0.556 ms, one way",
        "loss given 1 time, 1%",
        "note: 1 node left out, without Latitude and Longitude: d",
        "note: 1 link left out, without a latency or two places to compute it from: b - d",
        "note: 2 parts that no link joins, of 2, 1 nodes",
    ]


def test_plain_values_for_a_drawing(write: Write) -> None:
    links = [edge("a", "b", latency="5 ms", loss="1%")]
    topology = read_graphml(write(graphml(node("a", at=(1, 2)), node("b", at=None), *links)))
    assert json.loads(json.dumps(plain(topology))) == {
        "nodes": [
            {"name": "a", "latitude": 1.0, "longitude": 2.0},
            {"name": "b", "latitude": None, "longitude": None},
        ],
        "links": [{"a": "a", "b": "b", "delay_s": 0.005}],
    }


BAD = {
    "nothing": ("", "not XML"),
    "text": ("hello", "not XML"),
    "truncated": (graphml(node("a"))[:-20], "not XML"),
    "encoding": ('<?xml version="1.0" encoding="klingon"?><graphml/>', "not XML"),
    "other XML": ("<svg/>", "not GraphML: its root element is <svg>"),
    "no graph": ("<graphml/>", "not GraphML"),
    "empty": (graphml(), "the graph is empty"),
    "unplaced": (graphml(node("a", at=None)), "the graph is empty"),
    "negative latency": (
        graphml(node("a"), node("b"), edge("a", "b", latency="-5 ms")),
        "link a - b: latency '-5 ms' is not a duration .* negative",
    ),
    "latency": (
        graphml(node("a"), node("b"), edge("a", "b", latency="soon")),
        "link a - b: latency 'soon' is not a duration",
    ),
    "loss": (
        graphml(node("a"), node("b"), edge("a", "b", loss="1.5")),
        "link a - b: loss '1.5' is not a probability .* above 1",
    ),
    "speed": (
        graphml(node("a"), node("b"), edge("a", "b", LinkSpeedRaw="fast")),
        "link a - b: LinkSpeedRaw 'fast'",
    ),
    "latitude": (graphml(node("a", at=(91, 0))), "node a: Latitude '91' is not .* -90 to 90"),
    "longitude": (graphml(node("a", at=(0, "east"))), "node a: Longitude 'east' is not"),
    "nan": (graphml(node("a", at=("nan", 0))), "node a: Latitude 'nan' is not"),
    "dangling": (graphml(node("a"), edge("a", "z")), "edge 'a' - 'z': no node has its target's id"),
    "no ends": (graphml(node("a"), "<edge/>"), "edge None - None: no node has its source's id"),
    "no id": (graphml("<node/>"), "node None: not an id of its own"),
    "same id": (graphml(node("a"), node("a")), "node 'a': not an id of its own"),
    "unknown key": (graphml(element("node", {"zzz": 1}, id="a")), "no key zzz"),
    "hyperedge": (graphml(node("a"), "<hyperedge/>"), "hyperedges"),
}


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD)
def test_bad_graphml_gives_one_line(write: Write, text: str, reason: str) -> None:
    path = write(text)
    with pytest.raises(TopologyError, match=reason) as caught:
        read_graphml(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value).splitlines()) == 1


def test_unreadable_file_gives_one_line(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match=r"missing\.graphml: cannot be read: No such file"):
        read_graphml(tmp_path / "missing.graphml")
    with pytest.raises(TopologyError, match="cannot be read: Is a directory"):
        read_graphml(tmp_path)
    with pytest.raises(TopologyError, match="cannot be read"):
        read_graphml("a\0b")


WORDS = st.sampled_from(
    [
        "",
        " ",
        "\n",
        "0",
        "-1",
        "91",
        "nan",
        "inf",
        "1e999",
        "5 ms",
        "-5 ms",
        "10%",
        "x\ny",
        "\u0663",
    ]
) | st.text(st.characters(blacklist_characters="<&", blacklist_categories=["Cs", "Cc"]))
IDS = st.sampled_from("abc")
NODES = st.builds(lambda ident, label, lat, lon: node(ident, label, (lat, lon)), IDS, *[WORDS] * 3)
EDGES = st.builds(
    lambda a, b, name, word: edge(a, b, **{name: word}),
    IDS,
    IDS,
    st.sampled_from(["latency", "loss", "LinkSpeedRaw", "label", "nokey"]),
    WORDS,
)


def assert_read_or_refused(path: Path) -> None:
    try:
        topology = read_graphml(path)
    except TopologyError as error:
        said = str(error)
    else:
        assert topology.graph.number_of_nodes()
        said = "/".join((str(path), *topology.notes))
    assert len(said.splitlines()) == 1


@given(nodes=st.lists(NODES, max_size=4), edges=st.lists(EDGES, max_size=4), directed=st.booleans())
def test_any_attributes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, nodes: list[str], edges: list[str], directed: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.graphml"
    path.write_text(graphml(*nodes, *edges, directed=directed), encoding="utf-8")
    assert_read_or_refused(path)


@given(st.data())
def test_any_damage_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = ABILENE.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 200)))
    put = data.draw(st.binary(max_size=20) | st.sampled_from([b"", b"</graph>", b'"', b"<node/>"]))
    path = tmp_path_factory.getbasetemp() / "damaged.graphml"
    path.write_bytes(whole[:start] + put + whole[end:])
    assert_read_or_refused(path)
