"""Makes small traced runs for tests: one client, one server, 20 ms apart."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from simpy.events import Event

from scenarios.store import open_results
from scenarios.traces import TraceFiles
from sim.tapped import TracedSimulation, TracedSocket
from sim.units import MS, S


def write(
    folder: Path,
    *,
    loss: float = 0.0,
    port: int = 80,
    connections: int = 1,
    seed: int = 1,
    version: int = 4,
    **link: Any,
) -> Path:
    """Let clients connect 3 ms apart, stay a second and close; write the run's folder.

    `link` is what else is asked of the link, say `netem`.
    """
    return record(
        folder,
        lambda sim: exchange(sim, loss, port, connections, version, **link),
        {"loss": loss},
        seed=seed,
    )


def record(
    folder: Path,
    build: Callable[[TracedSimulation], None],
    parameters: dict[str, Any] | None = None,
    *,
    seed: int = 1,
) -> Path:
    """Build a simulation, run it to its end and write the run's folder."""
    with open_results(folder) as results:
        with TraceFiles(results.partial) as sink:
            sim = TracedSimulation(sink, seed)
            build(sim)
            sim.run()
        results.write_table("connections", sim.records.parts())
        results.write_recipe({"scenario": "traced", "parameters": parameters or {}, "seed": seed})
        results.publish()
    return folder


def exchange(
    sim: TracedSimulation,
    loss: float,
    port: int,
    connections: int,
    version: int = 4,
    **link: Any,
) -> None:
    client, server = (sim.add_host(name, versions=(version,)) for name in ("client", "server"))
    sim.add_link("client", "server", delay=20 * MS, loss=loss, **link)
    listening = server.socket()
    listening.bind(("", 80))
    listening.listen(128)

    def serve() -> Generator[Event, Any, None]:
        while True:
            accepted, _ = yield listening.accept()
            accepted.add_reader(TracedSocket.close)

    def call(start: int) -> Generator[Event, Any, None]:
        yield sim.env.timeout(start)
        socket = client.socket()
        try:
            yield socket.connect((server.address, port))
        except OSError:
            return
        yield sim.env.timeout(S)
        socket.close()

    sim.process(serve())
    for number in range(connections):
        sim.process(call(number * 3 * MS))
    sim.run()
