"""Topologies: which nodes there are, where they stand, and the delay and loss of their links.

A `Topology` is a networkx graph in the units of the simulation, with notes on what was left out
or guessed.  `interpret` makes one of any networkx graph whose attributes are written for people
("10 ms", "1%", Latitude and Longitude as in the Internet Topology Zoo); the `read_` functions
read the file formats.  A link's delay is its `latency`, or else follows from the great-circle
distance between its ends at 2/3 of the speed of light, the speed in fibre.  Left out are what
lies between the ends of a link (detours of the fibre, queues, equipment).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sim import units
from sim.net import graph_files
from sim.net.generators import generate
from sim.net.graph_files import TopologyError
from sim.net.models import NO_LIMIT, Delay, Netem
from sim.net.netem import parse

if TYPE_CHECKING:
    import networkx as nx

__all__ = [
    "Topology",
    "TopologyError",
    "describe",
    "great_circle_delay",
    "interpret",
    "plain",
    "read_graphml",
    "read_topology",
]

Value = TypeVar("Value")

EARTH_RADIUS: Final = 6_371_008.8
"""Mean radius of the Earth in metres (IUGG)."""

FIBRE_SPEED: Final = 299_792_458 * 2 / 3
"""Speed of light in fibre in metres per second."""

GUESSED_LATENCY: Final = 5 * units.MS
"""Delay of a link of a generated graph."""

NAMES_SHOWN: Final = 5
"""A note names this many of the nodes or links it speaks of."""


@dataclass(frozen=True, slots=True)
class Topology:
    """A graph to simulate on, and what was left out or guessed to get it.

    Nodes are unique names, with `latitude` and `longitude` in degrees where known.  Edges are
    links that are alike in both directions, with `delay` one way (int, ns) and, where the source
    said so, `loss` (0..1), `bitrate` (int, bit/s) and `netem` (a `Netem` for each direction).
    All else that it said stands as it was.
    """

    graph: nx.Graph[str]
    notes: tuple[str, ...] = ()

    def component(self, node: str | None = None) -> Topology:
        """Return the part of the topology that can reach `node`: without one, the largest.

        Of two parts alike in size the first counts.  KeyError if there is no such node.
        """
        import networkx as nx  # noqa: PLC0415

        if node is None:
            kept = max(nx.connected_components(self.graph), key=len)
        elif node in self.graph:
            kept = nx.node_connected_component(self.graph, node)
        else:
            raise KeyError(node)
        lost = [name for name in self.graph if name not in kept]
        if not lost:
            return self
        target = "the largest part" if node is None else node
        note = _note(f"node left out, not connected to {target}", lost)
        graph = self.graph.copy()
        graph.remove_nodes_from(lost)
        return Topology(graph, (*self.notes, note))


def read_topology(source: str | Path, seed: int = 0) -> Topology:
    """Return the topology of a file, or "nx:NAME(ARGUMENTS)", a generator of networkx.

    The format is what the file's ending says: .gml, .json (node-link), .csv (edge list), else
    GraphML.  A generator draws from `seed`; its links get `GUESSED_LATENCY` where it gives
    neither latency nor places.  Raises TopologyError, one line naming the file, the element and
    the word at fault.
    """
    scheme, _, call = str(source).partition(":")
    if scheme == "nx":
        return interpret(generate(call, seed), str(source), GUESSED_LATENCY)
    return interpret(graph_files.load(source), str(source))


def read_graphml(path: str | Path) -> Topology:
    """Return the topology of a GraphML file, whatever its ending.  Raises TopologyError."""
    return interpret(graph_files.load_graphml(path), str(path))


def describe(topology: Topology) -> str:
    """Return what was understood, for people: one fact a line."""
    import networkx as nx  # noqa: PLC0415

    graph = topology.graph
    parts = nx.number_connected_components(graph)
    delays = sorted(link["delay"] for link in graph.edges.values())
    losses = [link["loss"] for link in graph.edges.values() if "loss" in link]
    placed = sum("latitude" in at for at in graph.nodes.values())
    lines = [
        f"{graph.number_of_nodes()} nodes, {placed} of them with a place",
        f"{graph.number_of_edges()} links",
        "all nodes connected" if parts == 1 else f"{parts} components",
    ]
    if delays:
        least, median, most = (delays[i] / units.MS for i in (0, len(delays) // 2, -1))
        lines.append(f"delay of a link {least:.3g} to {most:.3g} ms, median {median:.3g} ms")
    if losses:
        least, most = (units.format_probability(loss) for loss in (min(losses), max(losses)))
        lines.append(f"loss given for {len(losses)} links, {least} to {most}")
    return "\n".join([*lines, *(f"note: {note}" for note in topology.notes)])


def plain(topology: Topology) -> dict[str, list[dict[str, Any]]]:
    """Return what a drawing needs, in values that JSON has.

    `nodes` with `name`, `latitude` and `longitude` (degrees or None); `links` with the names of
    their ends `a` and `b`, `delay_s` (seconds, one way) and `loss` (0..1 or None).
    """
    graph = topology.graph
    return {
        "nodes": [
            {"name": name, "latitude": at.get("latitude"), "longitude": at.get("longitude")}
            for name, at in graph.nodes.items()
        ],
        "links": [
            {"a": a, "b": b, "delay_s": link["delay"] / units.S, "loss": link.get("loss")}
            for (a, b), link in graph.edges.items()
        ],
    }


def great_circle_delay(
    latitude_a: float, longitude_a: float, latitude_b: float, longitude_b: float
) -> int:
    """Return the nanoseconds that light in fibre takes between two places given in degrees.

    >>> great_circle_delay(40.71, -74.01, 34.05, -118.24) // 1_000_000  # New York - Los Angeles
    19
    """
    phi_a, phi_b = math.radians(latitude_a), math.radians(latitude_b)
    half_chord = (
        math.sin((phi_b - phi_a) / 2) ** 2
        + math.cos(phi_a)
        * math.cos(phi_b)
        * math.sin(math.radians(longitude_b - longitude_a) / 2) ** 2
    )
    distance = 2 * EARTH_RADIUS * math.asin(math.sqrt(min(1.0, half_chord)))
    return round(distance / FIBRE_SPEED * units.S)


def interpret(raw: nx.Graph[Any], source: str, latency: int | None = None) -> Topology:
    """Return the topology that a networkx graph of any kind describes; `source` names it.

    Read without regard to case are, of nodes, `label` (the name, else the node itself),
    `latitude` and `longitude` (degrees), `host_bandwidth_up` and `host_bandwidth_down`; of edges,
    `latency` ("10 ms"; a bare number is seconds), `loss` or `packet_loss` ("1%" or a fraction),
    `jitter` (delays are latency +- jitter), `netem` (what tc takes, instead of jitter) and
    `bandwidth` or `LinkSpeedRaw`.  A link whose delay is neither given nor follows from places
    gets `latency` (ns) if there is one, else is left out, and so is a node that then has neither
    place nor link.  Of parallel links the fastest is kept; links
    of a directed graph serve both ways.  Raises TopologyError.
    """
    import networkx as nx  # noqa: PLC0415

    reading = _Reading(source, raw.is_directed(), latency)
    names = reading.names(raw.nodes(data=True))
    for node, attributes in raw.nodes(data=True):
        reading.add_node(names[node], attributes)
    for end_a, end_b, attributes in raw.edges(data=True):
        reading.add_link(names[end_a], names[end_b], attributes)
    graph = reading.graph
    lost = [name for name, at in graph.nodes.items() if "latitude" not in at and not graph[name]]
    graph.remove_nodes_from(lost)
    reading.found["unplaced"] = lost
    if not graph:
        raise TopologyError(
            f"{source}: the graph is empty: no node has Latitude and Longitude, no link a latency"
        )
    parts = sorted((len(part) for part in nx.connected_components(graph)), reverse=True)
    notes = reading.notes()
    if len(parts) > 1:
        sizes = ", ".join(map(str, parts[:NAMES_SHOWN])) + (", ..." * (len(parts) > NAMES_SHOWN))
        notes.append(f"{len(parts)} parts that no link joins, of {sizes} nodes")
    return Topology(graph, tuple(notes))


_FINDINGS: Final = {
    "labels": "label held by several nodes, numbered",
    "unplaced": "node left out, without Latitude and Longitude",
    "without_delay": "link left out, without a latency or two places to compute it from",
    "loops": "link from a node to itself left out, at",
    "parallel": "link left out beside a parallel one that is as fast or faster",
    "asymmetric": "link whose directions differ, the faster taken for both",
    "without_unit": "latency without a unit taken as seconds",
    "guessed": "link without a latency, guessed",
}
"""What a reading notes, as it is said of one."""


_NODE_ATTRIBUTES: Final = ("host_bandwidth_up", "host_bandwidth_down")
"""Bit rates of the hosts at a node."""

_LINK_ATTRIBUTES: Final[tuple[tuple[str, Callable[[str], Any], tuple[str, ...]], ...]] = (
    ("loss", units.probability, ("loss", "packet_loss")),
    ("bitrate", units.bitrate, ("bandwidth", "bitrate", "LinkSpeedRaw")),
    ("jitter", units.duration, ("jitter",)),
    ("netem", parse, ("netem",)),
)
"""Of a link in the topology: how it is read, and what it is called where it comes from."""


class _Reading:
    """A graph being interpreted: the topology as far as it stands, and what was found odd."""

    def __init__(self, source: str, directed: bool, latency: int | None) -> None:
        import networkx as nx  # noqa: PLC0415

        self.source = source
        self.directed = directed
        self.latency = latency
        self.graph: nx.Graph[str] = nx.Graph()
        self.found: dict[str, list[str]] = {finding: [] for finding in _FINDINGS}
        self.seen: set[tuple[str, str]] = set()
        """Ends of the links so far, in their direction if the graph is directed."""

    def notes(self) -> list[str]:
        """Return one line for each kind of oddity found."""
        return [_note(_FINDINGS[finding], names) for finding, names in self.found.items() if names]

    def names(self, nodes: Iterable[tuple[Any, Mapping[str, Any]]]) -> dict[Any, str]:
        """Return a name of its own for each node; the second "Paris" is "Paris (2)"."""
        names: dict[Any, str] = {}
        taken: set[str] = set()
        copies: dict[str, int] = {}
        for node, attributes in nodes:
            label = name = " ".join(str(_get(attributes, "label", node)).split())
            while name in taken:
                copies[label] = copies.get(label, 1) + 1
                name = f"{label} ({copies[label]})"
            taken.add(name)
            names[node] = name
        self.found["labels"] = list(copies)
        return names

    def add_node(self, name: str, attributes: Mapping[str, Any]) -> None:
        """Add a node, with its place if both coordinates are known."""
        self.graph.add_node(name)
        self.graph.nodes[name].update(attributes)
        for attribute in _NODE_ATTRIBUTES:
            value = _get(attributes, attribute)
            if value is not None:
                rate = self._parse(units.bitrate, f"node {name}", attribute, value)
                self.graph.nodes[name][attribute] = rate
        latitude = _get(attributes, "latitude")
        longitude = _get(attributes, "longitude")
        if latitude is not None and longitude is not None:
            self.graph.nodes[name].update(
                latitude=self._degrees(name, "Latitude", latitude, 90),
                longitude=self._degrees(name, "Longitude", longitude, 180),
            )

    def add_link(self, end_a: str, end_b: str, attributes: Mapping[str, Any]) -> None:
        """Add a link unless it leads nowhere, has no known delay, or a faster one is there."""
        if end_a == end_b:
            self.found["loops"].append(end_a)
            return
        name = f"{end_a} - {end_b}"
        link = self._link(name, self.graph.nodes[end_a], self.graph.nodes[end_b], attributes)
        if "delay" not in link:
            self.found["without_delay"].append(name)
            return
        present = self.graph.get_edge_data(end_a, end_b)
        if (end_a, end_b) in self.seen:
            self.found["parallel"].append(name)
        elif present and any(present.get(of) != link.get(of) for of in ("delay", "loss")):
            self.found["asymmetric"].append(name)
        self.seen |= {(end_a, end_b)} if self.directed else {(end_a, end_b), (end_b, end_a)}
        if present is None or link["delay"] < present["delay"]:
            self.graph.add_edge(end_a, end_b)
            self.graph.edges[end_a, end_b].clear()
            self.graph.edges[end_a, end_b].update(link)

    def _link(
        self,
        name: str,
        at_a: Mapping[str, Any],
        at_b: Mapping[str, Any],
        attributes: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Return the attributes of a link, with no `delay` if it is not known."""
        ours = ("delay", *(attribute for attribute, _, _ in _LINK_ATTRIBUTES))
        link: dict[str, Any] = {key: attributes[key] for key in attributes if key not in ours}
        latency = _get(attributes, "latency")
        if latency is not None:
            link["delay"] = self._parse(units.duration, f"link {name}", "latency", latency)
            if str(latency).strip()[-1] in "0123456789.":
                self.found["without_unit"].append(name)
        elif "latitude" in at_a and "latitude" in at_b:
            link["delay"] = great_circle_delay(
                at_a["latitude"], at_a["longitude"], at_b["latitude"], at_b["longitude"]
            )
        elif self.latency is not None:
            link["delay"] = self.latency
            self.found["guessed"].append(name)
        for attribute, read, spellings in _LINK_ATTRIBUTES:
            for spelling in spellings:
                value = _get(attributes, spelling)
                if value is not None:
                    link[attribute] = self._parse(read, f"link {name}", spelling, value)
                    break
        jitter = link.pop("jitter", 0)
        if jitter and "delay" in link and "netem" not in link:
            link["netem"] = Netem(delay=Delay(0, jitter, least=-link["delay"]), limit=NO_LIMIT)
        return link

    def _parse(self, parse: Callable[[str], Value], element: str, what: str, value: Any) -> Value:
        try:
            return parse(str(value))
        except ValueError as error:
            problem = str(error).removeprefix(f"{what} ")
            raise TopologyError(f"{self.source}: {element}: {what} {problem}") from None

    def _degrees(self, node: str, axis: str, value: Any, limit: int) -> float:
        try:
            degrees = float(value)
        except (TypeError, ValueError):
            degrees = math.nan
        if not -limit <= degrees <= limit:
            raise TopologyError(
                f"{self.source}: node {node}: {axis} {str(value)!r} is not a number of degrees"
                f" from -{limit} to {limit}"
            )
        return degrees


def _get(attributes: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """Return the attribute of that name, in any case, unless it is None or empty."""
    values = (attributes[key] for key in attributes if str(key).lower() == name.lower())
    return next((value for value in values if value is not None and value != ""), default)


def _note(finding: str, names: Sequence[str]) -> str:
    """Return "3 links left out, without a latency: A - B, C - D, ..."."""
    subject, rest = finding.split(" ", 1)
    plural = {"latency": "latencies"}.get(subject, f"{subject}s")
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    count = f"{len(names)} {subject if len(names) == 1 else plural}"
    return f"{count} {rest}: {', '.join(names[:NAMES_SHOWN])}{more}"
