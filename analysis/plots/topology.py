"""Nodes and links on a map, or in rings around the node with the most links if they have no place.

The map is in degrees, undistorted at its middle; it has no coasts and borders.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import withStroke
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter

from analysis.plots import style
from analysis.quantities import count, duration

if TYPE_CHECKING:
    import networkx as nx

Places = Mapping[str, tuple[float, float]]
"""Name of a node -> x and y: degrees east and north, or where the rings put it."""

MOST_NAMES: Final = 60
"""Of more nodes than these none is named."""

SIDES: Final[tuple[tuple[int, int, Literal["left", "right"], Literal["top", "bottom"]], ...]] = (
    (5, 4, "left", "bottom"),
    (-5, 4, "right", "bottom"),
    (5, -4, "left", "top"),
    (-5, -4, "right", "top"),
)
"""Where a name may stand beside its node: points to the right and up, and its alignment."""

MOST_SPRINGS: Final = 400
"""More nodes than these stand in rings, as springs would take too long."""


@style.styled
def topology(plain: Mapping[str, Sequence[Mapping[str, Any]]], title: str) -> Figure:
    """Draw a topology, given as `sim.net.topology.plain` writes it: links coloured by delay."""
    nodes, links = plain["nodes"], plain["links"]
    places, on_map = _places(nodes, links)
    figure = Figure(figsize=(8.0, 5.4), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08))
    axes = figure.subplots()
    axes.set_title("\n".join(textwrap.wrap(title, 70)))
    drawn = [link for link in links if link["a"] in places and link["b"] in places]
    _links(figure, axes, drawn, places)
    _nodes(axes, drawn, places)
    left_out = len(nodes) - len(places)
    what = f"{count(len(places))} nodes, {count(len(drawn))} links"
    if len({link["delay_s"] for link in drawn}) == 1:
        what += f" of {duration(drawn[0]['delay_s'])} each way"
    if left_out:
        what += f"; {count(left_out)} nodes not shown"
    _frame(axes, places, what, on_map)
    if len(places) <= MOST_NAMES:
        _names(figure, axes, places)
    return figure


def _places(
    nodes: Sequence[Mapping[str, Any]], links: Sequence[Mapping[str, Any]]
) -> tuple[Places, bool]:
    """Return where to draw nodes, and whether that is on a map."""
    placed = {
        str(node["name"]): (float(node["longitude"]), float(node["latitude"]))
        for node in nodes
        if node["longitude"] is not None and node["latitude"] is not None
    }
    if len(set(placed.values())) > 1:
        return placed, True
    import networkx as nx  # noqa: PLC0415 (it takes long to import)

    graph: nx.Graph[str] = nx.Graph()
    graph.add_nodes_from(str(node["name"]) for node in nodes)
    graph.add_edges_from((str(link["a"]), str(link["b"])) for link in links)
    if len(graph) <= MOST_SPRINGS:
        springs = nx.spring_layout(graph, seed=1)
        return {name: (float(x), float(y)) for name, (x, y) in springs.items()}, False
    return _rings(graph), False


def _rings(graph: nx.Graph[str]) -> Places:
    """Return places in rings, by hops from the node with the most links, near those before."""
    import networkx as nx  # noqa: PLC0415 (it takes long to import)

    hub = max(graph, key=lambda name: graph.degree[name])
    before = dict(nx.bfs_predecessors(graph, hub))
    turns = {hub: 0.0}
    places = {hub: (0.0, 0.0)}
    for ring, names in enumerate(nx.bfs_layers(graph, hub)):
        ordered = sorted(names, key=lambda name: turns.get(before.get(name, hub), 0.0))
        for turn, name in zip(np.linspace(0, 2 * math.pi, len(names), False), ordered, strict=True):
            turns[name] = float(turn)
            places[name] = ring * math.cos(turn), ring * math.sin(turn)
    return places


def _links(figure: Figure, axes: Axes, links: Sequence[Mapping[str, Any]], places: Places) -> None:
    """Draw the links, and the scale of their colours."""
    if not links:
        return
    delays = np.array([link["delay_s"] for link in links], dtype=np.float64)
    low, high = float(delays.min()), float(delays.max())
    wide = 0 < 10 * low < high
    lines = LineCollection(
        [(places[str(link["a"])], places[str(link["b"])]) for link in links],
        array=delays,
        cmap=mpl.colormaps["viridis_r"],
        norm=LogNorm(low, high) if wide else Normalize(low, high),
        linewidths=1.8 if len(links) <= 200 else 0.4,
        alpha=max(0.03, min(1.0, 300 / len(links))),
        rasterized=style.rasterised(4 * len(links)),
        zorder=1,
    )
    axes.add_collection(lines)
    if low == high:
        lines.set(array=None, color=style.BLUE)
        return
    bar = figure.colorbar(lines, ax=axes, pad=0.02, shrink=0.85)
    bar.set_label("one-way delay of a link")
    if bar.solids is not None:
        bar.solids.set_alpha(1.0)
    bar.outline.set_visible(False)
    if wide:
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=12))
        bar.ax.yaxis.set_minor_formatter(NullFormatter())
    bar.ax.yaxis.set_major_formatter(EngFormatter(unit="s"))


def _nodes(axes: Axes, links: Sequence[Mapping[str, Any]], places: Places) -> None:
    """Draw the nodes, larger with the number of their links."""
    degree = dict.fromkeys(places, 0)
    for link in links:
        for end in ("a", "b"):
            degree[str(link[end])] += 1
    points = np.array(list(places.values()))
    few = len(places) <= MOST_SPRINGS
    sizes = (10.0 if few else 0.5) * (1 + np.sqrt(np.array(list(degree.values()))))
    rasterized = style.rasterised(4 * len(places))
    axes.scatter(
        points[:, 0],
        points[:, 1],
        sizes,
        color=style.VERMILLION,
        edgecolors="white" if few else "none",
        linewidths=0.5,
        zorder=2,
        rasterized=rasterized,
    )


def _frame(axes: Axes, places: Places, what: str, on_map: bool) -> None:
    """Give a map its degrees, and no axes to what is none."""
    axes.margins(0.18, 0.08)
    axes.autoscale_view()
    if not on_map:
        axes.set_aspect("auto" if len(places) <= MOST_SPRINGS else "equal")
        axes.set(xticks=[], yticks=[], xlabel=what)
        axes.spines[:].set_visible(False)
        return
    middle = np.mean([latitude for _, latitude in places.values()])
    axes.set_aspect(1 / max(math.cos(math.radians(middle)), 0.1), adjustable="datalim")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda degrees, _: _degrees(degrees, "EW")))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda degrees, _: _degrees(degrees, "NS")))
    axes.set_xlabel(what)


def _degrees(degrees: float, sides: str) -> str:
    """Write a longitude or latitude.

    >>> _degrees(-87.5, "EW")
    '87.5° W'
    """
    side = f" {sides[int(degrees < 0)]}" if degrees else ""
    return f"{abs(degrees):g}°{side}"


def _names(figure: Figure, axes: Axes, places: Places) -> None:
    """Name the nodes where their names fit beside them; the others stay without."""
    figure.draw_without_rendering()
    frame = axes.get_window_extent()
    taken: list[Any] = []
    for name, place in places.items():
        for x, y, horizontal, vertical in SIDES:
            text = axes.annotate(
                name,
                place,
                (x, y),
                textcoords="offset points",
                ha=horizontal,
                va=vertical,
                fontsize=8,
                path_effects=[withStroke(linewidth=2.5, foreground="white")],
            )
            box = text.get_window_extent()
            inside = frame.contains(box.x0, box.y0) and frame.contains(box.x1, box.y1)
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()
