"""Single connects as rows of a table."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

from analysis.causes import NAMES
from analysis.columns import PARTS
from analysis.quantities import duration

HEAD: Final = (
    *("connection", "outcome", "latency", "time went to", "SYNs", "SYN-ACKs"),
    *("called at", "from", "to"),
)

COLUMNS: Final = (
    *("connection", "client", "server", "started_s", "latency_s", "outcome", "syn_sent"),
    *("synack_sent", *PARTS),
)
"""What the cells are made of."""

_SHOWN: Final = 0.01
"""Parts of less than this share of the latency are not named."""


def cells(row: dict[Hashable, Any]) -> list[str]:
    """Return a row of `connections` as text, under `HEAD`."""
    return [
        str(row["connection"]),
        str(row["outcome"]),
        duration(row["latency_s"]),
        _parts(row),
        str(row["syn_sent"]),
        str(row["synack_sent"]),
        duration(row["started_s"]),
        str(row["client"]),
        str(row["server"]),
    ]


def _parts(row: dict[Hashable, Any]) -> str:
    """Return what most of the latency consists of, the longest first."""
    longest_first = sorted(PARTS, key=lambda part: -row[part])
    return (
        ", ".join(
            f"{NAMES[part]} {duration(row[part])}"
            for part in longest_first
            if row[part] > _SHOWN * row["latency_s"]
        )
        or "–"
    )
