"""How far a simulation is: a bar on a terminal, a plain line now and then elsewhere.

Both go to standard error, so that standard output holds the results alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sim import Simulation

BAR_INTERVAL = 0.1
LINE_INTERVAL = 5.0
"""Seconds between two reports."""

WIDE_TERMINAL, WIDE_BAR, NARROW_BAR = 100, 24, 6
"""Columns.  A terminal of 80 has room for the figures of 100,000 connections; more are wrapped."""

Report = Callable[["Simulation"], None]


@contextmanager
def reporting(total: int | None) -> Iterator[Report]:
    """Return what a simulation reports its progress to; `total` connections, if that is known."""
    if not sys.stderr.isatty():
        lines = _Throttle(LINE_INTERVAL)

        def line(simulation: Simulation) -> None:
            if lines.due():
                print(status(simulation, lines.elapsed, total), file=sys.stderr, flush=True)

        yield line
        return

    from rich.console import Console  # noqa: PLC0415 (it takes long to import)
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    console = Console(stderr=True)
    bar_width = WIDE_BAR if console.width >= WIDE_TERMINAL else NARROW_BAR
    wrapped = TextColumn("{task.description}", table_column=Column())
    columns = (BarColumn(bar_width), wrapped)
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task("setting up", total=total)
        redraws = _Throttle(BAR_INTERVAL)

        def redraw(simulation: Simulation) -> None:
            if redraws.due():
                text = status(simulation, redraws.elapsed, total)
                done = simulation.records.finished
                known = None if total is None or done > total else total
                bar.update(task, completed=done, total=known, description=text)
                bar.refresh()

        yield redraw


def status(simulation: Simulation, elapsed: float, total: int | None) -> str:
    """Return simulated time, connections done, events a second and the time left as text.

    `elapsed`: seconds of real time since the start.  A total that turns out to be too small is as
    if it were not known.
    """
    done = simulation.records.finished
    if total is not None and done > total:
        total = None
    parts = [
        f"{simulation.env.now / 1e9:,.1f} s simulated",
        f"{done:,} of {total:,} connections" if total else f"{done:,} connections",
        f"{simulation.env.events / max(elapsed, 1e-9):,.0f} events/s",
    ]
    if total and done:
        parts.append(f"{clock(elapsed * (total - done) / done)} left")
    return ", ".join(parts)


def clock(seconds: float) -> str:
    """Return a time left as people read it.

    >>> [clock(s) for s in (0.2, 59.6, 3599, 90_061)]
    ['0:00', '1:00', '59:59', '25:01:01']
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Throttle:
    """Says when the next report is due."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.start = self.last = time.monotonic()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.start

    def due(self) -> bool:
        now = time.monotonic()
        if now - self.last < self.interval:
            return False
        self.last = now
        return True
