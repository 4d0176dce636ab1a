"""What does a SYN flood do to the honest clients of a server, and do SYN cookies help?

An attacker sends SYNs from addresses that nobody has; the requests that they leave fill the SYN
queue.  Meanwhile honest clients call at a steady rate.  It is the twin of the measurement E6 on a
Linux kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenarios.parameters import MOST, count, duration, frequency, knob, operating_system
from scenarios.pressure import listening_sysctls
from sim import Simulation
from sim.applications import arrive, flood, serve
from sim.units import MS, S

if TYPE_CHECKING:
    from analysis.frames import Frames

PORT = 80
SAMPLES = 50 * MS


@dataclass(frozen=True)
class Parameters:
    """The flood, the server, and its honest clients."""

    flood_rate: float = frequency("500/s", "SYNs that the attacker sends")
    flood_size: int = count("2000", "how many of them in all")
    flood_start: int = duration("2 s", "when the flood begins")
    backlog: int = count("128", "backlog that the server passes to listen()", least=-MOST)
    syncookies: int = count("1", "net.ipv4.tcp_syncookies: 0 never, 1 in need, 2 always", most=2)
    somaxconn: int | None = knob("net.core.somaxconn: the longest backlog that listen() can have")
    max_syn_backlog: int | None = knob(
        "net.ipv4.tcp_max_syn_backlog: its last quarter is kept for proven peers without cookies"
    )
    connections: int = count("300", "how many times honest clients connect", least=1)
    rate: float = frequency("20/s", "how often they do, one after the other")
    honest_start: int = duration("0 s", "when the first of them does")
    hold: int = duration("4 s", "how long they stay")
    delay: int = duration("20 ms", "one-way delay of the links")
    client_os: str = operating_system("linux", "operating system of the honest clients")
    server_os: str = operating_system("linux", "operating system of the server")


def build(sim: Simulation, p: Parameters) -> None:
    """Build the three hosts and what runs on them."""
    client = sim.add_host("client", os=p.client_os)
    attacker = sim.add_host("attacker")
    sysctls = listening_sysctls(
        sim,
        p.server_os,
        syncookies=p.syncookies,
        somaxconn=p.somaxconn,
        max_syn_backlog=p.max_syn_backlog,
    )
    server = sim.add_host("server", os=p.server_os, sysctls=sysctls)
    for name in ("client", "attacker"):
        sim.add_link(name, "server", delay=p.delay)
    serve(server, PORT, p.backlog)
    address = server.address, PORT
    if p.flood_size:
        rng = sim.streams.generator("flood")
        sim.process(flood(attacker, address, rng, p.flood_rate, p.flood_size, p.flood_start))
        end = p.flood_start + round(p.flood_size * S / p.flood_rate)
        sim.marks.append(("flood", p.flood_start, end))
    calls = (p.honest_start + round(number * S / p.rate) for number in range(p.connections))
    arrive(sim, [client], address, calls, p.hold)
    sim.sample_queues(SAMPLES)


def report(frames: Frames, p: Parameters) -> str:
    """Say who got in before, during and after the flood, and what would have helped."""
    from analysis import pressure, sizing  # noqa: PLC0415

    periods = pressure.by_period(frames)
    suggestions = sizing.flood_advice(frames, "server", p.flood_size, p.flood_rate)
    suggestions += sizing.clients_advice(frames, "server")
    return f"{periods}\n\n{pressure.text(frames, 'server', suggestions)}"


if __name__ == "__main__":
    from scenarios.script import main

    main()
