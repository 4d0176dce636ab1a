"""Connects side by side: one row for each group, with outcomes and latencies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.frames import Frames
from analysis.quantities import count, duration, percent
from analysis.summary import quantiles
from analysis.text import align

COLUMNS = ("outcome", "errno", "latency_s", "syn_sent")
"""What a table is made of."""


def table(groups: dict[str, pd.DataFrame], title: str = "") -> str:
    """Return a table of groups of connects: outcomes, and when connect() returned."""
    rows = [[title, "connects", "established", "p50", "p99", "latest", "SYNs", "otherwise"]]
    rows += [[name, *_cells(connections)] for name, connections in groups.items()]
    return "\n".join(align(rows))


def _cells(connections: pd.DataFrame) -> list[str]:
    established = connections["outcome"] == "established"
    otherwise = connections.loc[~established, "errno"].astype(object).fillna("no answer yet")
    endings = [f"{name} {count(number)}" for name, number in otherwise.value_counts().items()]
    returned = connections["latency_s"].dropna().to_numpy()
    late = quantiles(returned, [0.5, 0.99, 1.0]) if len(returned) else [np.nan] * 3
    syns = connections["syn_sent"].mean() if len(connections) else np.nan
    return [
        count(len(connections)),
        percent(established.mean()) if len(connections) else "–",
        *(duration(float(value)) for value in late),
        "–" if np.isnan(syns) else f"{syns:.2f}",
        ", ".join(endings) or "–",
    ]


def by(frames: Frames, column: str, title: str = "") -> str:
    """Return a table of the connects by a column, in the order of its values."""
    connections = frames.select(tuple(dict.fromkeys((*COLUMNS, column))))
    kinds = connections.groupby(column, observed=True, sort=True)
    return table({str(value): group for value, group in kinds}, title)


def by_period(frames: Frames, title: str = "called") -> str:
    """Return a table of the connects by when they were called: in each mark of the run, or not."""
    connections = frames.select((*COLUMNS, "started_s"))
    started = connections["started_s"]
    rest = pd.Series(data=True, index=connections.index)
    groups = {}
    for mark in frames.recipe["marks"]:
        inside = (started >= mark["from_s"]) & (started < mark["to_s"])
        groups[str(mark["name"])] = connections[inside]
        rest &= ~inside
    return table(groups | {"at other times": connections[rest]}, title)
