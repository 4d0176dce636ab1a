"""How well sweeps use their workers: `python -m benchmarks.sweeps`.

Runs a sweep of `two_hosts` whose runs take about a second with one worker process and with two, and
a sweep of runs of one connection each, whose time is all overhead.  Wall times are of whole
commands, less that of a sweep of one run a worker, which is what starting up takes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def seconds(runs: int, connections: int, workers: int) -> float:
    """Return how long a sweep of so many runs takes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "scenarios", "sweep", "two_hosts"),
            *("--set", f"connections={connections}", "--set", "rate=3000"),
            *("--repeat", str(runs), "--workers", str(workers), "--out", str(Path(folder, "out"))),
        ]
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - start


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=16, help="runs of the long sweep")
    parser.add_argument("--connections", type=int, default=25_000, help="connections of its runs")
    arguments = parser.parse_args()
    rates = {}
    print("workers  s a run  runs/s")
    for workers in (1, 2):
        startup = seconds(workers, 1, workers)
        took = seconds(arguments.runs, arguments.connections, workers) - startup
        rates[workers] = arguments.runs / took
        print(f"{workers:7} {workers / rates[workers]:8.3f} {rates[workers]:7.3f}", flush=True)
    print(f"2 workers do {rates[2] / rates[1]:.2f} times the runs of one")
    short = 400
    overhead = (seconds(short, 1, 1) - seconds(1, 1, 1)) / short
    print(f"overhead of a run: {1000 * overhead:.1f} ms")


if __name__ == "__main__":
    main()
