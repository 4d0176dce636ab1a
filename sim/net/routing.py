"""Shortest ways by delay through a graph, with all that are alike.

Delays are worked out by scipy's Dijkstra from or to one root at a time.  A root is a destination,
or the router in front of it if it has one link, and serves both ways: of a server with 10,000
clients only the server's router is ever one.  Of ways alike in delay those with the fewest hops
count.  scipy takes long to import, and is only when there are ways to work out.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

SCALE = 1024
"""A link costs its delay in ns times this, and 1: hops decide where delays are alike."""

KEPT = 64
"""So many roots' trees are kept, each at least 8 bytes a node."""

NOWHERE = float("inf")

Ways = dict[str, list[str]]
"""Node -> its next hops, all alike, in the order of their names."""


class Tree(NamedTuple):
    """The shortest ways from a root to every node, or from every node to it."""

    cost: array[float]
    """Of the way between a node and the root, by the node's index."""
    steps: dict[str, list[str]]
    """A node's next nodes towards the root, as far as they have been asked for."""


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
        self._trees: OrderedDict[tuple[str, bool], Tree] = OrderedDict()

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
        return (node, True) in self._trees or (node, False) in self._trees

    def _back(self, start: str, target: str) -> Ways:
        """Follow the ways from a root back from `target`."""
        tree = self._tree(start, away=True)
        found: Ways = {}
        pending = [target]
        for node in pending:
            for before in () if node == start else self._steps(tree, node, self._into[node]):
                if before not in found:
                    found[before] = []
                    pending.append(before)
                found[before].append(node)
        for hops in found.values():
            hops.sort()
        return found if start in found else {}

    def _forth(self, source: str, target: str) -> Ways:
        """Follow the ways to a root, `target` or the router before it, from `source`."""
        root = self._before(target)
        tree = self._tree(root, away=False)
        found: Ways = {root: [target]} if root != target else {}
        pending = [source]
        for node in pending:
            if node != root and node not in found:
                hops = self._steps(tree, node, self._out[node])
                if not hops:
                    return {}
                found[node] = hops
                pending += hops
        return found

    def _steps(self, tree: Tree, node: str, neighbours: dict[str, int]) -> list[str]:
        """Return the routers beside a node, or the root, that are nearest to a tree's root."""
        steps = tree.steps.get(node)
        if steps is None:
            index, cost = self._index, tree.cost
            costs = {
                name: more + cost[index[name]]
                for name, more in neighbours.items()
                if name in self._routers or not cost[index[name]]
            }
            least = min(costs.values(), default=NOWHERE)
            steps = sorted(name for name, all_in_all in costs.items() if all_in_all == least)
            tree.steps[node] = steps = [] if least == NOWHERE else steps
        return steps

    def _tree(self, root: str, *, away: bool) -> Tree:
        """Return the ways from a root to every node (`away`), or from every node to it."""
        tree = self._trees.get((root, away))
        if tree is None:
            tree = self._trees[root, away] = Tree(self._costs(root, away=away), {})
            if len(self._trees) > KEPT:
                self._trees.popitem(last=False)
        self._trees.move_to_end((root, away))
        return tree

    def _costs(self, root: str, *, away: bool) -> array[float]:
        """Return the delays by way of routers, by the nodes' numbers."""
        if not self._routers:
            costs = array("d", [NOWHERE]) * len(self._index)
            costs[self._index[root]] = 0
            return costs
        from scipy.sparse.csgraph import dijkstra  # noqa: PLC0415

        graph = self._sparse() if away else self._sparse().T
        return array("d", dijkstra(graph, indices=[self._index[root]])[0].tobytes())

    def _sparse(self) -> Any:
        """Return the graph as a sparse matrix, without the links by which hosts send."""
        if self._matrix is None:
            from scipy.sparse import csr_array  # noqa: PLC0415

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
