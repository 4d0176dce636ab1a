"""Which plot of a sweep is drawn over which of its axes, and into which file."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from analysis import frames as tables
from analysis import points
from analysis.errors import ResultsError
from analysis.frames import SWEEP, Frames
from analysis.plots import style, sweep

KINDS: Final = ("lines", "heatmap")
DEFAULT: Final = "p99"
"""The value that is drawn unless another is asked for."""


class TooManyAxesError(ValueError):
    """A sweep varies more than a plot can show."""


def write(
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
    """Draw the sweep in folder `path` and return the file written; see `analysis.plot_sweep`."""
    if out is not None:
        style.check_ending(Path(out))
    loaded = tables.load(path)
    if kind == "heatmap":
        if hue is not None or facet is not None:
            raise ValueError("a heatmap has neither hue nor facet")
        figure = heatmap(loaded, x, y, value or DEFAULT)
        name = f"heatmap_{value or DEFAULT}.png"
    elif kind == "lines":
        if value is not None:
            raise ValueError("--value is for heatmaps: lines draw --y")
        figure = lines(loaded, x, y or DEFAULT, hue, facet)
        name = f"lines_{y or DEFAULT}.png"
    else:
        raise ValueError(f"unknown kind of plot {kind!r}: of a sweep, one of {', '.join(KINDS)}")
    if out is None:
        folder = Path(path) / SWEEP / "plots"
        folder.mkdir(exist_ok=True)
        out = folder / name
    style.save(figure, Path(out))
    return Path(out)


def lines(
    loaded: Frames,
    x: str | None = None,
    y: str = DEFAULT,
    hue: str | None = None,
    facet: str | None = None,
) -> Figure:
    """Draw a value against one axis of a sweep; further axes are hue and facet.

    Raises ValueError for a name that is no axis, or axes that are left over.
    """
    x, hue, facet = _assign(loaded, x=x, hue=hue, facet=facet).values()
    table = points.points(loaded, y)
    return sweep.lines(
        loaded,
        table,
        x=str(x),
        y=y,
        hue=hue,
        facet=facet,
        units=_units(loaded, y),
        title=points.title(y),
    )


def heatmap(
    loaded: Frames, x: str | None = None, y: str | None = None, value: str = DEFAULT
) -> Figure:
    """Draw a value over two axes of a sweep; raises ValueError as `lines`."""
    x, y = _assign(loaded, x=x, y=y).values()
    if y is None:
        raise ValueError("a heatmap needs two axes, and the sweep has one")
    table = points.points(loaded, value)
    return sweep.heatmap(
        loaded,
        table,
        x=str(x),
        y=y,
        value=value,
        units=_units(loaded, value),
        title=points.title(value),
    )


def _units(loaded: Frames, value: str) -> dict[str, str]:
    return {**loaded.recipe.get("units", {}), value: points.unit(value)}


def _assign(loaded: Frames, **given: str | None) -> dict[str, str | None]:
    """Return which axis each role has: those given, then the others in their order."""
    if not loaded.is_sweep:
        raise ResultsError(f"{loaded.path}: a run, and not a sweep, has no axes to draw over")
    if not loaded.axes:
        raise ResultsError(f"{loaded.path}: the sweep varies nothing")
    for role, name in given.items():
        if name is not None and name not in loaded.axes:
            near = difflib.get_close_matches(name, loaded.axes, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(loaded.axes)}"
            raise ValueError(f"{role} {name}: no axis of the sweep: {hint}")
    taken = [name for name in given.values() if name is not None]
    if len(set(taken)) < len(taken):
        raise ValueError("an axis can be drawn only once")
    left = [axis for axis in loaded.axes if axis not in taken]
    roles = {role: name or (left.pop(0) if left else None) for role, name in given.items()}
    if left:
        raise TooManyAxesError(
            f"the sweep also varies {', '.join(left)}: too many axes for one plot"
        )
    return roles
