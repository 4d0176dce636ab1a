"""A simulation: a clock, random streams, a network, its hosts, and what is recorded of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from simpy.events import Event, Process, ProcessGenerator

from sim.engine import Engine
from sim.host import Host
from sim.net.link import Link
from sim.net.network import Network
from sim.records import Records
from sim.streams import Streams
from sim.tcp.profiles import PROFILES

if TYPE_CHECKING:
    import networkx as nx

FIRST_ADDRESS = IPv4Address("10.0.0.1")


class Simulation:
    """Everything that one seed determines.

    `make_host` and `make_link` are what builds hosts and links; `sim.tapped` has others.

    Example::

        sim = Simulation(seed=1)
        client, server = sim.add_host("client"), sim.add_host("server")
        sim.add_link("client", "server", delay=20 * MS, loss=0.01)
    """

    def __init__(
        self,
        seed: int = 0,
        make_host: Callable[..., Host] = Host,
        make_link: Callable[..., Link] = Link,
    ) -> None:
        self.seed = seed
        self.env = Engine()
        self.streams = Streams(seed)
        self.network = Network(self.env, self.streams, make_link)
        self._make_host = make_host
        self.records = Records()
        self.hosts: dict[str, Host] = {}
        self.notes: list[str] = []
        """What a user should know about how the simulation was built."""

    def add_host(
        self,
        name: str,
        os: str = "linux",
        *,
        at: str | None = None,
        delay: int = 0,
        loss: float = 0.0,
        address: str | None = None,
        sysctls: Mapping[str, Any] | None = None,
    ) -> Host:
        """Add a host that runs the operating system `os`.

        With `at` it is linked to that node, over a link of `delay` ns and `loss`.  Raises
        ValueError for an unknown operating system or sysctl, or a name that is taken.
        """
        if os not in PROFILES:
            raise ValueError(f"unknown operating system {os!r}; known: {', '.join(PROFILES)}")
        profile = PROFILES[os].configure(sysctls or {})
        address = address or str(FIRST_ADDRESS + len(self.hosts))
        secret = self.streams.integer(f"host {name}")
        host = self._make_host(name, address, profile, self.network, self.records, secret)
        self.hosts[name] = host
        if at is not None:
            self.network.add_link(name, at, delay, loss)
        return host

    def add_router(self, name: str) -> None:
        """Add a node that only forwards."""
        self.network.add_router(name)

    def add_link(self, a: str, b: str, delay: int, loss: float = 0.0) -> None:
        """Join two nodes, in both directions: `delay` ns one way, `loss` of each packet each way.

        Raises ValueError for unknown nodes, a negative delay or a loss outside 0..1.
        """
        self.network.add_link(a, b, delay, loss)

    def add_graph(self, graph: nx.Graph[str], loss: float = 0.0) -> None:
        """Add a graph: its nodes become routers, its edges links.

        An edge's `delay` is in ns one way; its `loss`, where it has none, is `loss`.
        """
        for node in graph:
            self.add_router(node)
        for a, b, attributes in graph.edges(data=True):
            self.add_link(a, b, attributes["delay"], attributes.get("loss", loss))

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
