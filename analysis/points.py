"""The points of a sweep: one row per combination of its axes, a value with its interval in each.

A value is a quantile or the mean of the latency of the connects that were established, a share of
the connects, or a count per connect, of all repetitions together.  A quantile's interval lies
between two order statistics of these connects; that of a share or a mean follows from the spread of
the repetitions, if there are any, else from the connects of the one run.
"""

from __future__ import annotations

import difflib
import re
from typing import Any, Final

import numpy as np
import pandas as pd

from analysis import recipe, statistics
from analysis.errors import ResultsError
from analysis.frames import Frames
from analysis.quantities import duration, parameter, percent
from analysis.statistics import Estimate
from analysis.text import align

QUANTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d+)?)")

UNITS: Final = {"mean": "s", "max": "s", "established": "%", "failed": "%"}
"""Values besides quantiles, with their units."""

PER_CONNECT: Final = ("syn_sent", "syn_retransmits", "synack_sent", "synack_retransmits")
"""Columns whose mean per connect() is a value."""

SHOWN: Final = ("established", "p50", "p99", "p99.9")
"""The values of a summary."""


def unit(value: str) -> str:
    """Return the unit of a value: "s", "%" or, of a count, none.

    Raises ValueError for a value that there is not.

    >>> unit("p99.9"), unit("established"), unit("syn_sent")
    ('s', '%', '')
    """
    if QUANTILE.fullmatch(value):
        return "s"
    if value in UNITS or value in PER_CONNECT:
        return UNITS.get(value, "")
    known = ["p50", "p99", "p99.9", *UNITS, *PER_CONNECT]
    near = difflib.get_close_matches(value, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(known)} or any quantile"
    raise ValueError(f"no value {value!r}: {hint}")


def points(frames: Frames, value: str) -> pd.DataFrame:
    """Return one row per point: the axes, `value`, `low`, `high` and `repetitions`.

    Raises ValueError for a value that there is not, ResultsError if no run is complete.
    """
    unit(value)
    axes = frames.axes
    if not axes:
        raise ValueError("the sweep varies nothing")
    columns = ["run", "outcome", "latency_s", *([value] if value in PER_CONNECT else [])]
    connections = frames.select(columns)
    runs = frames.runs.set_index("run")
    runs = runs[runs.index.isin(connections["run"].unique())]
    if runs.empty:
        raise ResultsError(f"{frames.path}: no run of the sweep has connections")
    of_run = dict(iter(connections.groupby("run", observed=True)))
    table = []
    for key, repetitions in runs.groupby(axes, observed=True, sort=True):
        parts = [of_run[run] for run in repetitions.index]
        estimate = _estimate(pd.concat(parts), value)
        if len(parts) > 1 and not QUANTILE.fullmatch(value):
            each = np.array([_estimate(part, value).value for part in parts])
            estimate = statistics.sectioned(estimate.value, each)
        table.append((*key, estimate.value, estimate.low, estimate.high, len(parts)))
    return pd.DataFrame(table, columns=[*axes, value, "low", "high", "repetitions"])


def text(frames: Frames) -> str:
    """Return the summary of a sweep, ready to print: its points."""
    question = str(frames.recipe.get("question", ""))
    return "\n".join([recipe.one_line(frames.recipe), question, "", *align(rows(frames))])


def rows(frames: Frames) -> list[list[str]]:
    """Return the points as text: axes, runs, `SHOWN`; the names come first."""
    tables = [points(frames, value) for value in SHOWN]
    units = frames.recipe.get("units", {})
    cells = [[*frames.axes, "runs", *SHOWN]]
    for row in range(len(tables[0])):
        values = [table.iloc[row][value] for table, value in zip(tables, SHOWN, strict=True)]
        cells.append(
            [
                *(parameter(_plain(tables[0].iloc[row][a]), units.get(a, "")) for a in frames.axes),
                str(tables[0].iloc[row]["repetitions"]),
                *(_written(number, of) for number, of in zip(values, SHOWN, strict=True)),
            ]
        )
    return cells


def _written(number: float, value: str) -> str:
    return percent(number) if unit(value) == "%" else duration(number)


def _plain(value: Any) -> Any:
    """Return a number of numpy as Python's."""
    return value.item() if isinstance(value, np.generic) else value


def _estimate(connections: pd.DataFrame, value: str) -> Estimate:
    """Return a value of one run."""
    outcome = connections["outcome"]
    if value in ("established", "failed"):
        counted = outcome == "established"
        if value == "failed":
            counted = ~counted & (outcome != "pending")
        return statistics.share_above(np.asarray(counted, dtype=np.float64), 0.5)
    if value in PER_CONNECT:
        return statistics.mean(connections[value].to_numpy(dtype=float))
    latencies = connections.loc[outcome == "established", "latency_s"].to_numpy()
    if value == "max":
        most = float(latencies.max()) if len(latencies) else float("nan")
        return Estimate(most, float("nan"), float("nan"))
    if value == "mean":
        return statistics.mean(latencies)
    return statistics.quantile(latencies, float(value[1:]) / 100)
