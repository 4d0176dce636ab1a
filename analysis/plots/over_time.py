"""The latency of connect() against the time of the call."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from analysis.frames import Frames
from analysis.plots import groups, style

_COLUMNS = ("started_s", "outcome", "latency_s", *groups.COLUMNS)


@style.styled
def over_time(frames: Frames) -> Figure:
    """Draw each connect() as a dot at its call and its latency; crosses are those that failed."""
    connections = frames.select(_COLUMNS)
    figure, [axes] = style.canvas(frames, "Latency by the time of the call")
    axes.set(xlabel="simulated time of the call", ylabel="latency of connect()")
    axes.xaxis.set_major_formatter(EngFormatter(unit="s"))
    latencies = connections["latency_s"].to_numpy()
    if not np.isfinite(latencies).any():
        style.nothing(axes)
        return figure
    style.mark(axes, frames)
    axes.set_ylim(style.time_axis(axes.yaxis, np.nanmin(latencies), np.nanmax(latencies)))
    rasterised = style.rasterised(len(connections))
    size = float(np.clip(150 / np.sqrt(len(connections)), 1.0, 5.0))
    named = list(groups.split(connections))
    for (name, group), colour in zip(named, style.ordered_colours(len(named)), strict=True):
        established = group["outcome"] == "established"
        for chosen, marker, label, width in (
            (established, ".", name or "established", size),
            (~established & group["latency_s"].notna(), "x", f"{name} failed".strip(), 5.0),
        ):
            if chosen.any():
                axes.plot(
                    group["started_s"][chosen],
                    group["latency_s"][chosen],
                    marker,
                    color=colour,
                    markersize=width,
                    label=label,
                    rasterized=rasterised,
                )
    style.legend_above(axes)
    return figure
