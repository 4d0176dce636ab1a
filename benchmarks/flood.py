"""How much memory a SYN flood takes: `python -m benchmarks.flood`.

Spoofed SYNs, 100,000 a second of simulated time, against a server that answers with SYN cookies,
always or when its queue of 128 is full.  Each row is a fresh process; the memory must not grow
with the flood.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time

RATE = 100_000.0


def simulate(size: int, syncookies: int) -> dict[str, float]:
    """Run one case; returns seconds, cookies sent and the peak memory of this process in bytes."""
    from sim import Simulation
    from sim.applications import flood, serve
    from sim.units import MS

    sim = Simulation(seed=1)
    server = sim.add_host("server", sysctls={"net.ipv4.tcp_syncookies": syncookies})
    attacker = sim.add_host("attacker")
    sim.add_link("attacker", "server", 20 * MS)
    serve(server, 80, backlog=128)
    rng = sim.streams.generator("flood")
    sim.process(flood(attacker, (server.address, 80), rng, RATE, size, start=0))
    start = time.perf_counter()
    sim.run()
    return {
        "seconds": time.perf_counter() - start,
        "cookies": server.tcp.counters["TcpExtSyncookiesSent"],
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--case", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(simulate(*arguments.case)))
        return
    print("spoofed SYNs  syncookies    cookies  SYNs/s  peak MB")
    for size in arguments.sizes:
        for syncookies in (1, 2):
            command = [sys.executable, "-m", "benchmarks.flood", "--case", f"{size}"]
            done = subprocess.run([*command, f"{syncookies}"], check=True, capture_output=True)
            row = json.loads(done.stdout)
            print(
                f"{size:12,} {syncookies:11} {row['cookies']:10,}"
                f" {size / row['seconds']:7,.0f} {row['bytes'] / 1e6:8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
