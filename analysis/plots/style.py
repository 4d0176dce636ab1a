"""One look for every plot, without pyplot and its global state.

Colours are Okabe and Ito's, which colour-blind people tell apart; many ordered curves take
viridis.  A figure is 8 inches wide: 800 pixels at the 100 dots per inch of a screen; files hold
twice that.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from itertools import cycle
from pathlib import Path
from typing import Any, Final, Literal, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from analysis import recipe
from analysis.files import beside
from analysis.frames import Frames
from analysis.quantities import percent

BLUE: Final = "#0072B2"
ORANGE: Final = "#E69F00"
GREEN: Final = "#009E73"
VERMILLION: Final = "#D55E00"
SKY: Final = "#56B4E9"
PURPLE: Final = "#CC79A7"
YELLOW: Final = "#F0E442"
BLACK: Final = "#000000"
CYCLE: Final = (BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, BLACK)

SHADES: Final = ("#dddddd", "#eeeeee")
"""Of what is marked over time, in turn."""

MANY_POINTS: Final = 50_000
"""A drawing of more points than these is a picture inside an SVG or PDF file, not shapes."""

PERCENT: Final = FuncFormatter(
    lambda share, _: percent(round(share, 12)) if share < 1 + 1e-9 else ""
)

MOST_NAMES: Final = 4
"""More names than these do not fit into the axes."""

MOST_COLUMNS: Final = 3
"""More panels than these do not fit beside each other."""

FORMATS: Final = (".png", ".svg", ".pdf")

STYLE: Final[dict[str, Any]] = {
    "figure.figsize": (8.0, 5.0),
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "font.size": 11.0,
    "axes.titlesize": 13.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 10.0,
    "lines.linewidth": 1.8,
    "svg.fonttype": "none",
    "svg.hashsalt": "connectsim",
    "pdf.fonttype": 42,
}

P = ParamSpec("P")


def context(changes: dict[str, Any] | None = None) -> AbstractContextManager[None]:
    """Return the context in which figures are drawn and written in the style of the house."""
    style: Any = STYLE | (changes or {})
    return mpl.rc_context(style)


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Let a function draw its figure in the style of the house."""

    @wraps(draw)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with context():
            return draw(*args, **kwargs)

    return wrapper


def canvas(
    frames: Frames,
    title: str,
    panels: int = 1,
    columns: int = MOST_COLUMNS,
    share_x: bool = False,
) -> tuple[Figure, list[Axes]]:
    """Return a figure with `panels` axes, the title above, the recipe below.

    They stand side by side, `columns` in a row; with `share_x` a column has one x axis.
    """
    columns = min(panels, columns)
    rows = math.ceil(panels / columns)
    width, height = mpl.rcParams["figure.figsize"]
    figure = Figure(
        figsize=(width, height * (1 + rows) / 2),
        layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08),
    )
    shared: Literal["col", "none"] = "col" if share_x else "none"
    axes = list(figure.subplots(rows, columns, squeeze=False, sharex=shared).flat)
    for unused in axes[panels:]:
        unused.remove()
    axes[0].set_title(title)
    figure.supxlabel(
        "\n".join(textwrap.wrap(recipe.one_line(frames.recipe), 150)),
        fontsize=7,
        color="#555555",
        x=0.01,
        horizontalalignment="left",
    )
    return figure, axes[:panels]


def name_panel(axes: Axes, name: str) -> None:
    """Write above axes what tells them from the others of a figure, whose title moves up."""
    figure = axes.figure
    title = axes.get_title(loc="left")
    if title:
        figure.suptitle(title, x=0.01, ha="left", weight="bold", size=13.0)
    axes.set_title(name, fontsize=11.0, weight="normal", pad=6.0)
    first = axes.get_subplotspec()
    axes.tick_params(labelsize=9.0, labelleft=first is None or first.is_first_col())


def nothing(axes: Axes, message: str = "no connections") -> None:
    """Say on empty axes that there is nothing to see."""
    axes.set(xticks=[], yticks=[])
    axes.text(
        0.5, 0.5, message, transform=axes.transAxes, ha="center", va="center", color="#555555"
    )


def legend(
    axes: Axes, place: Literal["center right", "upper right", "upper left", "lower left"]
) -> None:
    """Name the curves, beside the axes if there are many; one curve needs no name."""
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > MOST_NAMES:
        legible(axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.0, 1.0)))
    elif len(labels) > 1:
        legible(axes.legend(handles, labels, loc=place))


def legend_beside(figure: Figure) -> None:
    """Name to the right of all panels what each of them shows."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    legible(figure.legend(handles, labels, loc="outside right upper"))


def legend_above(axes: Axes) -> None:
    """Name what is drawn in one row between the title and the axes, or beside them if it is much.

    For plots whose dots or lines may be anywhere on the axes.
    """
    handles, labels = axes.get_legend_handles_labels()
    if len(labels) > MOST_NAMES:
        legend(axes, "upper right")
        return
    legible(
        axes.legend(
            handles,
            labels,
            loc="lower left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=max(1, len(labels)),
            fontsize=9,
            borderaxespad=0.2,
            columnspacing=1.2,
            handlelength=1.2,
        )
    )
    axes.set_title(axes.get_title(loc="left"), pad=28.0)


def legible(names: Legend) -> None:
    """Let thin lines and small dots be seen in a legend."""
    for handle in names.legend_handles:
        if isinstance(handle, Line2D):
            handle.set_linewidth(2.0)
            handle.set_markersize(7.0)
        elif isinstance(handle, PathCollection):
            handle.set_sizes([16.0])


def mark(axes: Axes, frames: Frames) -> None:
    """Shade what the run says is to be marked over time: a flood, an outage."""
    for each, shade in zip(frames.recipe.get("marks", []), cycle(SHADES), strict=False):
        axes.axvspan(*(each["from_s"], each["to_s"]), color=shade, linewidth=0, label=each["name"])


def time_axis(axis: Axis, low: float, high: float) -> tuple[float, float]:
    """Let an axis show durations from `low` to `high` s, logarithmically if they differ much.

    Returns the ends of the axis, a little further out.
    """
    if low <= 0 or high < 5 * low:
        axis.set_major_formatter(EngFormatter(unit="s"))
        axis.set_major_locator(MaxNLocator(5))
        margin = 0.03 * (high - low) or 0.1 * abs(high)
        return low - margin, high + margin
    scale = axis.axes.set_xscale if axis is axis.axes.xaxis else axis.axes.set_yscale
    scale("log")
    axis.set_major_formatter(EngFormatter(unit="s"))
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 50 * low else (1, 3), numticks=30))
    axis.set_minor_formatter(NullFormatter())
    return low / 1.1, high * 1.1


def share_axis(axis: Axis) -> None:
    """Let the y axis show shares logarithmically."""
    axis.axes.set_yscale("log")
    axis.set_major_locator(LogLocator(numticks=20))
    axis.set_major_formatter(PERCENT)
    axis.set_minor_formatter(NullFormatter())


def rasterised(points: int) -> bool:
    """Whether so many points are better drawn as a picture."""
    return points > MANY_POINTS


def save(figure: Figure, file: Path) -> None:
    """Write a figure as PNG, SVG or PDF by the file's ending; the same figure, the same bytes.

    Raises ValueError for another ending, OSError.
    """
    check_ending(file)
    metadata: dict[str, Any] = {
        ".png": {"Software": None},
        ".svg": {"Date": None},
        ".pdf": {"CreationDate": None},
    }[file.suffix.lower()]
    with context(), beside(file) as partial:
        figure.savefig(partial, format=file.suffix[1:].lower(), metadata=metadata)


def check_ending(file: Path) -> None:
    """Raise ValueError unless a plot can be written into a file of this name."""
    if file.suffix.lower() not in FORMATS:
        raise ValueError(f"{file}: the ending must be one of {', '.join(FORMATS)}")


def ordered_colours(number: int) -> list[Any]:
    """Return colours that tell `number` curves apart; many of them in the order of viridis."""
    if number <= len(CYCLE):
        return list(CYCLE[:number])
    return list(mpl.colormaps["viridis"](np.linspace(0.0, 0.92, number)))
