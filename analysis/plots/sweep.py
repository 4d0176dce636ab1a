"""Plots of a sweep: how a result depends on the parameters.

They take one row per point, as `analysis.points` makes them, so that they
know nothing of where the runs came from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, LogLocator, NullFormatter, NullLocator

from analysis.frames import Frames
from analysis.plots import style
from analysis.quantities import parameter

WIDE: Final = 50
"""Parameters above 0 whose ends differ by this factor are drawn logarithmically."""

DASHES: Final = ("-", "--", "-.", ":")
"""Strokes of the lines, so that one shows through another that lies upon it."""

MOST_LABELS: Final = 14
"""More values of a parameter than these are not all written along an axis."""

Units = Mapping[str, str]


@style.styled
def lines(
    frames: Frames,
    points: pd.DataFrame,
    *,
    x: str,
    y: str,
    hue: str | None = None,
    facet: str | None = None,
    units: Units | None = None,
    title: str | None = None,
) -> Figure:
    """Draw `y` against the parameter `x`, a line per `hue`, a panel per `facet`, with intervals.

    `points` has the columns `x`, `y`, `low`, `high` and those named by `hue` and `facet`; `units`
    gives the columns' units as `analysis.quantities.parameter` knows them, `title` says what `y`
    is.
    """
    units, title = units or {}, title or y
    panels, hues = _groups(points, facet), _groups(points, hue)
    figure, axes = style.canvas(frames, f"{title} by {x}", panels=max(1, len(panels)))
    at = points[x] if _is_numeric(points[x]) else pd.Series(_levels(points[x])[0], points.index)
    colours = style.ordered_colours(len(hues))
    for place, (value, chosen) in zip(axes, panels, strict=False):
        place.sharey(axes[0])
        if facet is not None:
            style.name_panel(place, f"{facet} {parameter(value, units.get(facet, ''))}")
        for number, (of, members) in enumerate(hues):
            order = at[chosen & members].sort_values()
            drawn = place.plot(order, points[y][order.index], DASHES[number % len(DASHES)])
            drawn[0].set(color=colours[number], marker="o", markersize=4)
            if hue is not None:
                drawn[0].set_label(f"{hue} {parameter(of, units.get(hue, ''))}")
            ends = points["low"][order.index], points["high"][order.index]
            place.fill_between(order, *ends, color=colours[number], alpha=0.2, linewidth=0)
        _scale_parameter(place.xaxis, points[x], x, units.get(x, ""))
    reach = [points[y], points["high"], points["low"].where(points["low"] > 0)]
    _scale(axes[0].yaxis, pd.concat(reach), title, units.get(y, ""))
    if points.empty:
        style.nothing(axes[0], "no runs")
    if len(hues) > 1 and len(panels) > 1:
        style.legend_beside(figure)
    elif len(hues) > 1:
        style.legend_above(axes[0])
    return figure


@style.styled
def heatmap(
    frames: Frames,
    points: pd.DataFrame,
    *,
    x: str,
    y: str,
    value: str,
    units: Units | None = None,
    title: str | None = None,
) -> Figure:
    """Draw `value` as a colour and in figures over the parameters `x` and `y`."""
    units, title = units or {}, title or value
    figure, [axes] = style.canvas(frames, f"{title} by {x} and {y}")
    if points.empty:
        style.nothing(axes, "no runs")
        return figure
    (columns, across), (rows, upwards) = _levels(points[x]), _levels(points[y])
    cells = np.full((len(upwards), len(across)), np.nan)
    cells[rows, columns] = points[value]
    unit = units.get(value, "")
    image = axes.imshow(cells, aspect="auto", origin="lower", cmap="viridis")
    figure.colorbar(
        image,
        ax=axes,
        label=_label(title, unit),
        format=style.PERCENT if unit == "%" else EngFormatter(unit=unit),
    )
    axes.grid(visible=False)
    for axis, name, levels in ((axes.xaxis, x, across), (axes.yaxis, y, upwards)):
        _name_levels(axis, levels, units.get(name, ""))
        axis.set_label_text(name)
    if cells.size <= 150:
        _write_cells(axes, cells, unit)
    return figure


def _write_cells(axes: Axes, cells: Any, unit: str) -> None:
    """Write the values onto their colours."""
    dark = cells < np.nanmin(cells) + 0.6 * (np.nanmax(cells) - np.nanmin(cells))
    for row, column in np.argwhere(np.isfinite(cells)):
        axes.text(
            column,
            row,
            parameter(float(f"{cells[row, column]:.3g}"), unit),
            ha="center",
            va="center",
            fontsize=9,
            color="white" if dark[row, column] else "black",
        )


def _levels(values: pd.Series[Any]) -> tuple[Any, list[Any]]:
    """Return the values of a parameter in their order, what never passes last, and where each is.

    The places come first: for each of `values` its index among the levels.
    """
    places, levels = pd.factorize(values, sort=True, use_na_sentinel=False)
    return places, list(levels)


def _groups(points: pd.DataFrame, by: str | None) -> list[tuple[Any, pd.Series[bool]]]:
    """Return (value, rows that have it) for each value of the column `by`."""
    if by is None:
        return [("", pd.Series(data=True, index=points.index))]
    places, levels = _levels(points[by])
    return [(value, pd.Series(places == place, points.index)) for place, value in enumerate(levels)]


def _is_numeric(values: pd.Series[Any]) -> bool:
    """Whether a parameter has a scale: all its values are numbers."""
    return pd.api.types.is_numeric_dtype(values) and bool(values.notna().all())


def _scale_parameter(axis: Axis, values: pd.Series[Any], name: str, unit: str) -> None:
    """Name and scale the axis of a parameter: logarithmically if it spans much."""
    if not _is_numeric(values):
        _name_levels(axis, _levels(values)[1], unit)
        axis.set_label_text(name)
        return
    _scale(axis, values, name, unit)
    if unit != "s" and len(values) and 0 < WIDE * values.min() <= values.max():
        axis.axes.set_xscale("log")
        axis.set_major_locator(LogLocator(numticks=12))
        axis.set_major_formatter(style.PERCENT if unit == "%" else FuncFormatter(_number))
        axis.set_minor_formatter(NullFormatter())


def _number(value: float, _position: int | None = None) -> str:
    return f"{value:g}"


def _name_levels(axis: Axis, levels: list[Any], unit: str) -> None:
    places = range(0, len(levels), math.ceil(len(levels) / MOST_LABELS))
    axis.set_ticks(places, [parameter(levels[place], unit) for place in places])
    axis.set_minor_locator(NullLocator())


def _scale(axis: Axis, values: pd.Series[Any], name: str, unit: str) -> None:
    """Name an axis and scale it: shares as percentages, times that span much logarithmically."""
    axis.set_label_text(_label(name, unit))
    known = values[np.isfinite(values.astype(float))]
    if unit == "s" and len(known):
        style.time_axis(axis, float(known.min()), float(known.max()))
    elif unit == "%":
        axis.set_major_formatter(style.PERCENT)


def _label(name: str, unit: str) -> str:
    """Return an axis label; seconds and percentages stand at the ticks already."""
    return name if unit in ("", "s", "%") else f"{name} ({unit})"
