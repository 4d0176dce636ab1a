"""The network: nodes joined by links, the addresses that they have, and the ways between them.

A node's own routes come first, the longest prefix before shorter ones; else a packet takes a
shortest way by delay to the node that has its destination's address, the nearest if several have
it (anycast), and where several ways are alike the hash of its flow chooses.  Ways are worked out
when a packet first needs one, and then stand in the forwarding tables of the nodes on it: memory
grows with nodes, links and ways in use.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple

from sim.engine import Engine
from sim.ip import is_ipv6
from sim.net.complaints import HOST_UNREACHABLE, Complaints
from sim.net.link import Link
from sim.net.links import Options
from sim.net.neighbours import Neighbours
from sim.net.node import EqualCost, ForwardingTable, Narrow, Router, Send
from sim.net.routing import Routing
from sim.streams import Streams
from sim.tcp.errors import os_error
from sim.timers import Rounding, Timers

ROUTER_ADDRESS = IPv4Address("172.16.0.1")
ROUTER_PREFIX_V6 = "fd00:ac10::"
"""Routers get addresses from these on, in their order."""


class Kind(Enum):
    """What a route of a node does with packets, as `ip route` calls it; its errno."""

    UNREACHABLE = errno.EHOSTUNREACH
    PROHIBIT = errno.EACCES
    BLACKHOLE = errno.EINVAL


class Route(NamedTuple):
    """A route that a node was given."""

    prefix: IPv4Network | IPv6Network
    via: str | Kind


class Node(NamedTuple):
    """What the network knows of a node."""

    name: str
    receive: Callable[[Any], None]
    complaints: Complaints
    neighbours: Neighbours
    routes: list[Route]
    links: dict[str, Link]
    """Links from the node, by the node at the other end."""
    deliver: Send
    """Takes packets from the node to itself."""
    corrupted: Callable[[], None]
    """Hears of each packet whose checksum fails at the node."""


class Network:
    """Nodes, links and routes.

    `dropped(node, packet, reason)` hears of each packet that a node lets go.
    """

    def __init__(
        self, engine: Engine, streams: Streams, make_link: Callable[..., Link] = Link
    ) -> None:
        self.engine = engine
        self.streams = streams
        self._make_link = make_link
        self.dropped: Callable[[str, Any, str], None] = lambda node, packet, reason: None
        self._nodes: dict[str, Node] = {}
        self._routers: dict[str, int] = {}
        self._tables: dict[str, ForwardingTable] = {}
        self._holders: dict[str, list[str]] = {}
        self._subnets: list[tuple[IPv4Network | IPv6Network, str]] = []
        self._mtus: dict[tuple[str, str], int] = {}
        self._down: set[tuple[str, str]] = set()
        self._routing: Routing | None = None

    # What there is.

    def add_node(
        self,
        name: str,
        receive: Callable[[Any], None],
        complaints: Complaints | None = None,
        timers: Timers | None = None,
        deliver: Send | None = None,
        corrupted: Callable[[], None] = lambda: None,
    ) -> None:
        """Add a node that takes packets from others with `receive`, from itself with `deliver`.

        `complaints` is what it says about those that it sends in vain, `timers` its clock.
        Raises ValueError if the name is taken.
        """
        if name in self._nodes:
            raise ValueError(f"there is already a node named {name!r}")
        timers = timers or Timers(self.engine.calendar, partial(Rounding, 0))
        complaints = complaints or self.complaints(name)
        refused = partial(complaints.about, said=HOST_UNREACHABLE, reason="no neighbour")
        neighbours = Neighbours(self.engine, timers, refused, complaints.dropped)
        loop = Link(self.engine, self.streams, f"{name} > {name}", receive, 0).send
        node = Node(name, receive, complaints, neighbours, [], {}, deliver or loop, corrupted)
        self._nodes[name] = node
        self._changed()

    def add_router(self, name: str, kind: Callable[..., Router] = Router, **options: Any) -> Router:
        """Add a node that only forwards; `kind` makes it, with `options`."""
        import scipy.sparse.csgraph  # noqa: F401, PLC0415 (slow to import: not while running)

        complaints = self.complaints(name)
        router = kind(name, self.forwarding_table(name, complaints), complaints, **options)
        self.add_node(name, router.receive, complaints, deliver=router.deliver)
        self._routers[name] = len(self._routers)
        for version in ("0.0.0.0", "::"):
            self.add_address(self.router_address(name, version), name)
        return router

    def complaints(self, node: str) -> Complaints:
        """Return what says a router's errors."""
        return Complaints(
            self.engine.calendar,
            partial(self.router_address, node),
            lambda error: self._tables[node][error.flow.dst](error),
            partial(self.drop, node),
        )

    def drop(self, node: str, packet: Any, reason: str) -> None:
        """Take note that a node lets a packet go: it is lost, and `dropped` hears why."""
        self.engine.lost(packet)
        self.dropped(node, packet, reason)

    def router_address(self, router: str, like: str) -> str:
        """Return a router's own address of the version that the address `like` has."""
        number = self._routers[router]
        if is_ipv6(like):
            return f"{ROUTER_PREFIX_V6}{number + 1:x}"
        return str(ROUTER_ADDRESS + number)

    def forwarding_table(self, node: str, complaints: Complaints | None = None) -> ForwardingTable:
        """Return the table of a node, empty if it is new; raises KeyError for an unknown node."""
        table = self._tables.get(node)
        if table is None:
            said = complaints or self._nodes[node].complaints
            table = self._tables[node] = ForwardingTable(node, self._find, said.unroutable)
        return table

    def add_address(self, address: str, node: str, *, shared: bool = False) -> None:
        """Say that an address belongs to a node; `shared`: that others may have it, too.

        Raises ValueError if it belongs to one already, and is not shared.
        """
        holders = self._holders.setdefault(address, [])
        if holders and not shared:
            raise ValueError(f"the address {address} belongs to {holders[0]}")
        holders.append(node)
        self._changed()

    def add_subnet(self, prefix: str, node: str) -> None:
        """Say that a prefix is a network of the node's own: it asks there who has an address.

        Nobody answers for an address that no host has.  Raises ValueError for what is no prefix.
        """
        self._subnets.append((ip_network(prefix), node))
        self._subnets.sort(key=lambda known: -known[0].prefixlen)
        self._changed()

    def add_route(self, node: str, prefix: str, via: str | Kind) -> None:
        """Give a node a route to a prefix: via a neighbour, or a kind that says no.

        Raises ValueError for an unknown node, one that is no neighbour, or what is no prefix.
        """
        known = self._node(node)
        if isinstance(via, str) and via not in known.links:
            raise ValueError(f"{via!r} is no neighbour of {node!r}")
        known.routes.append(Route(ip_network(prefix), via))
        known.routes.sort(key=lambda route: -route.prefix.prefixlen)
        self._changed()

    def add_link(
        self,
        a: str,
        b: str,
        delay: int,
        loss: float = 0.0,
        *,
        both: bool = True,
        options: Options | None = None,
    ) -> tuple[Link, ...]:
        """Join two nodes in both directions, or only a to b; returns the links a -> b and b -> a.

        `delay` in ns one way; `loss` of each packet, independently, each way; `options` what
        else is asked of each direction.  Raises ValueError for an unknown node, a pair already
        joined, a negative delay or a loss outside 0..1.
        """
        if a == b:
            raise ValueError(f"a link from {a!r} to itself")
        pairs = [(a, b), (b, a)][: 1 + both]
        for here, there in pairs:
            self._node(there)
            if there in self._node(here).links:
                raise ValueError(f"{a!r} and {b!r} are already linked")
        return tuple(self._add_direction(*pair, delay, loss, options) for pair in pairs)

    def _add_direction(
        self, a: str, b: str, delay: int, loss: float, options: Options | None
    ) -> Link:
        name = f"{a} > {b}"
        more: dict[str, Any] = {}
        if options is not None:
            more = options.made(name)
            if more:
                more["corrupted"] = self._nodes[b].corrupted
            if options.mtu is not None:
                self._mtus[a, b] = options.mtu
        receive = self._nodes[b].receive
        link = self._make_link(self.engine, self.streams, name, receive, delay, loss, **more)
        self._nodes[a].links[b] = link
        self._changed()
        return link

    def _node(self, name: str) -> Node:
        node = self._nodes.get(name)
        if node is None:
            raise ValueError(f"no node is named {name!r}")
        return node

    def __contains__(self, node: str) -> bool:
        return node in self._nodes

    @property
    def links(self) -> dict[tuple[str, str], Link]:
        """The links of all nodes, by the names of their ends."""
        return {(a, b): link for a, node in self._nodes.items() for b, link in node.links.items()}

    def link(self, a: str, b: str) -> Link:
        """Return the link from a to its neighbour b; raises KeyError if there is none."""
        return self._nodes[a].links[b]

    # What changes.

    def set_down(self, a: str, b: str, *, down: bool = True) -> None:
        """Take both directions of a link down, or up again; both ends see it at once.

        The others learn of it from `converge`.  Packets that are on their way arrive.
        """
        self._snapshot()
        for pair in ((a, b), (b, a)):
            (self._down.add if down else self._down.discard)(pair)
            self.forwarding_table(pair[0]).forget()

    def converge(self) -> None:
        """Let every node work out its routes anew from what the network is now."""
        self._changed()

    def _changed(self) -> None:
        if self._routing is not None:
            self._routing = None
            for table in self._tables.values():
                table.forget()

    # The ways.

    def path(self, source: str, target: str) -> list[str]:
        """Return the nodes from `source` to `target`; raises OSError (ENETUNREACH)."""
        ways = self._snapshot().ways(source, target)
        if source != target and source not in ways:
            raise os_error(errno.ENETUNREACH)
        nodes = [source]
        while nodes[-1] != target:
            nodes.append(ways[nodes[-1]][0])
        return nodes

    def path_length(self, source: str, address: str) -> tuple[int, int]:
        """Return the hops and the delay (ns) from a node to an address, 0 and 0 to itself.

        Raises OSError (ENETUNREACH) without a route.
        """
        length = self._snapshot().length(source, self.nearest(source, address))
        if length is None:
            raise os_error(errno.ENETUNREACH)
        return length

    def nearest(self, source: str, address: str) -> str:
        """Return the nearest node that an address belongs to; raises OSError (ENETUNREACH)."""
        holders = self._holders.get(address) or self._attached(address)
        if len(holders) == 1:
            return holders[0]
        routing = self._snapshot()
        reached = {holder: routing.length(source, holder) for holder in holders}
        near = {holder: (length[1], length[0]) for holder, length in reached.items() if length}
        if not near:
            raise os_error(errno.ENETUNREACH)
        return min(near, key=near.__getitem__)

    def _attached(self, address: str) -> Sequence[str]:
        """Return the node whose own network has an address that no host has."""
        if self._subnets:
            wanted = ip_address(address)
            for prefix, node in self._subnets:
                if wanted in prefix:
                    return (node,)
        return ()

    def _snapshot(self) -> Routing:
        """Return the ways as they were when the nodes last worked them out."""
        if self._routing is None:
            links = self.links.items()
            up = ((*ends, link.delay) for ends, link in links if ends not in self._down)
            self._routing = Routing(self._nodes, up, self._routers)
        return self._routing

    def _find(self, node: str, address: str) -> None:
        """Put the way to an address into a node's table, and those of the nodes on it.

        Raises OSError: ENETUNREACH, or what the node's own route says.
        """
        via = self._own_route(node, address)
        if isinstance(via, Kind):
            raise os_error(via.value)
        if via is not None:
            self._tables[node][address] = self._send(node, via)
            return
        target = self.nearest(node, address)
        if target == node:
            self._tables[node][address] = self._here(node, address)
            return
        for at, hops in self._snapshot().ways(node, target).items():
            table = self._tables.get(at)
            links = [self._send(at, hop) for hop in hops if (at, hop) not in self._down]
            if table is None or address in table or not links:
                continue
            if at == node or self._own_route(at, address) is None:
                table[address] = links[0] if len(links) == 1 else EqualCost(at, links)
        if address not in self._tables[node]:
            raise os_error(errno.ENETUNREACH)

    def _own_route(self, node: str, address: str) -> str | Kind | None:
        """Return what the longest of a node's own prefixes that holds an address says."""
        routes = self._nodes[node].routes
        if routes:
            wanted = ip_address(address)
            for prefix, via in routes:
                if wanted in prefix and (node, via) not in self._down:
                    return via
        return None

    def _send(self, node: str, neighbour: str) -> Send:
        """Return what sends a packet from a node to a neighbour."""
        send: Send = self._nodes[node].links[neighbour].send
        mtu = self._mtus.get((node, neighbour))
        return send if mtu is None else Narrow(mtu, send, self._nodes[node].complaints.too_big)

    def _here(self, node: str, address: str) -> Send:
        """Return what takes a packet for an address of a node, or of the network it is on."""
        own = node in self._holders.get(address, ())
        return self._nodes[node].deliver if own else self._nodes[node].neighbours.send
