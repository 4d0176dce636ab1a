"""How long does connect() take across a network of ten thousand nodes?

Clients at nodes chosen at random call one server, at the node with the most links.  Links of a
generated graph have random delays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scenarios.parameters import count, duration, frequency, operating_system, probability, text
from scenarios.timelines import follow_file, timeline
from scenarios.topologies import read
from sim import Simulation
from sim.applications import arrive, poisson, serve

if TYPE_CHECKING:
    import networkx as nx

    from analysis.frames import Frames

PORT = 80


@dataclass(frozen=True)
class Parameters:
    """The network, and how often clients call the server."""

    topology: str = text(
        "nx:random_internet_as_graph(n=10000)",
        "the network: a file, a packaged topology, or nx:GENERATOR(ARGUMENTS)",
    )
    delay: int = duration("5 ms", "mean one-way delay of a generated link, exponential")
    loss: float = probability(
        "0.1%", "chance that a link loses a packet, each way, where the topology says nothing"
    )
    access_delay: int = duration("0.5 ms", "one-way delay between a host and its node")
    clients: int = count(
        "10000", "client hosts, at nodes chosen at random", least=1, most=1_000_000
    )
    connections: int = count("100000", "how many times clients call, in turn", least=1)
    rate: float = frequency("10000/s", "calls of all clients: a Poisson process of that rate")
    timeline: str = timeline()
    client_os: str = operating_system("linux", "operating system of the clients")
    server_os: str = operating_system("linux", "operating system of the server")
    hold: int = duration("1 s", "how long a connection stays open")


def build(sim: Simulation, p: Parameters) -> None:
    """Build the network, the server and its clients."""
    topology = read(p.topology, sim.seed).component()
    graph = topology.graph
    if p.topology.startswith("nx:"):
        spread(graph, p.delay, sim.streams.generator("delays"))
    else:
        sim.notes += topology.notes
    sim.add_graph(graph, loss=p.loss)
    hub = max(graph, key=lambda node: graph.degree[node])
    sim.notes.append(
        f"{len(graph):,} nodes, {topology.links.number_of_edges():,} links;"
        f" the server is at node {hub}"
    )
    server = sim.add_host("server", os=p.server_os, at=hub, delay=p.access_delay)
    nodes = list(graph)
    chosen = sim.streams.generator("places of clients").integers(len(nodes), size=p.clients)
    clients = [
        sim.add_host(f"client{number}", os=p.client_os, at=nodes[node], delay=p.access_delay)
        for number, node in enumerate(chosen, 1)
    ]
    serve(server, PORT, 65_535)
    times = poisson(sim.streams.generator("arrivals"), p.rate, p.connections)
    arrive(sim, clients, (server.address, PORT), map(int, times), p.hold)
    follow_file(sim, p.timeline)


def spread(graph: nx.Graph[str], mean: int, rng: np.random.Generator) -> None:
    """Give every link a delay of its own, `mean` ns on average."""
    delays = rng.exponential(mean, graph.number_of_edges())
    for link, delay in zip(graph.edges.values(), delays, strict=True):
        link["delay"] = int(delay)


def report(frames: Frames, _: Parameters) -> str:
    """Say how long it took by the number of links on the way."""
    from analysis import breakdown  # noqa: PLC0415

    return breakdown.by(frames, "path_hops", "links")


if __name__ == "__main__":
    from scenarios.script import main

    main()
