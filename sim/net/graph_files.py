"""Graph files read into networkx multigraphs whose attributes still stand as the file has them.

What the attributes mean (delay, loss, place) is the business of `sim.net.topology`; this module
only tells a graph from a file that is none.  Implements GraphML (without hyperedges and nested
graphs), GML as networkx and Shadow write it, the node-link JSON of networkx and D3, and CSV edge
lists, whose first line names the columns, `source` and `target` among them.
"""

from __future__ import annotations

import csv
import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    import networkx as nx

_MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""What libraries raise, besides their own errors, when a file makes no sense."""

_GRAPHML: Final = "http://graphml.graphdrawing.org/xmlns"


class TopologyError(ValueError):
    """A topology cannot be used; the message is one line naming the file and the element."""


def load(path: str | Path) -> nx.Graph[Any]:
    """Return the graph of a file in the format that its ending says, GraphML without one.

    Raises TopologyError.
    """
    read: Callable[[str | Path], nx.Graph[Any]]
    read = FORMATS.get(Path(path).suffix.lower(), load_graphml)
    return read(path)


def load_graphml(path: str | Path) -> nx.Graph[str]:
    """Return the first graph of a GraphML file as a MultiGraph, if directed as a MultiDiGraph.

    Node names are the ids of the file, attributes are text whatever type their key declares,
    and the defaults of keys are filled in.  Raises TopologyError.
    """
    from xml.etree import ElementTree  # noqa: PLC0415

    import networkx as nx  # noqa: PLC0415

    data = _read(path)
    try:
        root = ElementTree.fromstring(data)
    except (ElementTree.ParseError, *_MALFORMED) as error:
        raise TopologyError(f"{path}: not XML: {_one_line(error)}") from None
    namespace, _, name = root.tag.rpartition("}")
    if name != "graphml":
        raise TopologyError(f"{path}: not GraphML: its root element is <{name}>")
    _normalise(root, namespace)
    _check_references(path, root)
    try:
        text = ElementTree.tostring(root, encoding="unicode")
        with warnings.catch_warnings(action="ignore"):  # of ports, which change no topology
            graph = nx.parse_graphml(text, edge_key_type=str, force_multigraph=True)
    except (nx.NetworkXException, *_MALFORMED) as error:
        raise TopologyError(f"{path}: not GraphML: {_one_line(error)}") from None
    _fill_in(graph.nodes.values(), graph.graph["node_default"])
    _fill_in(graph.edges.values(), graph.graph["edge_default"])
    return graph


def load_gml(path: str | Path) -> nx.Graph[Any]:
    """Return the graph of a GML file; node names are the ids of the file.  Raises TopologyError."""
    import networkx as nx  # noqa: PLC0415

    text = _read_text(path)
    try:
        return nx.parse_gml(text, label="id")
    except (nx.NetworkXException, *_MALFORMED) as error:
        raise TopologyError(f"{path}: not GML: {_one_line(error)}") from None


def load_json(path: str | Path) -> nx.Graph[Any]:
    """Return the graph of a node-link JSON file: `nodes` with ids, `links` or `edges` of them.

    Raises TopologyError.
    """
    import networkx as nx  # noqa: PLC0415

    text = _read_text(path)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TopologyError(f"{path}: not JSON: {_one_line(error)}") from None
    if not isinstance(data, dict) or not isinstance(data.get("nodes"), list):
        raise TopologyError(f"{path}: not node-link JSON: there is no list of nodes")
    links = data.get("links", data.get("edges"))
    if not isinstance(links, list):
        raise TopologyError(f"{path}: not node-link JSON: there is no list of links or edges")
    graph: nx.Graph[Any] = nx.MultiDiGraph() if data.get("directed") else nx.MultiGraph()
    for number, node in enumerate(data["nodes"], start=1):
        name = node.pop("id", None) if isinstance(node, dict) else None
        if not isinstance(name, str | int | float) or name in graph:
            raise TopologyError(f"{path}: node {number}: {name!r} is not an id of its own")
        graph.add_node(name)
        graph.nodes[name].update(node)
    for number, link in enumerate(links, start=1):
        if not isinstance(link, dict):
            raise TopologyError(f"{path}: link {number}: not an object")
        _add_link(graph, f"{path}: link {number}", link)
    return graph


def load_csv(path: str | Path) -> nx.Graph[Any]:
    """Return the graph of a CSV edge list: a line a link, its nodes those that it names.

    The columns `source` and `target` may be written in any case.  Raises TopologyError.
    """
    import networkx as nx  # noqa: PLC0415

    graph: nx.Graph[Any] = nx.MultiGraph()
    reader = csv.DictReader(_read_text(path).splitlines(), strict=True, skipinitialspace=True)
    try:
        reader.fieldnames = names = [name.strip().lower() for name in reader.fieldnames or ()]
        if not {"source", "target"} <= set(names):
            raise TopologyError(f"{path}: line 1: names no columns source and target")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise TopologyError(f"{path}: line 1: the column {twice!r} is there twice")
        for link in reader:
            where = f"{path}: line {reader.line_num}"
            if None in link or None in link.values():
                raise TopologyError(f"{where}: not as many fields as line 1 has columns")
            graph.add_nodes_from(link[end] for end in ("source", "target") if link[end])
            _add_link(graph, where, link)
    except csv.Error as error:
        raise TopologyError(f"{path}: line {reader.line_num}: not CSV: {error}") from None
    return graph


def _add_link(graph: nx.Graph[Any], where: str, link: dict[str, Any]) -> None:
    """Add a link whose ends are its `source` and `target`, nodes of the graph."""
    ends = [link.pop(end, None) for end in ("source", "target")]
    for end, name in zip(("source", "target"), ends, strict=True):
        if not isinstance(name, str | int | float) or name not in graph:
            raise TopologyError(f"{where}: its {end} {name!r} is no node")
    graph.add_edges_from([(*ends, link)])


FORMATS: Final[dict[str, Callable[[str | Path], nx.Graph[Any]]]] = {
    ".graphml": load_graphml,
    ".xml": load_graphml,
    ".gml": load_gml,
    ".json": load_json,
    ".csv": load_csv,
}
"""What reads files of an ending."""


def _read_text(path: str | Path) -> str:
    try:
        return _read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TopologyError(f"{path}: not UTF-8 text: {error.reason} at {error.start}") from None


def _read(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise TopologyError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise TopologyError(f"{str(path)!r}: cannot be read: {error}") from None


def _normalise(root: Element, namespace: str) -> None:
    """Bring a tree of any GraphML namespace, or none, to the common one, with text attributes."""
    for element in root.iter():
        found, _, name = element.tag.rpartition("}")
        if found == namespace:
            element.tag = f"{{{_GRAPHML}}}{name}"
    for key in root.iter(f"{{{_GRAPHML}}}key"):
        key.set("attr.type", "string")


def _check_references(path: str | Path, root: Element) -> None:
    """Raise TopologyError unless every node has an id of its own and every edge joins two."""
    ids = set()
    for node in root.iter(f"{{{_GRAPHML}}}node"):
        if node.get("id") is None or node.get("id") in ids:
            raise TopologyError(f"{path}: node {node.get('id')!r}: not an id of its own")
        ids.add(node.get("id"))
    for edge in root.iter(f"{{{_GRAPHML}}}edge"):
        for end in ("source", "target"):
            if edge.get(end) not in ids:
                joined = f"{edge.get('source')!r} - {edge.get('target')!r}"
                raise TopologyError(f"{path}: edge {joined}: no node has its {end}'s id")


def _fill_in(elements: Iterable[dict[str, Any]], defaults: Mapping[str, Any]) -> None:
    for attributes in elements:
        for name, value in defaults.items():
            attributes.setdefault(name, value)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
