"""Does it matter to connect() whether losses come singly or in bursts, if their share is the same?

Two clients call one server, each over a link of its own, one call after the other.  One link loses
packets independently, the other in bursts (a Gilbert model).  Bursts are counted in packets, as
`tc netem` does: on a link that carries little else a burst outlasts several SYNs of one connect().
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarios.parameters import count, duration, operating_system, probability
from sim import Simulation
from sim.applications import serve
from sim.host import Host
from sim.net.models import NO_LIMIT, GilbertElliott, Netem

if TYPE_CHECKING:
    from simpy.events import Event

    from analysis.frames import Frames

PORT = 80


@dataclass(frozen=True)
class Parameters:
    """Two links that lose the same share of packets."""

    delay: int = duration("20 ms", "one-way delay of the links")
    loss: float = probability("5%", "share of packets that each link loses, each way")
    burst: int = count("8", "mean length of a burst, in packets", least=1, most=10_000)
    connections: int = count("3000", "how many times each client calls", least=1)
    client_os: str = operating_system("linux", "operating system of the clients")
    server_os: str = operating_system("linux", "operating system of the server")

    def __post_init__(self) -> None:
        """Raise ValueError for bursts that cannot come often enough."""
        if self.loss * (self.burst + 1) > self.burst:
            raise ValueError("so much loss needs longer bursts")

    @property
    def calls(self) -> int:
        """How many times connect() is called."""
        return 2 * self.connections


def build(sim: Simulation, p: Parameters) -> None:
    """Build the server, the two clients and their links."""
    server = sim.add_host("server", os=p.server_os)
    serve(server, PORT, 4096)
    end = 1 / p.burst
    begin = p.loss * end / (1 - p.loss)
    bursts = Netem(loss=GilbertElliott(begin, end), limit=NO_LIMIT)
    for name, loss, netem in (("random", p.loss, None), ("bursts", 0.0, bursts)):
        client = sim.add_host(name, os=p.client_os)
        sim.add_link(name, "server", p.delay, loss, netem=netem)
        sim.process(one_after_another(client, (server.address, PORT), p.connections))


def one_after_another(
    host: Host, address: tuple[str, int], calls: int
) -> Generator[Event, Any, None]:
    """Connect and close, so many times."""
    for _ in range(calls):
        socket = host.socket()
        try:
            yield socket.connect(address)
        except OSError:
            continue
        socket.close()


def report(frames: Frames, _: Parameters) -> str:
    """Say what each kind of loss did."""
    from analysis import breakdown  # noqa: PLC0415

    return breakdown.by(frames, "client", "losses")


if __name__ == "__main__":
    from scenarios.script import main

    main()
