"""What became of connect() calls, read from a simulation's records."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable
from typing import Any, NamedTuple

from simpy.events import Event

from sim import Simulation
from sim.host import Host

Call = Generator[Event, Any, None]


class Outcome(NamedTuple):
    """One connect()."""

    result: str
    """OK, PENDING, or the name of the errno."""
    latency_ms: float
    syns: int
    server: str


def call(host: Host, address: str, at: int = 0, port: int = 80) -> Call:
    """Connect at a time (ns), and keep the connection."""
    yield host.env.timeout(at)
    try:
        yield host.socket().connect((address, port))
    except OSError:
        return


def outcomes(sim: Simulation, calls: Iterable[Call], until: int | None = None) -> list[Outcome]:
    """Run the calls to their ends, or until a time (ns); return what became of each connect()."""
    for one in calls:
        sim.process(one)
    sim.run(until)
    columns: Any = sim.records.columns()
    found = []
    for row in range(sim.records.started):
        error, latency = columns["errno"].codes[row], columns["latency_s"][row]
        result = "PENDING" if math.isnan(latency) else "OK"
        if error >= 0:
            result = columns["errno"].categories[error]
        server = columns["server"].codes[row]
        name = columns["server"].categories[server] if server >= 0 else ""
        syns = int(columns["syn_sent"][row])
        found.append(Outcome(result, round(latency * 1000, 6), syns, name))
    return found
