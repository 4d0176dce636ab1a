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
    links, of a directed graph their two directions, with `delay` one way (int, ns) and, where the
    source said so, `loss` (0..1), `bitrate` (int, bit/s) and `netem` (a `Netem` for each
    direction).  All else that it said stands as it was.  The graph is directed only if links
    differ by direction.
    """

    graph: nx.Graph[str]
    notes: tuple[str, ...] = ()

    @property
    def links(self) -> nx.Graph[str]:
        """The graph with an edge for each link, whatever its directions."""
        return self.graph.to_undirected(as_view=True)

    def component(self, node: str | None = None) -> Topology:
        """Return the part of the topology that can reach `node`: without one, the largest.

        Of two parts alike in size the first counts.  KeyError if there is no such node.
        """
        import networkx as nx  # noqa: PLC0415

        if node is None:
            kept = max(nx.connected_components(self.links), key=len)
        elif node in self.graph:
            kept = nx.node_connected_component(self.links, node)
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

    graph, links = topology.graph, topology.links
    parts = nx.number_connected_components(links)
    delays = sorted(link["delay"] for link in graph.edges.values())
    losses = [link["loss"] for link in graph.edges.values() if "loss" in link]
    placed = sum("latitude" in at for at in graph.nodes.values())
    directions = ", each direction by itself" * graph.is_directed()
    lines = [
        f"{_count(len(graph), 'node')}, {placed:,} of them with a place",
        f"{_count(links.number_of_edges(), 'link')}{directions}",
        _count(parts, "component") + ", all nodes connected" * (parts == 1),
    ]
    if delays:
        least, median, most = (f"{delays[i] / units.MS:.3g} ms" for i in (0, len(delays) // 2, -1))
        spread = least if least == most else f"{least} to {most}, median {median}"
        lines.append(f"delay of a link {spread}, one way")
    if losses:
        least, most = (units.format_probability(loss) for loss in (min(losses), max(losses)))
        spread = least if least == most else f"{least} to {most}"
        lines.append(f"loss given {_count(len(losses), 'time')}, {spread}")
    for elements, attribute, name in (
        (graph.edges, "bitrate", "bit rate of a link"),
        (graph.edges, "netem", "jitter or netem of a link"),
        (graph.nodes, "host_bandwidth_up", "bandwidth of hosts at a node"),
    ):
        given = sum(attribute in element for element in elements.values())
        if given:
            lines.append(f"{name} given {_count(given, 'time')}")
    return "\n".join([*lines, *(f"note: {note}" for note in topology.notes)])


def plain(topology: Topology) -> dict[str, list[dict[str, Any]]]:
    """Return what a drawing needs, in values that JSON has.

    `nodes` with `name`, `latitude` and `longitude` (degrees or None); `links` with the names of
    their ends `a` and `b`, and `delay_s` (seconds, one way, the mean of both directions).
    """
    graph = topology.graph
    return {
        "nodes": [
            {"name": name, "latitude": at.get("latitude"), "longitude": at.get("longitude")}
            for name, at in graph.nodes.items()
        ],
        "links": [
            {
                "a": a,
                "b": b,
                "delay_s": (graph.edges[a, b]["delay"] + graph.edges[b, a]["delay"]) / 2 / units.S,
            }
            for a, b in topology.links.edges
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
    place nor link, not even one to itself.  Of parallel links the fastest is kept.  A link that a
    directed graph gives in one direction alone is taken to be alike in the other.  Raises
    TopologyError.
    """
    import networkx as nx  # noqa: PLC0415

    reading = _Reading(source, raw.is_directed(), latency)
    names = reading.names(raw.nodes(data=True))
    for node, attributes in raw.nodes(data=True):
        reading.add_node(names[node], attributes)
    for end_a, end_b, attributes in raw.edges(data=True):
        reading.add_link(names[end_a], names[end_b], attributes)
    graph = reading.joined()
    known = {name for name, at in graph.nodes.items() if "latitude" in at or graph[name]}
    known.update(reading.found["loops"])
    lost = [name for name in graph if name not in known]
    graph.remove_nodes_from(lost)
    reading.found["unplaced"] = lost
    if not graph:
        raise TopologyError(
            f"{source}: the graph is empty: no node has Latitude and Longitude, no link a latency"
        )
    topology = Topology(graph, tuple(reading.notes()))
    parts = sorted((len(part) for part in nx.connected_components(topology.links)), reverse=True)
    if len(parts) == 1:
        return topology
    sizes = ", ".join(map(str, parts[:NAMES_SHOWN])) + (", ..." * (len(parts) > NAMES_SHOWN))
    note = f"{len(parts)} parts that no link joins, of {sizes} nodes"
    return Topology(graph, (*topology.notes, note))


_FINDINGS: Final = {
    "labels": "label held by several nodes, numbered",
    "unplaced": "node left out, without Latitude and Longitude",
    "without_delay": "link left out, without a latency or two places to compute it from",
    "loops": "link from a node to itself left out, at",
    "parallel": "link left out beside a parallel one that is as fast or faster",
    "one_way": "link given in one direction, taken to be alike in the other",
    "without_unit": "latency without a unit taken as seconds",
    "guessed": "link without a latency, guessed to be {guess}",
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

_OURS: Final = ("delay", *(attribute for attribute, _, _ in _LINK_ATTRIBUTES))
"""What a link in the topology has in our units."""


class _Reading:
    """A graph being interpreted: the topology as far as it stands, and what was found odd."""

    def __init__(self, source: str, directed: bool, latency: int | None) -> None:
        import networkx as nx  # noqa: PLC0415

        self.source = source
        self.directed = directed
        self.latency = latency
        self.graph: nx.Graph[str] = nx.Graph()
        self.found: dict[str, list[str]] = {finding: [] for finding in _FINDINGS}
        self.links: dict[tuple[str, str], dict[str, Any]] = {}
        """Links so far, by their ends, of a directed graph in their direction."""

    def notes(self) -> list[str]:
        """Return one line for each kind of oddity found."""
        guess = units.format_duration(self.latency or 0)
        return [
            _note(_FINDINGS[finding].format(guess=guess), names)
            for finding, names in self.found.items()
            if names
        ]

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
        name = f"{end_a} - {end_b}"
        at_a, at_b = self.graph.nodes[end_a], self.graph.nodes[end_b]
        link = self._link(name, at_a, at_b, attributes, self.latency if end_a != end_b else None)
        if end_a == end_b:
            self.found["loops"].append(end_a)
            return
        if "delay" not in link:
            self.found["without_delay"].append(name)
            return
        ends = end_a, end_b
        if not self.directed and (end_b, end_a) in self.links:
            ends = end_b, end_a
        present = self.links.get(ends)
        if present is not None:
            self.found["parallel"].append(name)
        if present is None or link["delay"] < present["delay"]:
            self.links[ends] = link

    def joined(self) -> nx.Graph[str]:
        """Return the nodes with their links, in each direction by itself if any two differ."""
        one_way = [(a, b) for a, b in self.links if (b, a) not in self.links]
        if self.directed:
            self.found["one_way"] = [f"{a} - {b}" for a, b in one_way]
        back = {(b, a): self.links[a, b] for a, b in one_way}
        both = self.links | back
        graph = self.graph
        if any(link.get(of) != both[b, a].get(of) for (a, b), link in both.items() for of in _OURS):
            graph = graph.to_directed()
        for ends, link in (both if graph.is_directed() else self.links).items():
            graph.add_edges_from([(*ends, link)])
        return graph

    def _link(
        self,
        name: str,
        at_a: Mapping[str, Any],
        at_b: Mapping[str, Any],
        attributes: Mapping[str, Any],
        guess: int | None,
    ) -> dict[str, Any]:
        """Return the attributes of a link, with no `delay` if it is not known nor guessed."""
        link: dict[str, Any] = {key: attributes[key] for key in attributes if key not in _OURS}
        latency = _get(attributes, "latency")
        if latency is not None:
            link["delay"] = self._parse(units.duration, f"link {name}", "latency", latency)
            if str(latency).strip()[-1] in "0123456789.":
                self.found["without_unit"].append(name)
        elif "latitude" in at_a and "latitude" in at_b:
            link["delay"] = great_circle_delay(
                at_a["latitude"], at_a["longitude"], at_b["latitude"], at_b["longitude"]
            )
        elif guess is not None:
            link["delay"] = guess
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


def _count(number: int, subject: str) -> str:
    """Return "1 link", "3,000 links".

    >>> _count(2, "latency")
    '2 latencies'
    """
    plural = {"latency": "latencies"}.get(subject, f"{subject}s")
    return f"{number:,} {subject if number == 1 else plural}"


def _note(finding: str, names: Sequence[str]) -> str:
    """Return "3 links left out, without a latency: A - B, C - D, ..."."""
    subject, rest = finding.split(" ", 1)
    more = f" and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else ""
    return f"{_count(len(names), subject)} {rest}: {', '.join(names[:NAMES_SHOWN])}{more}"
