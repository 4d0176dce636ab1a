"""What happens to connects while a link fails and the routes around it are found?

Client and server are joined by a short way and a long one.  The short one fails: until the routes
have converged its packets are lost, or, if the router beside the failure sees it, refused as far as
its limit of ICMP errors goes.  Then they take the long way, until the link is repaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenarios.parameters import NONE, count, duration, frequency, operating_system
from scenarios.timelines import follow_file, timeline
from sim import Simulation
from sim.applications import arrive, poisson, serve
from sim.timeline import Change, follow

if TYPE_CHECKING:
    from analysis.frames import Frames

PORT = 80
FAILING = "west - north"


@dataclass(frozen=True)
class Parameters:
    """The two ways, the failure, and how often the client calls."""

    short: int = duration("10 ms", "one-way delay of the short way, by the node north")
    long: int = duration("40 ms", "one-way delay of the long way, by the node south")
    fails: int = duration("2 s", "when the link west - north fails")
    repaired: int = duration("8 s", "when it works again")
    converge: int = duration("1 s", "how long after each the routes are as they should be")
    seen: int = count(
        "0", "1: the routers beside the failure see it at once; 0: nobody does", most=1
    )
    timeline: str = timeline("a CSV or JSON file of events to happen instead")
    connections: int = count("3000", "how many times the client connects", least=1)
    rate: float = frequency("300/s", "arrivals: a Poisson process of that rate")
    client_os: str = operating_system("linux", "operating system of the client")
    server_os: str = operating_system("linux", "operating system of the server")
    hold: int = duration("1 s", "how long a connection stays open")

    def __post_init__(self) -> None:
        """Raise ValueError for a repair before the failure."""
        if self.repaired <= self.fails:
            raise ValueError("the link must fail before it is repaired")


def build(sim: Simulation, p: Parameters) -> None:
    """Build both ways, the hosts at their ends, and the failure."""
    for name in ("west", "north", "south", "east"):
        sim.add_router(name)
    for middle, delay in (("north", p.short), ("south", p.long)):
        sim.add_link("west", middle, delay // 2)
        sim.add_link(middle, "east", delay - delay // 2)
    client = sim.add_host("client", os=p.client_os, at="west")
    server = sim.add_host("server", os=p.server_os, at="east")
    serve(server, PORT, 4096)
    times = poisson(sim.streams.generator("arrivals"), p.rate, p.connections)
    arrive(sim, [client], (server.address, PORT), times.tolist(), p.hold)
    if p.timeline != NONE:
        follow_file(sim, p.timeline)
        return
    follow(sim, failure(p))
    found = min(p.fails + p.converge, p.repaired)
    sim.marks += [
        ("until routes lead around the failure", p.fails, found),
        ("while they take the long way", found, p.repaired + p.converge),
    ]


def failure(p: Parameters) -> list[Change]:
    """Return the events of the failure and of the repair."""
    if p.seen:
        return [
            Change(p.fails, "link down", FAILING, converge=p.converge),
            Change(p.repaired, "link up", FAILING, converge=p.converge),
        ]
    return [
        Change(p.fails, "loss", FAILING, 1.0),
        Change(min(p.fails + p.converge, p.repaired), "link down", FAILING, converge=0),
        Change(p.repaired, "loss", FAILING, 0.0),
        Change(p.repaired, "link up", FAILING, converge=p.converge),
    ]


def report(frames: Frames, _: Parameters) -> str:
    """Say what became of connects before, during and after the failure."""
    from analysis import breakdown  # noqa: PLC0415

    return breakdown.by_period(frames)


if __name__ == "__main__":
    from scenarios.script import main

    main()
