"""The timeline of a run: one line a connection, from connect()'s call to its return."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator
from numpy.typing import NDArray

from analysis.frames import Frames
from analysis.plots import style
from analysis.schedules import Schedules, kinds

_COLUMNS = ("started_s", "finished_s", "outcome", "syn_retransmits", "client", "client_os")


@style.styled
def timeline(frames: Frames) -> Figure:
    """Draw each connect() as a line in the order of the calls, its repeated SYNs as dots.

    The table knows how many SYNs were sent, not when: the dots are where the client's schedule
    puts them, averaged over the phase of its clock, up to the return.
    """
    connections = frames.select(_COLUMNS).sort_values("started_s", kind="stable", ignore_index=True)
    figure, [axes] = style.canvas(frames, "Every connect(), from call to return")
    axes.set(xlabel="simulated time", ylabel="connection, in the order of the calls")
    axes.xaxis.set_major_formatter(EngFormatter(unit="s"))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.grid(visible=False, axis="y")
    if connections.empty:
        style.nothing(axes)
        return figure
    end = float(np.nanmax(connections[["started_s", "finished_s"]].to_numpy()))
    connections["finished_s"] = connections["finished_s"].fillna(end)
    _lines(axes, connections)
    _repeated_syns(axes, connections, frames.recipe)
    _failures(axes, connections)
    axes.set_ylim(len(connections) - 0.5, -0.5)
    axes.margins(x=0.02)
    style.legend_above(axes)
    return figure


def _lines(axes: Axes, connections: pd.DataFrame) -> None:
    established = connections["outcome"] == "established"
    pending = connections["outcome"] == "pending"
    repeated = connections["syn_retransmits"] > 0
    thin = float(np.clip(100 / len(connections), 0.3, 3.0))
    for chosen, colour, width, label in (
        (established & ~repeated, style.BLUE, max(thin, 0.8), "established by the first SYN"),
        (established & repeated, style.ORANGE, thin, "established by a later SYN"),
        (~established & ~pending, style.VERMILLION, max(thin, 0.5), "failed"),
        (pending, style.SKY, thin, "pending"),
    ):
        if chosen.any():
            rows = np.flatnonzero(chosen)
            gap = np.full(len(rows), np.nan)
            started, finished = connections.loc[chosen, ["started_s", "finished_s"]].to_numpy().T
            axes.plot(
                np.stack([started, finished, gap], axis=1).ravel(),
                np.stack([rows, rows, gap], axis=1).ravel(),
                color=colour,
                linewidth=width,
                solid_capstyle="butt",
                label=label,
                rasterized=style.rasterised(2 * len(rows)),
            )


def _repeated_syns(axes: Axes, connections: pd.DataFrame, recipe: dict[str, Any]) -> None:
    repeated = connections[connections["syn_retransmits"] > 0]
    schedules = _schedules(recipe)
    times, rows = [], []
    for kind, group in repeated.groupby(kinds(recipe, repeated, "client"), observed=True):
        schedule = schedules.get(str(kind), np.array([0.0]))
        number = group["syn_retransmits"].to_numpy().clip(max=len(schedule) - 1)
        row = np.repeat(np.arange(len(group)), number)
        place = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
        times.append(group["started_s"].to_numpy()[row] + schedule[1 + place])
        rows.append(group.index.to_numpy()[row])
    if times:
        at, on = np.concatenate(times), np.concatenate(rows)
        inside = at <= connections["finished_s"].to_numpy()[on]
        axes.scatter(
            at[inside],
            on[inside],
            s=float(np.clip(4000 / len(connections), 1.0, 16.0)),
            color=style.BLACK,
            linewidths=0,
            zorder=3,
            label="SYN repeated",
            rasterized=style.rasterised(len(at)),
        )


def _failures(axes: Axes, connections: pd.DataFrame) -> None:
    failed = connections[~connections["outcome"].isin(["established", "pending"])]
    if not failed.empty:
        axes.scatter(
            failed["finished_s"],
            failed.index,
            marker="x",
            s=float(np.clip(8000 / len(connections), 10.0, 36.0)),
            color=style.VERMILLION,
            linewidths=1.2,
            zorder=4,
            rasterized=style.rasterised(len(failed)),
        )


def _schedules(recipe: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    profiles = recipe.get("profiles", {})
    return {
        name: Schedules.from_recipe(profile).syn_times()[:-1] for name, profile in profiles.items()
    }
