"""How long does connect() take from the cities of a backbone whose links lose packets?

Clients in every city connect to one server, over the shortest path by delay.  A city's clients and
the server reach the backbone over access links that lose nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarios.errors import UserError, nearest
from scenarios.parameters import count, duration, frequency, operating_system, probability, text
from scenarios.timelines import follow_file, timeline
from scenarios.topologies import read
from sim import Simulation
from sim.applications import arrive, poisson, serve

if TYPE_CHECKING:
    import networkx as nx

    from analysis.frames import Frames
    from sim.net.topology import Topology

PORT = 80
CENTRAL = "central"
MOST_CITIES = 40
"""More cities than these make no table."""


@dataclass(frozen=True)
class Parameters:
    """The backbone, where the server stands, and how often clients connect to it."""

    topology: str = text("abilene", "the backbone: abilene, a file, or nx:GENERATOR(ARGUMENTS)")
    server: str = text("central", "city of the server; central: the one nearest to all others")
    clients: int = count("1", "client hosts in each city", least=1)
    connections: int = count("20000", "how many times clients connect, in turn", least=1)
    rate: float = frequency("1000/s", "arrivals of all clients: a Poisson process of that rate")
    loss: float = probability(
        "1%", "chance that a link loses a packet, each way, where the topology says nothing"
    )
    access_delay: int = duration("0.5 ms", "one-way delay between a host and its city's router")
    timeline: str = timeline()
    client_os: str = operating_system("linux", "operating system of the clients")
    server_os: str = operating_system("linux", "operating system of the server")
    backlog: int = count("4096", "backlog that the server passes to listen()")
    accept_rate: float = frequency("0", "how often the server accepts; 0: at once", zero=True)
    hold: int = duration("1 s", "how long a connection stays open")


def build(sim: Simulation, p: Parameters) -> None:
    """Build the backbone, the hosts in its cities and what runs on them."""
    topology = place(p.topology, None if p.server == CENTRAL else p.server, sim.seed)
    city = central(topology.graph) if p.server == CENTRAL else p.server
    sim.notes += [f"the server stands in {city}", *topology.notes]
    sim.add_graph(topology.graph, loss=p.loss)
    try:
        server = sim.add_host("server", os=p.server_os, at=city, delay=p.access_delay)
        clients = [
            sim.add_host(f"{node}-{number}", os=p.client_os, at=node, delay=p.access_delay)
            for number in range(1, p.clients + 1)
            for node in topology.graph
        ]
    except ValueError as error:
        raise UserError(f"topology {p.topology}: {error}") from error
    serve(server, PORT, p.backlog, p.accept_rate)
    times = poisson(sim.streams.generator("arrivals"), p.rate, p.connections)
    arrive(sim, clients, (server.address, PORT), times.tolist(), p.hold)
    follow_file(sim, p.timeline)


def report(frames: Frames, p: Parameters) -> str:
    """Return a table of the cities, the nearest first; of very many, by links to cross."""
    from analysis import breakdown  # noqa: PLC0415 (pandas takes long to import)

    connections = frames.select((*breakdown.COLUMNS, "client", "path_hops", "path_delay_s"))
    city = connections["client"].astype(str).str.rsplit("-", n=1).str[0].rename("city")
    nearest_first = connections.groupby(city)["path_delay_s"].min().sort_values(kind="stable").index
    if len(nearest_first) > MOST_CITIES:
        return breakdown.by(frames, "path_hops", "links")
    kinds = connections.groupby(city)
    return breakdown.table({name: kinds.get_group(name) for name in nearest_first}, "city")


def place(name: str, city: str | None, seed: int) -> Topology:
    """Return the part of a topology that reaches `city`, or its largest part.

    Raises UserError if the topology cannot be read, there is no such city, or nothing reaches it.
    """
    topology = read(name, seed)
    if city is not None and city not in topology.graph:
        raise UserError(f"topology {name}: no city {city!r}; {nearest(city, topology.graph)}")
    connected = topology.component(city)
    if len(connected.graph) < 2:
        where = next(iter(connected.graph))
        raise UserError(f"topology {name}: no link joins {where} to another city")
    return connected


def central(graph: nx.Graph[str]) -> str:
    """Return the node from which the delays to all others add up to the least."""
    import networkx as nx  # noqa: PLC0415
    from scipy.sparse.csgraph import dijkstra  # noqa: PLC0415

    delays: Any = nx.to_scipy_sparse_array(graph, weight="delay")
    totals = {node: dijkstra(delays, indices=[n]).sum() for n, node in enumerate(graph)}
    return min(totals, key=totals.__getitem__)


if __name__ == "__main__":
    from scenarios.script import main

    main()
