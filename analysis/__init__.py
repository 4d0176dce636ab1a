"""Reads the tables of a run or a sweep: frames, statistics, plots, reports.

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

__all__ = ["ResultsError", "compare", "load", "plot", "plot_sweep", "report", "summarise"]


def load(path: str | Path, columns: Sequence[str] | None = None, where: Where = None) -> Frames:
    """Return the tables of the run or sweep in folder `path`; see `analysis.frames.load`."""
    from analysis import frames  # noqa: PLC0415 (pandas takes long to import)

    return frames.load(path, columns, where)


def summarise(path: str | Path) -> str:
    """Return a summary as text: of a run its outcomes and latencies, of a sweep its points.

    Raises ResultsError.
    """
    from analysis import summary  # noqa: PLC0415

    frames = load(path)
    if not frames.axes:
        return summary.text(frames)
    from analysis import points  # noqa: PLC0415 (scipy, which only intervals need)

    return points.text(frames)


def compare(first: str | Path, second: str | Path) -> str:
    """Return how the latencies of two runs or sweeps differ, as text.

    Raises ResultsError, also if no connect of one of them was established.
    """
    from analysis import recipe, statistics  # noqa: PLC0415

    sides = load(first), load(second)
    a, b = map(statistics.established, sides)
    found = statistics.compare(a, b)
    sweeps = [f"{side.path}: {recipe.complete(side.recipe)}" for side in sides if side.is_sweep]
    return "\n".join([*sweeps, statistics.text(found, (str(first), str(second)))])


def report(path: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of a run or a sweep, a self-contained HTML page, and return its file.

    `out` is `report.html` in the run's folder (a sweep's: below `_sweep`) unless given.
    Raises ResultsError, OSError.
    """
    from analysis import reports  # noqa: PLC0415

    return reports.write(path, out)


def plot(path: str | Path, kind: str | None = None, out: str | Path | None = None) -> list[Path]:
    """Draw the plots of a run or a sweep and return the files written.

    Without `kind`, every kind, as PNG into the folder's `plots` (a sweep's: `_sweep/plots`); with
    it, that one into `out` (PNG, SVG or PDF by its ending) or, without `out`, beside the others.
    Raises ValueError for an unknown kind or ending, ResultsError for an unreadable folder, OSError
    if a file cannot be written.
    """
    from analysis import plots  # noqa: PLC0415

    return plots.write(path, kind, out)


def plot_sweep(
    path: str | Path,
    kind: str = "lines",
    *,
    x: str | None = None,
    y: str | None = None,
    hue: str | None = None,
    facet: str | None = None,
    value: str | None = None,
    out: str | Path | None = None,
) -> Path:
    """Draw how a value depends on the parameters of a sweep, and return the file written.

    As `lines`, the value `y` against the parameter `x`, a line per `hue` and a panel per `facet`;
    as a `heatmap`, `value` over the parameters `x` and `y`.  What is not given is chosen among the
    axes, in their order.  Raises ValueError, ResultsError and OSError as `plot` does.
    """
    from analysis.plots import of_sweep  # noqa: PLC0415

    return of_sweep.write(path, kind, x=x, y=y, hue=hue, facet=facet, value=value, out=out)
