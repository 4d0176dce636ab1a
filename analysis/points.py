"""The points of a sweep: one row per combination of its axes, a value with its interval in each.

A value is a quantile or the mean of the latency of the connects that were established, a share of
the connects, or a count per connect, of all repetitions together.  Its interval follows from the
spread of the repetitions, which are independent where the connects of one run are not: they share
queues.  Of a single run it follows from the connects all the same, a quantile's from two of their
order statistics.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import recipe, statistics
from analysis.errors import ResultsError
from analysis.frames import Frames
from analysis.quantities import duration, parameter, percent
from analysis.statistics import Estimate
from analysis.summary import quantiles
from analysis.text import align

QUANTILE: Final = re.compile(r"p(\d{1,2}(?:\.\d+)?)")

UNITS: Final = {"mean": "s", "max": "s", "established": "%", "failed": "%"}
"""Values besides quantiles, with their units."""

PER_CONNECT: Final = ("syn_sent", "syn_retransmits", "synack_sent", "synack_retransmits")
"""Columns whose mean per connect() is a value."""

SHOWN: Final = ("established", "p50", "p99", "p99.9")
"""The values of a summary."""

INTERVALS: Final = (
    "In parentheses: 95 % confidence intervals over a point's repetitions, or over the connects of"
    " its one run."
)
"""What the parentheses of `rows` are."""

Sample = NDArray[np.float64]


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


def title(value: str) -> str:
    """Return what a value is, in words.

    >>> title("p99"), title("established"), title("syn_sent")
    ('p99 of latency', 'share established', 'syn_sent per connect()')
    """
    if unit(value) == "s":
        return f"{value} of latency"
    return f"share {value}" if unit(value) == "%" else f"{value} per connect()"


@dataclass(frozen=True, slots=True)
class Measured:
    """A point, and the values asked for."""

    key: tuple[Any, ...]
    """Its parameters, in the order of the axes; NaN is a duration that never passes."""
    runs: int
    done: int
    estimates: list[Estimate]


def points(frames: Frames, value: str) -> pd.DataFrame:
    """Return one row per point: the axes, `value`, `low`, `high` and `repetitions`.

    Raises ValueError for a value that there is not, ResultsError if no run is complete.
    """
    if not frames.axes:
        raise ValueError("the sweep varies nothing")
    table = [
        (*point.key, estimate.value, estimate.low, estimate.high, point.done)
        for point in measured(frames, [value])
        for estimate in point.estimates
    ]
    return pd.DataFrame(table, columns=[*frames.axes, value, "low", "high", "repetitions"])


def measured(frames: Frames, values: Sequence[str]) -> Iterator[Measured]:
    """Yield the points in the order of their parameters, with no more than one in memory.

    Raises ValueError and ResultsError as `points` does.
    """
    for value in values:
        unit(value)
    runs = frames.runs
    if not (runs["status"] == "done").any():
        raise ResultsError(f"{frames.path}: no run of the sweep is complete")
    wanted = {"run", "outcome", "latency_s", *(v for v in values if v in PER_CONNECT)}
    for key, members in runs.groupby(frames.axes, observed=True, sort=True, dropna=False):
        done = members.loc[members["status"] == "done", "run"].tolist()
        estimates = [Estimate(math.nan, math.nan, math.nan)] * len(values)
        if done:
            connections = frames.of_runs(done, sorted(wanted))
            repetitions = [part for _, part in connections.groupby("run", observed=True)]
            estimates = [_estimate(connections, repetitions, value) for value in values]
        yield Measured(key, len(members), len(done), estimates)


def text(frames: Frames) -> str:
    """Return the summary of a sweep, ready to print: its points."""
    question = str(frames.recipe.get("question", ""))
    lines = [recipe.one_line(frames.recipe), question, "", *align(rows(frames)), "", INTERVALS]
    return "\n".join(lines)


def rows(frames: Frames) -> list[list[str]]:
    """Return the points as text: axes, runs, `SHOWN` with intervals; the names come first."""
    units = frames.recipe.get("units", {})
    return [[*frames.axes, "runs", *SHOWN]] + [
        [
            *(
                parameter(value, units.get(axis, ""))
                for axis, value in zip(frames.axes, point.key, strict=True)
            ),
            str(point.done) if point.done == point.runs else f"{point.done} of {point.runs}",
            *(_written(*of) for of in zip(point.estimates, SHOWN, strict=True)),
        ]
        for point in measured(frames, SHOWN)
    ]


def _written(estimate: Estimate, value: str) -> str:
    """Return a value with its interval, whose unit is left out where it is the value's own."""
    write = percent if unit(value) == "%" else duration
    if math.isnan(estimate.value):
        return "–"
    if math.isnan(estimate.low):
        return write(estimate.value)
    ends = [write(estimate.value), write(estimate.low)]
    ends.append("∞" if math.isnan(estimate.high) else write(estimate.high))
    units = {text.partition(" ")[2] for text in ends if text != "∞"}
    low, high = (text.partition(" ")[0] if len(units) == 1 else text for text in ends[1:])
    return f"{ends[0]} ({low}–{high})"


def _estimate(
    connections: pd.DataFrame, repetitions: Sequence[pd.DataFrame], value: str
) -> Estimate:
    """Return a value of all repetitions of a point, with its interval."""
    of_all = _sample(connections, value)
    if len(repetitions) < 2:
        return _of_one(of_all, value)
    sections = np.array([_value(_sample(each, value), value) for each in repetitions])
    found = statistics.sectioned(_value(of_all, value), sections[~np.isnan(sections)])
    most = 1.0 if unit(value) == "%" else math.inf
    return replace(found, high=min(found.high, most))


def _sample(connections: pd.DataFrame, value: str) -> Sample:
    """Return what a value is taken of, one number per connect."""
    outcome = connections["outcome"]
    if value == "established":
        return np.asarray(outcome == "established", dtype=np.float64)
    if value == "failed":
        return np.asarray(~outcome.isin(["established", "pending"]), dtype=np.float64)
    if value in PER_CONNECT:
        return connections[value].to_numpy(dtype=float)
    return connections.loc[outcome == "established", "latency_s"].to_numpy(dtype=float)


def _value(sample: Sample, value: str) -> float:
    """Return a value of a sample, NaN if there is nothing in it."""
    if not len(sample):
        return math.nan
    if QUANTILE.fullmatch(value):
        return float(quantiles(sample, [_share(value)])[0])
    return float(sample.max() if value == "max" else sample.mean())


def _of_one(sample: Sample, value: str) -> Estimate:
    """Return a value of one run's sample with its interval."""
    if QUANTILE.fullmatch(value):
        return statistics.quantile(sample, _share(value))
    if unit(value) == "%":
        return statistics.share_above(sample, 0.5)
    if value == "max":
        return Estimate(_value(sample, value), math.nan, math.nan)
    return statistics.mean(sample)


def _share(value: str) -> float:
    return float(value[1:]) / 100
