"""Reads the tables of a run: frames, statistics, plots.

In a notebook::

    import analysis
    frames = analysis.load("results/demo")
    frames.connections.groupby("outcome").latency_s.describe()

pandas and matplotlib load when a function needs them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.errors import ResultsError

if TYPE_CHECKING:
    from analysis.frames import Frames, Where

__all__ = ["ResultsError", "load", "plot", "report", "summarise"]


def load(path: str | Path, columns: Sequence[str] | None = None, where: Where = None) -> Frames:
    """Return the tables of the run in folder `path`; see `analysis.frames.load`."""
    from analysis import frames  # noqa: PLC0415 (pandas takes long to import)

    return frames.load(path, columns, where)


def summarise(path: str | Path) -> str:
    """Return a run's summary as text: outcomes, latencies, retransmissions.

    Raises ResultsError.
    """
    from analysis import summary  # noqa: PLC0415

    return summary.text(load(path))


def report(path: str | Path, out: str | Path | None = None) -> Path:
    """Write a run's report, a self-contained HTML page, and return its file.

    `out` is `report.html` in the run's folder unless given.  Raises ResultsError, OSError.
    """
    from analysis import reports  # noqa: PLC0415

    return reports.write(path, out)


def plot(path: str | Path, kind: str | None = None, out: str | Path | None = None) -> list[Path]:
    """Draw a run's plots and return the files written.

    Without `kind`, every kind, as PNG into the folder's `plots`; with it, that one into `out`
    (PNG, SVG or PDF by its ending) or, without `out`, beside the others.  Raises ValueError for an
    unknown kind or ending, ResultsError for an unreadable run, OSError if a file cannot be written.
    """
    from analysis import plots  # noqa: PLC0415

    return plots.write(path, kind, out)
