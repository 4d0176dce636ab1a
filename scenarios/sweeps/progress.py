"""How far a sweep is: runs done and failed, runs a second, the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scenarios.progress import BAR_INTERVAL, LINE_INTERVAL, clock

Report = Callable[[int, int, int], None]
"""Called with the runs that have ended, those that failed, and the total, all of this command."""


@contextmanager
def reporting() -> Iterator[Report]:
    """Return what the driver reports to: a bar on a terminal, a plain line now and then if not."""
    start = last = time.monotonic()

    def due(interval: float) -> bool:
        nonlocal last
        now = time.monotonic()
        if now - last < interval:
            return False
        last = now
        return True

    def line(ended: int, failed: int, total: int) -> None:
        if due(LINE_INTERVAL):
            elapsed = time.monotonic() - start
            print(status(ended, failed, total, elapsed), file=sys.stderr, flush=True)

    if not sys.stderr.isatty():
        yield line
        return

    from rich.console import Console  # noqa: PLC0415 (it takes long to import)
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415

    columns = (BarColumn(bar_width=24), TextColumn("{task.description}"))
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as bar:
        task = bar.add_task("")

        def redraw(ended: int, failed: int, total: int) -> None:
            if due(BAR_INTERVAL):
                text = status(ended, failed, total, time.monotonic() - start)
                bar.update(task, completed=ended, total=total, description=text)
                bar.refresh()

        yield redraw


def status(ended: int, failed: int, total: int, elapsed: float) -> str:
    """Return how far it is as text; `elapsed` in seconds of real time.

    >>> status(20, 1, 100, 10.0)
    '20 of 100 runs, 1 failed, 2.0 runs/s, 0:40 left'
    """
    parts = [f"{ended:,} of {total:,} runs"]
    if failed:
        parts.append(f"{failed:,} failed")
    if ended:
        parts.append(f"{ended / max(elapsed, 1e-9):.1f} runs/s")
        parts.append(f"{clock(elapsed * (total - ended) / ended)} left")
    return ", ".join(parts)
