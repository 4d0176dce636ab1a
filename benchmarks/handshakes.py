"""How fast handshakes are: `python -m benchmarks.handshakes`.

100 client hosts connect to one server, 10,000 connects a second of simulated time, 20 ms one way in
all, every connection stays open.  Each row is a fresh process; beside it, in the same process, runs
the unit of comparison: 100,000 bare SimPy `Timeout` events with a callback, at random times.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import resource
import statistics
import subprocess
import sys
import time

import simpy

CLIENTS = 100
RATE = 10_000.0
HALF_RTT = 20_000_000
BARE_EVENTS = 100_000
ROOM = {"net.core.somaxconn": 1 << 20, "net.ipv4.tcp_mem": "4194304 4194304 4194304"}
"""Sysctls of a server with a long accept queue, and buffer memory for two million connections."""


def simulate(
    connections: int, routers: int, loss: float, servers: int = 1, hosts: int = CLIENTS
) -> dict[str, float]:
    """Run one case, with so many client `hosts`.

    Returns wall `seconds` of the run and CPU seconds of its thread (`cpu`), `events`, how many were
    `pending` at a time, and the peak memory of this process in `bytes`.
    """
    from sim import Simulation
    from sim.applications import arrive, poisson, serve

    sim = Simulation(seed=1)
    listening = [sim.add_host(f"server{number}", sysctls=ROOM) for number in range(servers)]
    clients = [sim.add_host(f"client{number}") for number in range(hosts)]
    delay = HALF_RTT // (routers + 1)
    share = 1 - (1 - loss) ** (1 / (routers + 1))
    chain = [f"router{number}" for number in range(routers)]
    for router in chain:
        sim.add_router(router)
    for a, b in itertools.pairwise(chain):
        sim.add_link(a, b, delay, share)
    for number, client in enumerate(clients):
        first = chain[0] if chain else listening[number % servers].name
        sim.add_link(client.name, first, delay, share)
    for server in listening:
        if chain:
            sim.add_link(chain[-1], server.name, delay, share)
        serve(server, 80, backlog=1 << 20)
    times = poisson(sim.streams.generator("arrivals"), RATE, connections)
    for number, server in enumerate(listening):
        own = map(int, times[number::servers])
        address = server.address, 80
        arrive(sim, clients[number::servers], address, own, hold=math.inf)
    pending: list[int] = []
    start = time.perf_counter(), time.thread_time()
    sim.run(progress=lambda sim: pending.append(sim.env.calendar.pending))
    seconds, cpu = time.perf_counter() - start[0], time.thread_time() - start[1]
    established = int((sim.records.columns()["outcome"].codes == 1).sum())  # type: ignore[union-attr]
    assert established == connections, f"{established} of {connections} connected"
    opened = sum(host.tcp.counters["TcpPassiveOpens"] for host in listening)
    assert opened == connections, f"{opened} of {connections} open at the servers"
    return {
        "seconds": seconds,
        "cpu": cpu,
        "events": sim.env.events,
        "pending": statistics.median(pending or [1]),
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def bare_simpy(events: int) -> float:
    """Return the seconds that so many bare SimPy timeouts with a callback take."""
    rng = random.Random(1)
    delays = [rng.random() for _ in range(events)]
    env = simpy.Environment()
    passed = 0

    def callback(_: simpy.Event) -> None:
        nonlocal passed
        passed += 1

    start = time.perf_counter()
    for delay in delays:
        env.timeout(delay).callbacks.append(callback)
    env.run()
    seconds = time.perf_counter() - start
    assert passed == events
    return seconds


def case(connections: int, routers: int, loss: float) -> dict[str, float]:
    """Measure one case in this process."""
    unit = statistics.median(bare_simpy(BARE_EVENTS) / BARE_EVENTS for _ in range(3))
    result = simulate(connections, routers, loss)
    result["unit"] = unit
    return result


def measure(connections: int, routers: int, loss: float, runs: int) -> list[dict[str, float]]:
    """Measure one case in fresh processes."""
    command = [sys.executable, "-m", "benchmarks.handshakes", "--case"]
    command += [str(connections), str(routers), str(loss)]
    return [
        json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        for _ in range(runs)
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each case; medians are shown")
    parser.add_argument("--connections", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        connections, routers, loss = arguments.case
        print(json.dumps(case(int(connections), int(routers), float(loss))))
        return
    print("connections routers  loss  handshakes/s   events/s  peak MB  SimPy events/s  cost")
    for connections in arguments.connections:
        for routers in (0, 3):
            for loss in (0.0, 0.01):
                rows = measure(connections, routers, loss, arguments.runs)
                median = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
                cost = statistics.median(row["seconds"] / connections / row["unit"] for row in rows)
                print(
                    f"{connections:11,} {routers:7} {loss:5.0%}"
                    f" {connections / median['seconds']:13,.0f}"
                    f" {median['events'] / median['seconds']:10,.0f}"
                    f" {median['bytes'] / 1e6:8.0f} {1 / median['unit']:15,.0f} {cost:5.1f}",
                    flush=True,
                )
    print("cost: bare SimPy events (Timeout with callback) that one handshake takes")


if __name__ == "__main__":
    main()
