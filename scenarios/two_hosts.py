"""How long does connect() take when packets are lost between two hosts?

One client host connects to one server host over one link, at random moments.  It is the twin of
the measurement E3 on a Linux kernel, with which the tests compare it.
"""

from __future__ import annotations

from dataclasses import dataclass

from scenarios.parameters import (
    count,
    duration,
    frequency,
    losses,
    netem,
    operating_system,
    probability,
)
from sim import Simulation
from sim.applications import arrive, poisson, serve

PORT = 80


@dataclass(frozen=True)
class Parameters:
    """One link, its two hosts, and how often one connects to the other."""

    delay: int = duration("20 ms", "one-way delay of the link")
    loss: float = probability("1%", "chance that a packet is lost, independently, each way")
    netem: str | None = netem("what else the link does each way, in the words of tc netem")
    lose: str | None = losses("packets of each connection lost by a script: SYN 1, SYN+ACK 1-3")
    connections: int = count("5000", "how many times the client connects", least=1)
    rate: float = frequency("300/s", "arrivals: a Poisson process of that rate")
    client_os: str = operating_system("linux", "operating system of the client")
    server_os: str = operating_system("linux", "operating system of the server")
    backlog: int = count("4096", "backlog that the server passes to listen()")
    accept_rate: float = frequency("0", "how often the server accepts; 0: at once", zero=True)
    hold: int = duration("1 s", "how long a connection stays open")


def build(sim: Simulation, p: Parameters) -> None:
    """Build the two hosts, their link and what runs on them."""
    client = sim.add_host("client", os=p.client_os)
    server = sim.add_host("server", os=p.server_os)
    sim.add_link("client", "server", p.delay, p.loss, netem=p.netem, lose=p.lose)
    serve(server, PORT, p.backlog, p.accept_rate)
    times = poisson(sim.streams.generator("arrivals"), p.rate, p.connections)
    arrive(sim, [client], (server.address, PORT), times.tolist(), p.hold)


if __name__ == "__main__":
    from scenarios.script import main

    main()
