"""What do clients see when the connection table of the NAT before them is full?

Clients behind one address translator call a server outside.  An entry outlives its connection, so
that a steady rate of short connections fills the table: then the NAT drops SYNs, and a connect()
waits until one of its later SYNs finds an entry that has just been forgotten.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarios.parameters import count, duration, frequency, operating_system
from sim import Simulation
from sim.applications import arrive, poisson, serve
from sim.net.nat import Nat, Phase
from sim.units import S

if TYPE_CHECKING:
    from simpy.events import Event

    from analysis.frames import Frames

PORT = 80
OUTSIDE = "203.0.113.1"


@dataclass(frozen=True)
class Parameters:
    """The NAT, and who calls through it."""

    size: int = count("2000", "entries that the table has room for", least=1)
    closing: int = duration("120 s", "how long an entry outlives its connection")
    clients: int = count("20", "client hosts behind the NAT", least=1)
    delay: int = duration("20 ms", "one-way delay between the NAT and the server")
    connections: int = count("5000", "how many times clients call, in turn", least=1)
    rate: float = frequency("50/s", "calls of all clients: a Poisson process of that rate")
    hold: int = duration("1 s", "how long a connection stays open")
    client_os: str = operating_system("linux", "operating system of the clients")
    server_os: str = operating_system("linux", "operating system of the server")


def build(sim: Simulation, p: Parameters) -> None:
    """Build the clients, the NAT and the server."""
    clients = [
        sim.add_host(f"client{number}", os=p.client_os) for number in range(1, p.clients + 1)
    ]
    inside = [client.address for client in clients]
    timeouts = {Phase.CLOSING: p.closing}
    nat = sim.add_nat("nat", OUTSIDE, inside, size=p.size, timeouts=timeouts)
    for client in clients:
        sim.add_link(client.name, "nat", 0)
    server = sim.add_host("server", os=p.server_os, at="nat", delay=p.delay)
    serve(server, PORT, 4096)
    times = poisson(sim.streams.generator("arrivals"), p.rate, p.connections)
    arrive(sim, clients, (server.address, PORT), times.tolist(), p.hold)
    sim.process(watch(sim, nat, int(times[-1])))


def watch(sim: Simulation, nat: Nat, until: int) -> Generator[Event, Any, None]:
    """Mark, to a second, from when to when the table was full."""
    since: int | None = None
    while sim.env.now < until:
        full = nat.full
        yield sim.env.timeout(S)
        if nat.full > full and since is None:
            since = int(sim.env.now) - S
    if since is not None:
        sim.marks.append(("while the table was full", since, int(sim.env.now)))
    sim.notes.append(
        f"the table held {nat.most:,} of {nat.size:,} entries at most; the NAT dropped"
        f" {nat.full:,} SYNs"
    )


def report(frames: Frames, _: Parameters) -> str:
    """Say what became of connects before the table was full, and from then on."""
    from analysis import breakdown  # noqa: PLC0415

    return breakdown.by_period(frames)


if __name__ == "__main__":
    from scenarios.script import main

    main()
