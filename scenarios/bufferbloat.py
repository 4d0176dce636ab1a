"""How long does a handshake take behind a full queue, and what does CoDel change?

Two clients call a server, each over a bottleneck of its own that other traffic overloads a little.
In front of one stands a long queue that drops its tail, in front of the other CoDel (RFC 8289).
That traffic does not slow down when it meets losses, as that of real senders would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarios.parameters import bitrate, count, duration, frequency, operating_system
from sim import Simulation
from sim.applications import arrive, serve
from sim.applications import poisson as arrival_times
from sim.net.background import poisson
from sim.net.queues import CoDel, DropTail
from sim.units import S

if TYPE_CHECKING:
    from analysis.frames import Frames

PORT = 80
QUEUES = ("drop-tail", "CoDel")


@dataclass(frozen=True)
class Parameters:
    """The bottleneck, what fills it, and how often the clients call."""

    bandwidth: int = bitrate("10 Mbit/s", "bit rate of the bottleneck, each way")
    packets: int = count("1000", "packets that each queue holds", least=1)
    load: int = count("105", "other traffic towards the server, percent of the bit rate", most=1000)
    delay: int = duration("20 ms", "one-way delay without a queue")
    connections: int = count("1000", "how many times each client calls", least=1)
    rate: float = frequency("20/s", "calls of each client: a Poisson process of that rate")
    client_os: str = operating_system("linux", "operating system of the clients")
    server_os: str = operating_system("linux", "operating system of the server")
    hold: int = duration("1 s", "how long a connection stays open")

    @property
    def calls(self) -> int:
        """How many times connect() is called."""
        return len(QUEUES) * self.connections


def build(sim: Simulation, p: Parameters) -> None:
    """Build the server, and for each queue a client and the bottleneck before it."""
    server = sim.add_host("server", os=p.server_os)
    serve(server, PORT, 4096)
    makers = {
        "drop-tail": lambda _: DropTail(packets=p.packets),
        "CoDel": lambda _: CoDel(packets=p.packets),
    }
    for name in QUEUES:
        client = sim.add_host(name, os=p.client_os)
        sim.add_link(name, "server", p.delay, bitrate=p.bandwidth, queue=makers[name])
        times = arrival_times(sim.streams.generator("arrivals"), p.rate, p.connections)
        arrive(sim, [client], (server.address, PORT), times.tolist(), p.hold)
        if p.load:
            link: Any = sim.network.link(name, "server")
            until = int(times[-1]) + 2 * S
            source = sim.streams.generator("other traffic")
            offered = p.bandwidth * p.load / 100
            sim.process(poisson(sim.env, link.send, source, offered, until=until))


def report(frames: Frames, _: Parameters) -> str:
    """Say what each queue did to the handshakes."""
    from analysis import breakdown  # noqa: PLC0415

    return breakdown.by(frames, "client", "queue")


if __name__ == "__main__":
    from scenarios.script import main

    main()
