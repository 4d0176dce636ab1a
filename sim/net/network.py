"""The network: nodes joined by links over a networkx graph, and the shortest way through it.

Routes are shortest by delay.  They are computed when a packet first needs them, for one
destination node at a time, and kept.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable
from typing import Any

import networkx as nx

from sim.engine import Engine
from sim.net.link import Link
from sim.net.node import ForwardingTable, Router, Send
from sim.packet import Packet
from sim.streams import Streams
from sim.tcp.errors import os_error


class Network:
    """Nodes, links and routes.

    `graph` is the networkx graph behind them: nodes by name, edges with `delay` (ns) and `loss`.
    """

    def __init__(
        self, engine: Engine, streams: Streams, make_link: Callable[..., Link] = Link
    ) -> None:
        self.engine = engine
        self._make_link = make_link
        self.streams = streams
        self.graph: nx.DiGraph[str] = nx.DiGraph()
        self._receivers: dict[str, Callable[[Packet], None]] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._node_of_address: dict[str, str] = {}
        self._next_hops: dict[str, dict[str, str]] = {}
        self._core: nx.DiGraph[str] | None = None

    def add_node(self, name: str, receive: Callable[[Packet], None]) -> None:
        """Add a node that takes packets with `receive`.

        Raises ValueError if the name is taken.
        """
        if name in self._receivers:
            raise ValueError(f"there is already a node named {name!r}")
        self.graph.add_node(name)
        self._receivers[name] = receive

    def add_router(self, name: str) -> Router:
        """Add a node that only forwards."""
        router = Router(name, self.forwarding_table(name))
        self.add_node(name, router.receive)
        return router

    def forwarding_table(self, node: str) -> ForwardingTable:
        """Return an empty table for a node of that name."""
        return ForwardingTable(node, self._send_towards)

    def add_address(self, address: str, node: str) -> None:
        """Say that an address belongs to a node.

        Raises ValueError if it belongs to one already.
        """
        if address in self._node_of_address:
            raise ValueError(f"the address {address} belongs to {self._node_of_address[address]}")
        self._node_of_address[address] = node

    def add_link(self, a: str, b: str, delay: int, loss: float = 0.0) -> tuple[Link, Link]:
        """Join two nodes in both directions; returns the links a -> b and b -> a.

        `delay` in ns one way; `loss` of each packet, independently, each way.  Raises ValueError
        for an unknown node, a pair already joined, a negative delay or a loss outside 0..1.
        """
        for name in (a, b):
            if name not in self._receivers:
                raise ValueError(f"no node is named {name!r}")
        if (a, b) in self._links:
            raise ValueError(f"{a!r} and {b!r} are already linked")
        return self._add_direction(a, b, delay, loss), self._add_direction(b, a, delay, loss)

    def _add_direction(self, a: str, b: str, delay: int, loss: float) -> Link:
        link = self._make_link(
            self.engine, self.streams, f"{a} > {b}", self._receivers[b], delay, loss
        )
        self._links[a, b] = link
        self.graph.add_edge(a, b, delay=delay, loss=loss)
        self._next_hops.clear()
        self._core = None
        return link

    def link(self, a: str, b: str) -> Link:
        """Return the link from a to its neighbour b; raises KeyError if there is none."""
        return self._links[a, b]

    def path(self, source: str, target: str) -> list[str]:
        """Return the nodes from `source` to `target`; raises OSError (ENETUNREACH)."""
        nodes = [source]
        while nodes[-1] != target:
            nodes.append(self._next_hop(nodes[-1], target))
        return nodes

    def path_length(self, source: str, address: str) -> tuple[int, int]:
        """Return the hops and the delay (ns) from a node to an address, 0 and 0 to itself.

        Raises OSError (ENETUNREACH) without a route.
        """
        nodes = self.path(source, self.node_of(address))
        hops = list(itertools.pairwise(nodes))
        return len(hops), sum(self._links[hop].delay for hop in hops)

    def node_of(self, address: str) -> str:
        """Return the node that an address belongs to; raises OSError (ENETUNREACH)."""
        node = self._node_of_address.get(address)
        if node is None:
            raise os_error(errno.ENETUNREACH)
        return node

    def _send_towards(self, node: str, address: str) -> Send:
        target = self.node_of(address)
        if target == node:
            return self._loopback(node)
        return self._links[node, self._next_hop(node, target)].send

    def _loopback(self, node: str) -> Send:
        """Return a link from a node to itself, without delay."""
        name = f"{node} > {node}"
        return Link(self.engine, self.streams, name, self._receivers[node], 0).send

    def _next_hop(self, node: str, target: str) -> str:
        """Return the neighbour of `node` on the way to `target`.

        A node with one neighbour, as hosts are, is reached through that one, so that routes are
        worked out for the nodes between hosts alone.
        """
        if (node, target) in self._links and len(self.graph[target]) == 1:
            return target
        via = self._anchor(target)
        if node == via:
            return target
        neighbour = self._anchor(node)
        if neighbour != node and self._anchor(neighbour) != node:
            return neighbour
        hop = self._towards(via).get(node)
        if hop is None:
            raise os_error(errno.ENETUNREACH)
        return hop

    def _anchor(self, node: str) -> str:
        """Return the only neighbour of a node that has one, else the node itself."""
        neighbours = self.graph[node]
        return next(iter(neighbours)) if len(neighbours) == 1 else node

    def _towards(self, target: str) -> dict[str, str]:
        """Return each node's next hop towards `target`, over nodes with several neighbours.

        Of ways with the same delay it is one of the fewest hops, so that links without delay lead
        nobody in circles, and of those the first by name.
        """
        hops = self._next_hops.get(target)
        if hops is None:
            if self._core is None:
                inner = [n for n, degree in self.graph.out_degree if degree != 1]
                self._core = self.graph.subgraph(inner).reverse()
            core: Any = self._core
            hops = {}
            if target in core:
                scale = len(core)

                def weight(_a: str, _b: str, edge: dict[str, int]) -> int:
                    return edge["delay"] * scale + 1

                via, _ = nx.dijkstra_predecessor_and_distance(core, target, weight=weight)
                hops = {node: min(nearer) for node, nearer in via.items() if nearer}
            self._next_hops[target] = hops
        return hops
