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
from sim.net.graph_files import TopologyError, load_graphml

if TYPE_CHECKING:
    import networkx as nx

__all__ = ["Topology", "TopologyError", "great_circle_delay", "interpret", "read_graphml"]

Quantity = TypeVar("Quantity", int, float)

EARTH_RADIUS: Final = 6_371_008.8
"""Mean radius of the Earth in metres (IUGG)."""

FIBRE_SPEED: Final = 299_792_458 * 2 / 3
"""Speed of light in fibre in metres per second."""

NAMES_SHOWN: Final = 5
"""A note names this many of the nodes or links it speaks of."""


@dataclass(frozen=True, slots=True)
class Topology:
    """A graph to simulate on, and what was left out or guessed to get it.

    Nodes are unique names, with `latitude` and `longitude` in degrees where known.  Edges are
    links that are alike in both directions, with `delay` one way (int, ns) and, where the source
    said so, `loss` (0..1) and `bitrate` (int, bit/s).  All else that it said stands as it was.
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


def read_graphml(path: str | Path) -> Topology:
    """Return the topology of a GraphML file, such as those of the Internet Topology Zoo.

    Raises TopologyError, one line naming the file, the element and the word at fault.
    """
    return interpret(load_graphml(path), str(path))


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


def interpret(raw: nx.Graph[Any], source: str) -> Topology:
    """Return the topology that a networkx graph of any kind describes; `source` names it.

    Read without regard to case are, of nodes, `label` (the name, else the node itself),
    `latitude` and `longitude` (degrees); of edges, `latency` ("10 ms"; a bare number is
    seconds), `loss` or `packet_loss` ("1%" or a fraction) and `LinkSpeedRaw`
    (bit/s).  A link whose delay is neither given nor follows from places is left out, and so is
    a node that then has neither place nor link.  Of parallel links the fastest is kept; links
    of a directed graph serve both ways.  Raises TopologyError.
    """
    import networkx as nx  # noqa: PLC0415

    reading = _Reading(source, raw.is_directed())
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
        raise TopologyError(f"{source}: the graph is empty: it has no node that can be placed")
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
}
"""What a reading notes, as it is said of one."""


class _Reading:
    """A graph being interpreted: the topology as far as it stands, and what was found odd."""

    def __init__(self, source: str, directed: bool) -> None:
        import networkx as nx  # noqa: PLC0415

        self.source = source
        self.directed = directed
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
            label = name = " ".join(str(_get(attributes, "label", default=node)).split())
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
        link: dict[str, Any] = {key: value for key, value in attributes.items() if key != "delay"}
        latency = _get(attributes, "latency")
        if latency is not None:
            link["delay"] = self._parse(units.duration, name, "latency", latency)
            if str(latency).strip()[-1] in "0123456789.":
                self.found["without_unit"].append(name)
        elif "latitude" in at_a and "latitude" in at_b:
            link["delay"] = great_circle_delay(
                at_a["latitude"], at_a["longitude"], at_b["latitude"], at_b["longitude"]
            )
        loss = _get(attributes, "loss", "packet_loss")
        if loss is not None:
            link["loss"] = self._parse(units.probability, name, "loss", loss)
        speed = _get(attributes, "linkspeedraw")
        if speed is not None:
            link["bitrate"] = self._parse(units.bitrate, name, "LinkSpeedRaw", speed)
        return link

    def _parse(
        self, parse: Callable[[str], Quantity], link: str, what: str, value: Any
    ) -> Quantity:
        try:
            return parse(str(value))
        except ValueError as error:
            raise TopologyError(f"{self.source}: link {link}: {what} {error}") from None

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


def _get(attributes: Mapping[str, Any], *names: str, default: Any = None) -> Any:
    """Return the first attribute of those names, in any case, that is neither None nor empty."""
    lower = {str(key).lower(): value for key, value in attributes.items()}
    found = (lower[name] for name in names if lower.get(name) not in (None, ""))
    return next(found, default)


def _note(finding: str, names: Sequence[str]) -> str:
    """Return "3 links left out, without a latency: A - B, C - D, ..."."""
    subject, rest = finding.split(" ", 1)
    plural = {"latency": "latencies"}.get(subject, f"{subject}s")
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    count = f"{len(names)} {subject if len(names) == 1 else plural}"
    return f"{count} {rest}: {', '.join(names[:NAMES_SHOWN])}{more}"
