"""What becomes of connect() when more clients call at once than a listener has room for?

A burst of clients calls a server that accepts slowly or never.  Requests wait in the SYN queue,
connections in the accept queue, and what fits in neither is dropped, reset or put off with a
cookie.  It is the twin of the measurement E5 on a Linux kernel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenarios.parameters import MOST, count, duration, frequency, knob, operating_system
from scenarios.pressure import listening_sysctls
from sim import Simulation
from sim.applications import Server, call
from sim.bulk import connect_hold_close
from sim.units import MS, S

if TYPE_CHECKING:
    from analysis.frames import Frames

PORT = 80
REQUEST = b"GET / HTTP/1.0\r\n\r\n"
SAMPLES = 20 * MS


@dataclass(frozen=True)
class Parameters:
    """The listener, and the burst that calls it."""

    backlog: int = count("16", "backlog that the server passes to listen()", least=-MOST)
    burst: int = count("64", "clients that call at the same moment", least=1)
    accept_rate: float = frequency("10/s", "how often each worker accepts; 0: never", zero=True)
    workers: int = count("1", "workers that accept", least=1, most=1000)
    reuse_port: int = count("0", "1: each worker has a listening socket (SO_REUSEPORT)", most=1)
    syncookies: int = count("1", "net.ipv4.tcp_syncookies: 0 never, 1 in need, 2 always", most=2)
    abort_on_overflow: int | None = knob(
        "net.ipv4.tcp_abort_on_overflow: 1 answers a final ACK that finds no room with a RST",
        most=1,
    )
    somaxconn: int | None = knob("net.core.somaxconn: the longest backlog that listen() can have")
    max_syn_backlog: int | None = knob(
        "net.ipv4.tcp_max_syn_backlog: its last quarter is kept for proven peers without cookies"
    )
    client_sends_after: int | None = duration(
        "never", "how long after connect() a client sends its request", never=True
    )
    delay: int = duration("20 ms", "one-way delay of the link")
    client_os: str = operating_system("linux", "operating system of the clients")
    server_os: str = operating_system("linux", "operating system of the server")


def build(sim: Simulation, p: Parameters) -> None:
    """Build the two hosts, let the server listen and the clients call."""
    client = sim.add_host("client", os=p.client_os)
    sysctls = listening_sysctls(
        sim,
        p.server_os,
        syncookies=p.syncookies,
        abort_on_overflow=p.abort_on_overflow,
        somaxconn=p.somaxconn,
        max_syn_backlog=p.max_syn_backlog,
    )
    host = sim.add_host("server", os=p.server_os, sysctls=sysctls)
    sim.add_link("client", "server", delay=p.delay)
    workers = p.workers if p.accept_rate else 0
    Server(host, PORT, p.backlog, p.accept_rate, workers, bool(p.reuse_port)).start()
    for _ in range(p.burst):
        if p.client_sends_after is None:
            connect_hold_close(client, (host.address, PORT), math.inf)
        else:
            sim.process(call(client, (host.address, PORT), REQUEST, p.client_sends_after))
    sim.sample_queues(SAMPLES)


def report(frames: Frames, p: Parameters) -> str:
    """Say who got in, how late, what the server counted, and what would have helped."""
    from analysis import pressure, sizing  # noqa: PLC0415

    needed = sizing.backlog(frames, rtt_s=2 * p.delay / S, rate=p.accept_rate * p.workers)
    suggestions = sizing.queues_advice(frames, "server", needed, p.syncookies)
    suggestions += sizing.clients_advice(frames, "server")
    return pressure.text(frames, "server", suggestions)


if __name__ == "__main__":
    from scenarios.script import main

    main()
