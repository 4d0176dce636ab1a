"""The queues of listening ports over simulated time, with what they hold at most."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, StrMethodFormatter

from analysis.frames import Frames
from analysis.plots import style

MOST_PANELS = 3

QUEUES = (
    ("syn_queue", "SYN queue", style.ORANGE),
    ("accept_queue", "accept queue", style.BLUE),
)


@style.styled
def queues(frames: Frames) -> Figure:
    """Draw SYN queue and accept queue of each port one above the other, with limits and marks."""
    ports = list(frames.queues.groupby(["host", "port"], observed=True))[:MOST_PANELS]
    if not ports:
        figure, [axes] = style.canvas(frames, "Queues of the listener")
        style.nothing(axes, "nobody listened")
        return figure
    columns = len(ports)
    figure, panels = style.canvas(
        frames, "Queues of the listener", len(QUEUES) * columns, columns, share_x=True
    )
    for number, ((host, port), samples) in enumerate(ports):
        column = panels[number::columns]
        column[-1].set(xlabel=f"simulated time at {host}, port {port}")
        column[-1].xaxis.set_major_formatter(EngFormatter(unit="s"))
        for axes, (name, title, colour) in zip(column, QUEUES, strict=True):
            style.mark(axes, frames)
            _curve(axes, samples, name, colour)
            _limit(axes, frames.recipe.get("listeners", []), (str(host), port), name)
            axes.set_ylabel(title)
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        column[-1].set_xlim(samples["time_s"].min(), _busy_until(samples))
    figure.align_ylabels()
    style.legend_above(panels[0])
    return figure


def _curve(axes: Axes, samples: pd.DataFrame, name: str, colour: str) -> None:
    """Draw a queue's length as steps; the longer, the more ink."""
    rasterised = style.rasterised(len(samples))
    times, lengths = samples["time_s"].to_numpy(dtype=float), samples[name].to_numpy(dtype=float)
    axes.plot(times, lengths, color=colour, drawstyle="steps-post", rasterized=rasterised)
    axes.fill_between(
        times, lengths, step="post", color=colour, alpha=0.2, linewidth=0, rasterized=rasterised
    )


def _limit(
    axes: Axes, listeners: list[dict[str, object]], where: tuple[str, object], name: str
) -> None:
    """Draw a line where the queue is full."""
    for one in listeners:
        if (one["host"], one["port"]) == where:
            axes.axhline(
                float(str(one[f"{name}_limit"])),
                color=style.VERMILLION,
                linestyle="--",
                linewidth=1.2,
                label="full",
            )


def _busy_until(samples: pd.DataFrame) -> float:
    """Return when the queues are empty for good, and a little later."""
    times = samples["time_s"].to_numpy(dtype=float)
    busy = times[((samples["syn_queue"] > 0) | (samples["accept_queue"] > 0)).to_numpy()]
    end = float(busy[-1]) if len(busy) else float(times[-1])
    return max(end + 0.05 * (end - float(times[0])), float(times[0]) + 1e-3)
