"""Graph files read into networkx multigraphs whose attributes still stand as the file has them.

What the attributes mean (delay, loss, place) is the business of `sim.net.topology`; this module
only tells a graph from a file that is none.  Implements GraphML, without hyperedges and without
nested graphs.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
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
