"""How often connect() had to repeat its SYN, and the server its SYN-ACK."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.frames import Frames
from analysis.plots import style

_COLUMNS = ("outcome", "syn_retransmits", "synack_retransmits")


@style.styled
def retransmissions(frames: Frames) -> Figure:
    """Draw the share of connects by SYNs and SYN-ACKs repeated; the counts stand on the bars."""
    connections = frames.select(_COLUMNS)
    figure, panels = style.canvas(frames, "Retransmissions per connect()", panels=2)
    panels[0].sharey(panels[1])
    established = (connections["outcome"] == "established").to_numpy()
    for axes, column, packet in zip(panels, _COLUMNS[1:], ("SYN", "SYN-ACK"), strict=True):
        axes.set_xlabel(f"{packet} retransmissions (packets)")
        axes.grid(visible=False, axis="x")
        _bars(axes, connections[column].to_numpy(), established)
    panels[0].set_ylabel("share of connects")
    if connections.empty:
        return figure
    style.share_axis(panels[0].yaxis)
    bottom = 0.4 / len(connections)
    panels[0].set_ylim(bottom, max(4.0, bottom**-0.2))
    style.legend(panels[1], "upper right")
    return figure


def _bars(axes: Axes, repeats: NDArray[np.int64], established: NDArray[np.bool_]) -> None:
    if not len(repeats):
        style.nothing(axes)
        return
    values = np.arange(repeats.max() + 1)
    axes.set_xticks(values)
    axes.set_xlim(-0.6, max(3, values[-1]) + 0.6)
    kinds = [
        (chosen, colour, label)
        for chosen, colour, label in (
            (established, style.BLUE, "established"),
            (~established, style.VERMILLION, "not established"),
        )
        if chosen.any()
    ]
    width = 0.8 / len(kinds)
    for place, (chosen, colour, label) in enumerate(kinds):
        counts = np.bincount(repeats[chosen], minlength=len(values))
        bars = axes.bar(
            values + (place - (len(kinds) - 1) / 2) * width,
            counts / len(repeats),
            width,
            color=colour,
            label=label,
        )
        axes.bar_label(
            bars,
            [f"{number:,}" if number else "" for number in counts],
            fontsize=8,
            rotation=90 if len(values) > 4 else 0,
            padding=2,
        )
