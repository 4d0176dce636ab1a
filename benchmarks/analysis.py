"""How long it takes to load and summarise many connections: `python -m benchmarks.analysis`.

The run is one of two_hosts at 5 % loss, repeated until there are 10,000,000 connections, each copy
later than the one before.  Each row of the table is a fresh process; its time includes that to
import pandas.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

SIMULATED: Final = 20_000
"""Connections of the run that is repeated."""

TIMES: Final = ("started_s", "finished_s", "accepted_s", "answered_s")
"""Columns that say when something happened."""


def make(folder: Path, connections: int) -> None:
    """Write the folder of a run of that many connections, or a few more."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from scenarios.catalogue import load
    from scenarios.parameters import parse
    from scenarios.runner import Run, run_to_folder

    scenario = load("two_hosts")
    settings = {"connections": str(SIMULATED), "loss": "5%", "rate": "1000/s"}
    run_to_folder(Run(scenario, parse(scenario.parameters, settings), seed=1), folder)
    file, whole = folder / "connections.parquet", folder / "all.parquet"
    table = pq.read_table(file)
    length = pc.max(table["finished_s"]).as_py()
    with pq.ParquetWriter(whole, table.schema, compression="zstd") as writer:
        for copy in range(-(-connections // SIMULATED)):
            numbers = pa.array(range(copy * SIMULATED, (copy + 1) * SIMULATED), pa.int64())
            later = table.set_column(0, "connection", numbers)
            for name in TIMES:
                place = later.schema.get_field_index(name)
                later = later.set_column(place, name, pc.add(table[name], copy * length))
            writer.write_table(later)
    whole.replace(file)


def summarise(folder: Path) -> int:
    """Do what `connectsim summary` does; returns nothing that matters."""
    import analysis

    return len(analysis.summarise(folder))


def load_all(folder: Path) -> int:
    """Load all columns and summarise them."""
    import analysis
    from analysis import summary

    return len(summary.summarise(analysis.load(folder).connections))


CASES: Final = {
    "connectsim summary": summarise,
    "load all columns, and summarise": load_all,
}


def measure(case: str, folder: Path) -> dict[str, float]:
    """Run one case; returns its seconds, those of processors, and its peak memory in bytes."""
    start = time.perf_counter()
    CASES[case](folder)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": time.perf_counter() - start,
        "processor": time.process_time(),
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=10_000_000)
    parser.add_argument("--case", nargs=2, help=argparse.SUPPRESS)
    arguments: Any = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure(arguments.case[0], Path(arguments.case[1]))))
        return
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "run"
        make(folder, arguments.connections)
        size = (folder / "connections.parquet").stat().st_size
        print(f"{arguments.connections:,} connections, {size / 1e6:,.0f} MB on disk")
        print(f"{'':34} seconds  of processors  peak GiB")
        for case in CASES:
            command = [sys.executable, "-m", "benchmarks.analysis", "--case", case, str(folder)]
            done = subprocess.run(command, check=True, capture_output=True)
            row = json.loads(done.stdout)
            print(
                f"{case:34} {row['seconds']:7.1f} {row['processor']:14.1f}"
                f" {row['bytes'] / 2**30:9.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
