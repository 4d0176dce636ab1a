"""A simulation: a clock, random streams, a network, its hosts, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any

from simpy.events import Event, Process, ProcessGenerator

from sim.engine import Engine
from sim.host import Host
from sim.net.firewall import Firewall, Rule
from sim.net.link import Link
from sim.net.links import Options, make_link
from sim.net.nat import Nat
from sim.net.network import Kind, Network
from sim.net.node import Router
from sim.records import Records
from sim.sampling import QueueSamples
from sim.streams import Streams
from sim.tcp.profiles import PROFILES

if TYPE_CHECKING:
    import networkx as nx

FIRST_ADDRESSES = {4: IPv4Address("10.0.0.1"), 6: IPv6Address("fd00::1")}
"""Hosts get addresses from these on, in their order, by the version of IP."""

EDGE_OPTIONS = ("netem", "mtu", "bitrate")
"""Attributes of a graph's edge that its links may have, besides `delay` and `loss`."""


class Simulation:
    """Everything that one seed determines.

    `make_host`, `make_link` and `make_engine` are what builds its parts; `sim.tapped` and
    `sim.profiling` have others.

    Example::

        sim = Simulation(seed=1)
        client, server = sim.add_host("client"), sim.add_host("server")
        sim.add_link("client", "server", delay=20 * MS, loss=0.01)
    """

    def __init__(
        self,
        seed: int = 0,
        make_host: Callable[..., Host] = Host,
        make_link: Callable[..., Link] = make_link,
        make_engine: Callable[[], Engine] = Engine,
    ) -> None:
        self.seed = seed
        self.env = make_engine()
        self.streams = Streams(seed)
        self.network = Network(self.env, self.streams, make_link)
        self._make_host = make_host
        self.records = Records(self.env.calendar)
        self.env.lost = self.records.lost
        self.hosts: dict[str, Host] = {}
        self.notes: list[str] = []
        """What a user should know about how the simulation was built."""
        self.marks: list[tuple[str, int, int]] = []
        """What to mark in plots over time: a name, begin and end, ns."""
        self.queues: QueueSamples | None = None
        """The lengths of listeners' queues, if they are sampled."""

    def sample_queues(self, interval: int) -> None:
        """Sample the queues of all listeners every `interval` ns, from now on."""
        self.queues = QueueSamples(self, interval)

    def add_host(
        self,
        name: str,
        os: str = "linux",
        *,
        at: str | None = None,
        delay: int = 0,
        loss: float = 0.0,
        address: str | None = None,
        versions: Sequence[int] = (4,),
        mtu: int = 1500,
        sysctls: Mapping[str, Any] | None = None,
    ) -> Host:
        """Add a host that runs the operating system `os`.

        With `at` it is linked to that node, over a link of `delay` ns and `loss`.  It has
        `address`, or an address of each of the `versions` of IP, 4 and 6; `mtu` is that of its
        interface, bytes.  Raises ValueError for an unknown operating system or sysctl, or a name
        or an address that is taken.
        """
        if os not in PROFILES:
            raise ValueError(f"unknown operating system {os!r}; known: {', '.join(PROFILES)}")
        profile = PROFILES[os].configure(sysctls or {})
        number = len(self.hosts)
        own = [str(FIRST_ADDRESSES[version] + number) for version in versions]
        first, *more = [address] if address else own
        options: dict[str, Any] = {"more_addresses": more} if more else {}
        if mtu != 1500:
            options["mtu"] = mtu
        secret = self.streams.integer(f"host {name}")
        host = self._make_host(
            *(name, first, profile, self.network, self.records, secret), **options
        )
        self.hosts[name] = host
        if at is not None:
            self.network.add_link(name, at, delay, loss)
        return host

    def add_router(self, name: str) -> Router:
        """Add a node that only forwards."""
        return self.network.add_router(name)

    def add_firewall(self, name: str, *rules: Rule | str) -> Firewall:
        """Add a router that lets packets through, drops or rejects them by rule.

        The first rule that fits counts: "drop dport 80"; see `sim.net.firewall`.  Raises
        ValueError, one line with the rule and the word at fault.
        """
        router = self.network.add_router(name, Firewall, rules=rules)
        assert isinstance(router, Firewall)
        return router

    def add_nat(self, name: str, outside: str, inside: Iterable[str], **options: Any) -> Nat:
        """Add a router that hides the addresses `inside` behind its own, `outside`.

        `size` is that of its table; see `sim.net.nat`.
        """
        options |= {"engine": self.env, "outside": outside, "inside": frozenset(inside)}
        router = self.network.add_router(name, Nat, **options)
        assert isinstance(router, Nat)
        self.network.add_address(outside, name)
        return router

    def add_link(
        self, a: str, b: str, delay: int, loss: float = 0.0, *, both: bool = True, **options: Any
    ) -> None:
        """Join two nodes, in both directions: `delay` ns one way, `loss` of each packet each way.

        `both` False: only from `a` to `b`.  What else may be asked of each direction stands in
        `sim.net.links.Options`: `netem`, `lose`, `bitrate`, `queue`, `mtu`.  Raises ValueError
        for unknown nodes, a negative delay, a loss outside 0..1, or what netem does not take.
        """
        asked = Options(**options) if options else None
        self.network.add_link(a, b, delay, loss, both=both, options=asked)

    def add_graph(
        self, graph: nx.Graph[Any] | nx.DiGraph[Any], loss: float = 0.0, *, rates: bool = False
    ) -> None:
        """Add a graph: its nodes become routers, named by their text, its edges links.

        The links of a DiGraph go in one direction.  An edge's `delay` is in ns one way; its
        `loss`, where it has none, is `loss`; it may have `netem` and `mtu`, too, and `bitrate`,
        which counts only with `rates`: most links are so fast that handshakes do not feel it.
        `sim.net.topology.interpret` makes such a graph of any other.  Raises ValueError for an
        edge without a delay, and as `add_link` does.
        """
        both = not graph.is_directed()
        wanted = EDGE_OPTIONS[: 2 + rates]
        for node in graph:
            self.add_router(str(node))
        for a, b, edge in graph.edges(data=True):
            if "delay" not in edge:
                raise ValueError(f"the edge {a} - {b} has no delay")
            options = {name: edge[name] for name in wanted if edge.get(name) is not None}
            lost = edge.get("loss", loss)
            self.add_link(str(a), str(b), edge["delay"], lost, both=both, **options)

    def add_route(self, node: str, prefix: str, via: str | Kind) -> None:
        """Give a node a route to a prefix: via a neighbour, or a kind that says no.

        See `sim.net.network.Network.add_route`.
        """
        self.network.add_route(node, prefix, via)

    def process(self, generator: ProcessGenerator) -> Process:
        """Start a SimPy process."""
        return self.env.process(generator)

    def run(
        self,
        until: int | Event | None = None,
        progress: Callable[[Simulation], object] | None = None,
    ) -> None:
        """Run until nothing is left to happen, or until a time (ns) or an event.

        `progress` is called with the simulation every few thousand events.
        """
        self.env.run(until, None if progress is None else lambda: progress(self))
