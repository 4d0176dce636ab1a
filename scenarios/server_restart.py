"""How long does it take until all clients of a server that restarts are connected again?

Clients are connected to a server.  Its process ends, which closes their connections, or its host
loses power, which tells them nothing; some time later it serves again.  Each client connects again
as soon as it notices, or after a random wait (jitter).
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarios.parameters import MOST, count, duration, frequency, knob
from scenarios.pressure import listening_sysctls
from sim import Simulation
from sim.applications import Server, stay_connected
from sim.units import MS, S

if TYPE_CHECKING:
    from simpy.events import Event

    from analysis.frames import Frames

PORT = 80
COMING = 5 * S
"""At first the clients come within so long, or longer if the server cannot accept them so fast."""
LOAD = 0.8
"""They then ask it for so much of what it can accept, which keeps its queues short."""
SETTLING = 5 * S
"""How long after that the server restarts."""
LASTING = 60 * S
"""How long the clients keep pinging once the server is back."""
SAMPLES = 20 * MS, 100 * MS
"""The queues are sampled so often at least and at most: the more clients, the longer a look."""


@dataclass(frozen=True)
class Parameters:
    """The crowd, the server, and how it restarts."""

    clients: int = count("1000", "clients, each a host of its own", least=1, most=100_000)
    jitter: int = duration("0 s", "each client waits up to so long before it connects again")
    retry: int = duration("1 s", "how long a client waits after a connect() that failed")
    power_cut: int = count("0", "1: the host loses power, 0: only the process restarts", most=1)
    downtime: int = duration("0.5 s", "how long nobody listens")
    ping: int | None = duration("15 s", "how often a client sends a byte", never=True)
    backlog: int = count("128", "backlog that the server passes to listen()", least=-MOST)
    accept_rate: float = frequency("1000/s", "how often a worker accepts; 0: at once", zero=True)
    workers: int = count("1", "workers that accept", least=1, most=1000)
    syncookies: int = count("1", "net.ipv4.tcp_syncookies: 0 never, 1 in need, 2 always", most=2)
    somaxconn: int | None = knob("net.core.somaxconn: the longest backlog that listen() can have")
    max_syn_backlog: int | None = knob(
        "net.ipv4.tcp_max_syn_backlog: its last quarter is kept for proven peers without cookies"
    )
    delay: int = duration("20 ms", "one-way delay between a client and the server")


def build(sim: Simulation, p: Parameters) -> None:
    """Build the server, its clients around a router, and let the server restart."""
    sysctls = listening_sysctls(
        sim,
        "linux",
        syncookies=p.syncookies,
        somaxconn=p.somaxconn,
        max_syn_backlog=p.max_syn_backlog,
    )
    host = sim.add_host("server", sysctls=sysctls)
    sim.add_router("router")
    sim.add_link("router", "server", delay=p.delay // 2)
    server = Server(host, PORT, p.backlog, p.accept_rate, p.workers)
    server.start()
    rng = sim.streams.generator("clients")
    coming = max(COMING, math.ceil(p.clients * S / accepts(p) / LOAD))
    settled = coming + SETTLING
    starts = rng.integers(0, coming, p.clients).tolist()
    waits = (rng.random(p.clients) * p.jitter).astype(int).tolist()
    address = host.address, PORT
    ping = None if p.ping is None else (p.ping, settled + p.downtime + LASTING)
    for number, (start, wait) in enumerate(zip(starts, waits, strict=True), 1):
        client = sim.add_host(f"client{number}", at="router", delay=p.delay - p.delay // 2)
        sim.process(stay_connected(client, address, start, wait, p.retry, ping))
    sim.process(restart(server, settled, p))
    sim.marks.append(("outage", settled, settled + p.downtime))
    often, seldom = SAMPLES
    sim.sample_queues(min(often * max(p.clients // 1000, 1), seldom))


def accepts(p: Parameters) -> float:
    """Return how many connections a second the server accepts at most."""
    return p.accept_rate * p.workers or math.inf


def restart(server: Server, at: int, p: Parameters) -> Generator[Event, Any, None]:
    """End the server at a time (ns), and start it again after the downtime."""
    env = server.host.env
    yield env.timeout(at)
    if p.power_cut:
        server.power_cut(p.downtime)
    else:
        server.stop()
    yield env.timeout(p.downtime)
    server.start()


def report(frames: Frames, p: Parameters) -> str:
    """Say when the crowd was back, what it cost, and what would have helped."""
    from analysis import pressure, sizing  # noqa: PLC0415

    rate = accepts(p)
    needed = sizing.backlog(frames, rtt_s=2 * p.delay / S, rate=rate)
    suggestions = sizing.queues_advice(frames, "server", needed, p.syncookies)
    counters = pressure.counters_of(frames, "server")
    spread = sizing.jitter(p.clients, rate, frames.recipe["listeners"][0]["backlog"])
    if "TcpExtListenDrops" in counters and p.jitter / S < spread < math.inf:
        when = f"within {p.jitter / S:g} s" if p.jitter else "at once"
        suggestions.append(
            f"{p.clients:,} clients come back {when}, and the server accepts {rate:g} a second:"
            f" with a jitter of {spread:.3g} s the backlog of now would be enough."
        )
    late = sizing.let_in_late(frames, rate)
    if late and p.syncookies:
        suggestions.append(
            f"{late:,} clients were connected and not let in before they sent something: their"
            " final ACK found the accept queue full, and a SYN cookie keeps nothing that could"
            " remind them. Without cookies they would have repeated their SYN."
        )
    if p.power_cut:
        suggestions.append(
            "A host that loses power tells nobody: a client notices when it sends. Shorter pings"
            f" (now: {'never' if p.ping is None else f'{p.ping / S:g} s'}) notice sooner."
        )
    back = pressure.reconnected(frames)
    return f"{back}\n\n{pressure.text(frames, 'server', suggestions)}"


if __name__ == "__main__":
    from scenarios.script import main

    main()
