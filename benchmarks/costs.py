"""How costs grow with the work: `python -m benchmarks.costs`.

Draws CPU time and peak memory against connections, hosts and routers into docs/images/costs.svg, a
process for each point: one server, loss 1 %, the full `linux` profile, every connection stays open.
Prints the figures, too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.handshakes import simulate

LOSS: Final = 0.01
PICTURE: Final = Path(__file__).parents[1] / "docs" / "images" / "costs.svg"


class Work(NamedTuple):
    """What is simulated."""

    connections: int = 20_000
    hosts: int = 100
    routers: int = 2


AXES: Final = {
    "connections": [1_000, 10_000, 100_000, 1_000_000],
    "hosts": [10, 100, 1_000, 10_000],
    "routers": [0, 1, 2, 5, 10],
}
"""What grows, the rest being as in `Work()`."""


def measure(work: Work, runs: int) -> tuple[float, float]:
    """Return the CPU microseconds a handshake and the peak MB, medians of fresh processes."""
    command = [sys.executable, "-m", "benchmarks.costs", "--case", *map(str, work)]
    rows = [
        json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        for _ in range(runs)
    ]
    cpu = statistics.median(row["cpu"] for row in rows) / work.connections * 1e6
    return cpu, statistics.median(row["bytes"] for row in rows) / 1e6


def draw(figures: dict[str, list[tuple[int, float, float]]]) -> None:
    """Draw the figures: time above, memory below, a column for each axis."""
    from matplotlib.figure import Figure

    from analysis.plots import style

    with style.context():
        figure = Figure(figsize=(9, 5), layout="constrained")
        panels = figure.subplots(2, len(figures), sharex="col", sharey="row")
        for column, (axis, points) in enumerate(figures.items()):
            at, *measured = zip(*points, strict=True)
            for panel, values, colour in zip(
                panels[:, column], measured, (style.BLUE, style.VERMILLION), strict=True
            ):
                panel.plot(at, values, marker="o", color=colour)
                panel.set_xscale("linear" if 0 in at else "log")
                if 0 in at:
                    panel.set_xticks(at)
            panels[1, column].set_xlabel(axis)
        panels[0, 0].set_ylim(bottom=0)
        panels[1, 0].set_yscale("log")
        panels[0, 0].set_ylabel("CPU per handshake (µs)")
        panels[1, 0].set_ylabel("peak memory (MB)")
        rest = ", ".join(f"{value:,} {axis}" for axis, value in Work()._asdict().items())
        figure.supxlabel(f"one server, loss 1 %; what does not grow: {rest}", fontsize=8)
        style.save(figure, PICTURE)


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs of each; medians are shown")
    parser.add_argument("--case", type=int, nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        work = Work(*arguments.case)
        print(json.dumps(simulate(work.connections, work.routers, LOSS, hosts=work.hosts)))
        return
    print(f"{'connections':>12}{'hosts':>8}{'routers':>8}{'us/handshake':>14}{'peak MB':>9}")
    figures: dict[str, list[tuple[int, float, float]]] = {axis: [] for axis in AXES}
    for axis, values in AXES.items():
        for value in values:
            work = Work()._replace(**{axis: value})
            time, memory = measure(work, arguments.runs)
            figures[axis].append((value, time, memory))
            print(
                f"{work.connections:12,}{work.hosts:8,}{work.routers:8}{time:14.1f}{memory:9,.0f}",
                flush=True,
            )
    draw(figures)


if __name__ == "__main__":
    main()
