"""How connectsim compares: `python -m benchmarks.peers`.

Each row is one work, done by connectsim and by a peer in turn, a process each; medians are shown.
Times are CPU seconds of the run alone, without building, so that a busy machine counts little;
those of the command line are wall time.  The peers are installed into a folder of their own
(--peers), or skipped by name where they cannot be had.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.peers import nspy
from benchmarks.peers.ns3 import MissingError, build, install

NSPY = "ns.py==0.4.3"
PACKETS = 25_000
HANDSHAKES = 10_000


class Figures(NamedTuple):
    """One process: how much a second, its peak memory, and what else it told."""

    rate: float
    bytes: float
    told: dict[str, float]


Measure = Callable[[], Figures]


class Row(NamedTuple):
    """A work, what the figures count, ours, the peer's, and the ratio that is aimed at."""

    work: str
    unit: str
    ours: Measure
    peer: str
    theirs: Measure
    least: float


def measure(*command: str) -> tuple[str, float]:
    """Run a command; return what it printed and its peak memory in bytes."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return printed, usage.ru_maxrss * 1024


def ours(*work: object) -> Figures:
    """Measure connectsim at a work of `benchmarks.peers.ours`."""
    command = [sys.executable, "-m", "benchmarks.peers.ours", *map(str, work)]
    printed, memory = measure(*command)
    told = json.loads(printed)
    return Figures(told["done"] / told["seconds"], memory, told)


def ns3(program: Path, connections: int, servers: int, routers: int) -> Figures:
    """Measure ns-3 at handshakes of 100 client hosts, loss 1 %."""
    arguments = (connections, 100, servers, routers, 0.01)
    printed, memory = measure(str(program), *map(str, arguments))
    established, seconds = printed.split()
    if int(established) != connections:
        raise SystemExit(f"ns-3 established {established} of {connections}")
    return Figures(connections / float(seconds), memory, {})


def ns_py(folder: Path) -> Figures:
    """Measure ns.py at packets over a chain."""
    printed, memory = measure(sys.executable, nspy.__file__, str(folder), str(PACKETS))
    hops, seconds = printed.split()
    return Figures(int(hops) / float(seconds), memory, {})


def against_ns3(folder: Path) -> list[Row]:
    """Return the rows whose peer is ns-3."""
    program = build(folder)

    def row(connections: int, mine: int, theirs: int, routers: int, least: float) -> Row:
        return Row(
            f"{connections:,} connects, {routers} routers, {plural(mine)}",
            "handshakes/s",
            lambda: ours("handshakes", connections, mine, routers, 0.01),
            f"ns-3, {plural(theirs)}",
            lambda: ns3(program, connections, theirs, routers),
            least,
        )

    return [
        row(HANDSHAKES, 100, 100, 0, 5),
        row(HANDSHAKES, 100, 100, 3, 5),
        row(HANDSHAKES, 1, 1, 0, 40),
        row(HANDSHAKES, 1, 1, 3, 40),
        row(100_000, 1, 400, 3, 10),
    ]


def plural(servers: int) -> str:
    """Return how many servers, in words."""
    return f"{servers} server" + "s" * (servers > 1)


def against_nspy(folder: Path) -> list[Row]:
    """Return the row whose peer is ns.py."""
    where = install(NSPY, folder / "nspy")
    work = f"{PACKETS:,} packets, {nspy.LINKS} links with queues"
    return [
        Row(
            *(work, "packet-hops/s", lambda: ours("chain", PACKETS)),
            *("ns.py", lambda: ns_py(where), 6),
        )
    ]


def against_floor() -> list[Row]:
    """Return the rows that hold a whole simulation against bare events on a heap."""

    def row(routers: int) -> Row:
        made: list[Figures] = []

        def whole() -> Figures:
            made.append(ours("handshakes", HANDSHAKES, 1, routers, 0.01))
            return made[-1]._replace(rate=made[-1].told["events"] / made[-1].told["seconds"])

        def floor() -> Figures:
            told = made[-1].told
            return ours("floor", int(told["events"]), int(told["pending"]))

        work = f"{HANDSHAKES:,} connects, {routers} routers"
        return Row(work, "events/s", whole, "bare heapq", floor, 1 / 4)

    return [row(0), row(3)]


def against_ourselves() -> list[Row]:
    """Return the row that holds a million open connections against ten thousand."""
    many, few = (lambda n=n: ours("handshakes", n, 1, 0, 0.01) for n in (1_000_000, HANDSHAKES))
    return [
        Row(
            *("1,000,000 connects, all open", "handshakes/s", many),
            *(f"{HANDSHAKES:,} connects", few, 1 / 1.5),
        )
    ]


def show(row: Row, runs: int) -> None:
    """Measure a row, in turn, and print it."""
    pairs = [(row.ours(), row.theirs()) for _ in range(runs)]
    mine, other = ([pair[side] for pair in pairs] for side in (0, 1))
    rates = [statistics.median(each.rate for each in side) for side in (mine, other)]
    memory = [statistics.median(each.bytes for each in side) / 1e6 for side in (mine, other)]
    ratio = statistics.median(a.rate / b.rate for a, b in pairs)
    print(
        f"{row.work:40} {row.unit:13} {rates[0]:10,.0f} {memory[0]:6,.0f}"
        f"   {row.peer:17} {rates[1]:10,.0f} {memory[1]:6,.0f} {ratio:7.2f} {row.least:7.2f}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="runs of each; medians are shown")
    parser.add_argument("--peers", type=Path, default=Path("build/peers"), help="their folder")
    parser.add_argument("--only", default="", help="rows whose peer's name contains this")
    arguments = parser.parse_args()
    arguments.peers.mkdir(parents=True, exist_ok=True)
    print(
        f"{'work':40} {'':13} {'connectsim':>10} {'MB':>6}   {'peer':17} {'':>10} {'MB':>6}"
        f" {'ratio':>7} {'aim':>7}"
    )
    groups: dict[str, Callable[[], list[Row]]] = {
        "ns-3": lambda: against_ns3(arguments.peers.resolve()),
        "ns.py": lambda: against_nspy(arguments.peers.resolve()),
        "bare heapq": against_floor,
        "itself": against_ourselves,
    }
    for name, rows in groups.items():
        if arguments.only not in name:
            continue
        try:
            for row in rows():
                show(row, arguments.runs)
        except MissingError as missing:
            print(f"skipped {name}: {missing}")
    if arguments.only in "start-up":
        for words in (["--help"], ["list"]):
            taken = ours("start", *words).told["seconds"]
            print(f"connectsim {' '.join(words):29} {'seconds':13} {taken:10.2f}   (aim: 0.30)")


if __name__ == "__main__":
    main()
