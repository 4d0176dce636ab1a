"""The distribution of connect()'s latency, from both ends: ecdf and ccdf.

Shares are of all connects, so a curve levels off at the share that was ever established.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.frames import Frames
from analysis.plots import groups, style
from analysis.theory import Latency, of_run

_COLUMNS = ("outcome", "latency_s", "path_hops")

_MOST_STEPS = 20_000

MOST_LEFT = 0.3
"""A curve that ends above this share runs through the upper right corner."""


@style.styled
def ecdf(frames: Frames) -> Figure:
    """Draw the share of connects established within a time; dashed, the share that failed."""
    figure, [axes] = style.canvas(frames, "Connects established within a time")
    axes.set(xlabel="time since connect()", ylabel="share of connects", ylim=(-0.02, 1.02))
    axes.yaxis.set_major_formatter(style.PERCENT)
    connections = frames.select([*_COLUMNS, *groups.columns(frames)])
    for curve in _curves(axes, frames, connections):
        axes.step(
            curve.times,
            curve.established,
            where="post",
            color=curve.colour,
            label=curve.name or "established",
        )
        if curve.failed[-1]:
            axes.step(
                curve.times,
                curve.failed,
                where="post",
                color=curve.colour,
                linestyle=(0, (2, 1.5)),
                label=f"{curve.name} failed".strip(),
            )
    _theory(axes, of_run(frames.recipe, connections), lambda share: share)
    style.legend(axes, "center right")
    return figure


@style.styled
def ccdf(frames: Frames) -> Figure:
    """Draw the share of connects not yet established after a time, down to the rarest.

    A cross ends the curve of connects some of which were never established.
    """
    connections = frames.select([*_COLUMNS, *groups.columns(frames)])
    figure, [axes] = style.canvas(frames, "Connects not yet established after a time")
    axes.set(xlabel="time since connect()", ylabel="share of connects")
    style.share_axis(axes.yaxis)
    axes.set_ylim(0.5 / max(1, len(connections)), 1.4)
    left = 0.0
    for curve in _curves(axes, frames, connections):
        axes.step(
            curve.times,
            1.0 - curve.established,
            where="post",
            color=curve.colour,
            label=curve.name or "established",
        )
        if curve.failed[-1]:
            axes.plot(
                curve.times[-1], 1.0 - curve.established[-1], "X", color=curve.colour, markersize=8
            )
        left = max(left, 1.0 - curve.established[-1])
    _theory(axes, of_run(frames.recipe, connections), lambda share: 1.0 - share)
    style.legend(axes, "upper right" if left < MOST_LEFT else "lower left")
    return figure


@dataclass(frozen=True, slots=True)
class Curve:
    """Shares of a group of connects over time, as steps."""

    name: str
    """Empty if there is but one."""
    colour: Any
    times: NDArray[np.float64]
    established: NDArray[np.float64]
    """Share established at most this long after the call."""
    failed: NDArray[np.float64]


def steps(
    latencies: NDArray[np.float64], total: int, most: int = _MOST_STEPS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (times, shares): the share of `total` that is at most each time, one point a step.

    Of more than `most` latencies the points are a selection, denser towards the longest: no
    point is wrong, and none that could be seen is missing.
    """
    ordered = np.sort(latencies)
    number = len(ordered)
    ranks = np.arange(number)
    if number > most:
        tail = number - np.unique(np.geomspace(1, number, most // 2).round().astype(np.int64))
        ranks = np.union1d(tail, np.linspace(0, number - 1, most // 2).astype(np.int64))
    times = ordered[ranks]
    last_of_equals = np.diff(times, append=np.inf) > 0
    shares = np.searchsorted(ordered, times[last_of_equals], side="right") / total
    return times[last_of_equals], shares


def _curves(axes: Axes, frames: Frames, connections: pd.DataFrame) -> Iterator[Curve]:
    """Scale the time axis and yield a curve per group."""
    latencies = connections["latency_s"].to_numpy()
    if not np.isfinite(latencies).any():
        style.nothing(axes)
        return
    low, high = style.time_axis(axes.xaxis, np.nanmin(latencies), np.nanmax(latencies))
    named = list(groups.of(frames, connections))
    for (name, group), colour in zip(named, style.ordered_colours(len(named)), strict=True):
        latency = group["latency_s"].to_numpy()
        established = (group["outcome"] == "established").to_numpy()
        failed = ~established & np.isfinite(latency)
        times, *shares = align(
            low, high, steps(latency[established], len(group)), steps(latency[failed], len(group))
        )
        yield Curve(name, colour, times, *shares)


def _theory(
    axes: Axes,
    latency: Latency | None,
    transform: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> None:
    """Draw what theory says beside the steps, where it says anything."""
    if latency is not None:
        low, high = axes.get_xlim()
        times = np.union1d(np.linspace(low, high, 2_000), np.geomspace(low, high, 2_000))
        axes.plot(
            times,
            transform(latency.cdf(times)),
            color=style.BLACK,
            linewidth=1.0,
            linestyle=(0, (4, 3)),
            label="theory",
        )
        axes.set_xlim(low, high)


def align(
    low: float, high: float, *curves: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> list[NDArray[np.float64]]:
    """Return common times from `low` to `high`, and each curve's steps at them."""
    times = np.unique(np.concatenate([[low, high], *(times for times, _ in curves)]))
    return [
        times,
        *(
            np.concatenate([[0.0], shares])[np.searchsorted(at, times, side="right")]
            for at, shares in curves
        ),
    ]
