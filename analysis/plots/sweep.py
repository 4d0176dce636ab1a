"""Plots of a sweep: how a result depends on the parameters.

They take one row per point, as `analysis.points` makes them, so that they
know nothing of where the runs came from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullLocator

from analysis.frames import Frames
from analysis.plots import style
from analysis.quantities import parameter


@style.styled
def lines(
    frames: Frames,
    points: pd.DataFrame,
    *,
    x: str,
    y: str,
    hue: str | None = None,
    facet: str | None = None,
    units: Mapping[str, str] | None = None,
) -> Figure:
    """Draw `y` against the parameter `x`, a line per `hue`, a panel per `facet`, with intervals.

    `points` has the columns `x`, `y`, `low`, `high` and those named by `hue` and `facet`; `units`
    gives the columns' units as `analysis.quantities.parameter` knows them.
    """
    units = units or {}
    panels = _panels(points, facet)
    figure, axes = style.canvas(frames, f"{y} by {x}", panels=max(1, len(panels)))
    hues = _panels(points, hue)
    for place, (value, chosen) in zip(axes, panels, strict=False):
        if facet is not None:
            place.text(
                0.98,
                0.98,
                f"{facet} {parameter(value, units.get(facet, ''))}",
                transform=place.transAxes,
                ha="right",
                va="top",
            )
        for (of, members), colour in zip(hues, style.ordered_colours(len(hues)), strict=True):
            line = points.loc[chosen & members].sort_values(x)
            name = "" if hue is None else f"{hue} {parameter(of, units.get(hue, ''))}"
            _line(place, line, x, y, colour, name)
        _scale(place.xaxis, points[x], x, units.get(x, ""))
        place.sharey(axes[0])
    _scale(
        axes[0].yaxis, pd.concat([points[name] for name in ("low", "high", y)]), y, units.get(y, "")
    )
    if points.empty:
        style.nothing(axes[0], "no runs")
    if len(hues) > 1:
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
    units: Mapping[str, str] | None = None,
) -> Figure:
    """Draw `value` as a colour and in figures over the parameters `x` and `y`."""
    units = units or {}
    figure, [axes] = style.canvas(frames, f"{value} by {x} and {y}")
    if points.empty:
        style.nothing(axes, "no runs")
        return figure
    table = points.pivot_table(index=y, columns=x, values=value, observed=True)
    cells = table.to_numpy(dtype=float)
    unit = units.get(value, "")
    image = axes.imshow(cells, aspect="auto", origin="lower", cmap="viridis")
    figure.colorbar(
        image,
        ax=axes,
        label=_label(value, unit),
        format=style.PERCENT if unit == "%" else EngFormatter(unit=unit),
    )
    axes.grid(visible=False)
    for axis, name, labels in ((axes.xaxis, x, table.columns), (axes.yaxis, y, table.index)):
        axis.set_ticks(
            range(len(labels)), [parameter(label, units.get(name, "")) for label in labels]
        )
        axis.set_minor_locator(NullLocator())
        axis.set_label_text(name)
    dark = cells < np.nanmin(cells) + 0.6 * (np.nanmax(cells) - np.nanmin(cells))
    if cells.size <= 150:
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
    return figure


def _panels(points: pd.DataFrame, by: str | None) -> list[tuple[Any, pd.Series[bool]]]:
    """Return (value, rows that have it) for each value of the column `by`."""
    if by is None:
        return [("", pd.Series(data=True, index=points.index))]
    return [(value, points[by] == value) for value in sorted(points[by].unique())]


def _line(axes: Axes, line: pd.DataFrame, x: str, y: str, colour: Any, name: str) -> None:
    at, value = line[x], line[y]
    axes.plot(at, value, color=colour, marker="o", markersize=4, label=name or "_")
    axes.fill_between(at, line["low"], line["high"], color=colour, alpha=0.2, linewidth=0)


def _scale(axis: Axis, values: pd.Series[Any], name: str, unit: str) -> None:
    """Name an axis and scale it: shares as percentages, what spans much logarithmically."""
    axis.set_label_text(_label(name, unit))
    if values.dtype == object:
        return
    known = values[np.isfinite(values.astype(float))]
    if unit == "s" and len(known):
        style.time_axis(axis, float(known.min()), float(known.max()))
    elif unit == "%":
        axis.set_major_formatter(style.PERCENT)


def _label(name: str, unit: str) -> str:
    """Return an axis label; seconds and percentages stand at the ticks already."""
    return name if unit in ("", "s", "%") else f"{name} ({unit})"
