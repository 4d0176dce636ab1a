"""The queues of listening ports over simulated time, with what they hold at most."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator

from analysis.frames import Frames
from analysis.plots import style

MOST_PANELS = 3

CURVES = (
    ("syn_queue", "requests (SYN queue)", style.ORANGE),
    ("accept_queue", "waiting for accept() (accept queue)", style.BLUE),
)


@style.styled
def queues(frames: Frames) -> Figure:
    """Draw the SYN queue and the accept queue of each port, their limits, and the run's marks."""
    ports = list(frames.queues.groupby(["host", "port"], observed=True))[:MOST_PANELS]
    figure, panels = style.canvas(frames, "Queues of the listener", panels=max(1, len(ports)))
    if not ports:
        style.nothing(panels[0], "nobody listened")
    for axes, ((host, port), samples) in zip(panels, ports, strict=False):
        axes.set(xlabel="simulated time", ylabel=f"entries at {host}, port {port}")
        axes.xaxis.set_major_formatter(EngFormatter(unit="s"))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        style.mark(axes, frames)
        _curves(axes, samples)
        _limits(axes, frames.recipe.get("listeners", []), str(host), port)
        axes.set_xlim(samples["time_s"].min(), _busy_until(samples))
        axes.set_ylim(bottom=0)
    if ports:
        style.legend_above(panels[0])
    return figure


def _curves(axes: Axes, samples: pd.DataFrame) -> None:
    for name, label, colour in CURVES:
        axes.plot(
            samples["time_s"],
            samples[name],
            color=colour,
            drawstyle="steps-post",
            label=label,
            rasterized=style.rasterised(len(samples)),
        )


def _limits(axes: Axes, listeners: list[dict[str, object]], host: str, port: object) -> None:
    """Draw a line where each queue is full, one where both are at the same length."""
    of = [one for one in listeners if (one["host"], one["port"]) == (host, port)]
    limits = {float(str(one[f"{name}_limit"])) for one in of for name, _, _ in CURVES}
    for number, limit in enumerate(sorted(limits)):
        axes.axhline(
            limit,
            color=style.VERMILLION,
            linestyle="--",
            linewidth=1.2,
            label=f"{'_' if number else ''}full",
        )


def _busy_until(samples: pd.DataFrame) -> float:
    """Return when the queues are empty for good, and a little later."""
    times = samples["time_s"].to_numpy(dtype=float)
    busy = times[((samples["syn_queue"] > 0) | (samples["accept_queue"] > 0)).to_numpy()]
    end = float(busy[-1]) if len(busy) else float(times[-1])
    return max(end + 0.05 * (end - float(times[0])), float(times[0]) + 1e-3)
