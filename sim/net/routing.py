"""Shortest ways by delay through a graph, with all that are alike.

Delays are worked out by scipy's Dijkstra from or to one root at a time.  A root is a destination,
or the router in front of it if it has one link, and serves both ways: of a server with 10,000
clients only the server's router is ever one.  Of ways
alike in delay those with the fewest hops count.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

SCALE = 1024
"""A link costs its delay in ns times this, and 1: hops decide where delays are alike."""

KEPT = 64
"""So many roots' distances are kept, each 8 bytes a node."""

Ways = dict[str, list[str]]
"""Node -> its next hops, all alike, in the order of their names."""


class Routing:
    """The graph at one moment: `links` are (from, to, delay in ns); only `routers` forward."""

    def __init__(
        self,
        nodes: Iterable[str],
        links: Iterable[tuple[str, str, int]],
        routers: Collection[str],
    ) -> None:
        self._index = {node: number for number, node in enumerate(nodes)}
        self._routers = routers
        self._out: dict[str, dict[str, int]] = {node: {} for node in self._index}
        self._into: dict[str, dict[str, int]] = {node: {} for node in self._index}
        for a, b, delay in links:
            self._out[a][b] = self._into[b][a] = delay * SCALE + 1
        self._matrix: Any = None
        self._distances: OrderedDict[tuple[str, bool], npt.NDArray[np.float64]] = OrderedDict()

    def ways(self, source: str, target: str) -> Ways:
        """Return the next hops of every node on a shortest way from `source` to another node.

        Nothing if there is no way.
        """
        if list(self._into[target]) == [source]:
            return {source: [target]}
        start = self._after(source)
        if start in self._routers and self._is_root(start):
            first = {} if start == source else {source: [start]}
            if start == target:
                return first
            rest = self._back(start, target)
            return first | rest if rest else {}
        return self._forth(source, target)

    def length(self, source: str, target: str) -> tuple[int, int] | None:
        """Return the hops and the delay (ns) of a shortest way; None if there is none."""
        ways = self.ways(source, target)
        hops = delay = 0
        while source != target:
            if not ways:
                return None
            following = ways[source][0]
            delay += self._out[source][following] // SCALE
            hops += 1
            source = following
        return hops, delay

    def _before(self, node: str) -> str:
        """Return the router that is the only way to a node, or else the node."""
        return self._only(self._into[node], node)

    def _after(self, node: str) -> str:
        """Return the router that is the only way from a node, or else the node."""
        return self._only(self._out[node], node)

    def _only(self, neighbours: dict[str, int], node: str) -> str:
        if len(neighbours) != 1:
            return node
        (neighbour,) = neighbours
        return neighbour if neighbour in self._routers else node

    def _is_root(self, node: str) -> bool:
        return (node, True) in self._distances or (node, False) in self._distances

    def _back(self, start: str, target: str) -> Ways:
        """Follow the ways from a root back from `target`."""
        distance = self._distance(start, away=True)
        index = self._index
        found: Ways = {}
        if distance[index[target]] == float("inf"):
            return found
        pending = [target]
        for node in pending:
            here = distance[index[node]]
            for before, cost in self._into[node].items():
                if before in self._routers and distance[index[before]] + cost == here:
                    if before not in found:
                        found[before] = []
                        pending.append(before)
                    found[before].append(node)
        for hops in found.values():
            hops.sort()
        return found

    def _forth(self, source: str, target: str) -> Ways:
        """Follow the ways to a root, `target` or the router before it, from `source`."""
        root = self._before(target)
        distance = self._distance(root, away=False)
        index = self._index
        found: Ways = {}
        pending = [source]
        for node in pending:
            if node == root:
                if root != target:
                    found[node] = [target]
                continue
            costs = {n: cost + distance[index[n]] for n, cost in self._out[node].items()}
            least = min(costs.values(), default=float("inf"))
            if node in found or least == float("inf"):
                continue
            found[node] = sorted(n for n, cost in costs.items() if cost == least)
            pending += found[node]
        return found

    def _distance(self, root: str, *, away: bool) -> npt.NDArray[np.float64]:
        """Return the cost from a root to every node (`away`), or from every node to it."""
        known = self._distances.get((root, away))
        if known is None:
            graph = self._sparse() if away else self._sparse().T
            known = dijkstra(graph, indices=[self._index[root]])[0]
            self._distances[root, away] = known
            if len(self._distances) > KEPT:
                self._distances.popitem(last=False)
        self._distances.move_to_end((root, away))
        return known

    def _sparse(self) -> Any:
        """Return the graph as a sparse matrix, without the links by which hosts send."""
        if self._matrix is None:
            index = self._index
            rows, columns, costs = list[int](), list[int](), list[float]()
            for a, links in self._out.items():
                if a in self._routers:
                    rows += [index[a]] * len(links)
                    columns += [index[b] for b in links]
                    costs += links.values()
            shape = len(index), len(index)
            self._matrix = csr_array((costs, (rows, columns)), shape=shape)
        return self._matrix
