"""What the time of connect() went to: travel, queues, and waits by their cause.

The parts stand in `connections` and add up to the latency of every connect() that has returned.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from analysis.columns import PARTS
from analysis.quantities import count, duration, percent
from analysis.text import align

NAMES: Final = {
    "propagation_s": "propagation",
    "queueing_s": "queues, jitter, detours",
    "syn_lost_s": "SYN lost",
    "synack_lost_s": "SYN-ACK lost",
    "queue_full_s": "queue full",
    "cookie_s": "cookie lost",
    "rounding_s": "timer rounding",
}


def table(connections: pd.DataFrame) -> pd.DataFrame:
    """Return one row per part that took any time.

    Columns: `connects` (that it took time of), `share` (of all time that connects took), `mean_s`
    (over all connects that have returned), `max_s`.
    """
    rows = {}
    for part in PARTS:
        took = connections[part].to_numpy()
        returned = int(np.isfinite(took).sum())
        if returned:
            total = float(np.nansum(took))
            rows[part] = (int((took > 0).sum()), total, total / returned, float(np.nanmax(took)))
    table = pd.DataFrame.from_dict(
        rows, orient="index", columns=["connects", "share", "mean_s", "max_s"]
    ).rename_axis("part")
    table["share"] /= table["share"].sum() or 1.0
    return table[table["connects"] > 0]


def cells(parts: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Return the head and the rows of such a table as text."""
    head = ["time went to", "connects", "share of all time", "mean per connect()", "longest"]
    rows = [
        [
            NAMES[str(name)],
            count(row["connects"]),
            percent(row["share"]),
            duration(row["mean_s"]),
            duration(row["max_s"]),
        ]
        for name, row in parts.iterrows()
    ]
    return head, rows


def lines(connections: pd.DataFrame) -> list[str]:
    """Return the parts as lines, none if no connect() has returned."""
    parts = table(connections)
    if parts.empty:
        return []
    head, rows = cells(parts)
    return align([head, *rows])
