"""Statistics of latencies with their uncertainty: intervals, shares, comparisons.

Quantiles are observed latencies (inverse of the empirical distribution), and their intervals come
from order statistics: nothing is assumed about a distribution that is a row of clusters.  Where a
run was repeated, the spread over the repetitions is used instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis.errors import ResultsError
from analysis.frames import Frames
from analysis.quantities import count, duration, percent
from analysis.summary import quantiles
from analysis.text import align

Latencies = NDArray[np.float64]

SHARES: Final = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}

_RESAMPLES: Final = 9_999


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and the interval that covers the true one with the confidence asked for.

    An end is NaN where the data do not bound it.
    """

    value: float
    low: float
    high: float


def quantile(latencies: Latencies, share: float, confidence: float = 0.95) -> Estimate:
    """Return a quantile with its interval between two order statistics.

    The interval is distribution-free (Conover, Practical Nonparametric Statistics, section 3.2).
    Far out in the tail of few latencies there is no such upper bound, and it is NaN.

    >>> quantile(np.arange(1.0, 101.0), 0.5)
    Estimate(value=50.0, low=40.0, high=61.0)
    """
    [value] = quantiles(latencies, [share])
    if not len(latencies):
        return Estimate(float("nan"), float("nan"), float("nan"))
    test = stats.quantile_test(latencies, q=float(value), p=share)
    interval: Any = test.confidence_interval(confidence)
    return Estimate(float(value), float(interval.low), float(interval.high))


def share_above(latencies: Latencies, threshold_s: float, confidence: float = 0.95) -> Estimate:
    """Return the share of latencies above a threshold, with Wilson's interval.

    Give connects that failed an infinite latency for them to count.
    """
    total = len(latencies)
    if not total:
        return Estimate(float("nan"), float("nan"), float("nan"))
    above = int((latencies > threshold_s).sum())
    interval = stats.binomtest(above, total).proportion_ci(confidence, method="wilson")
    return Estimate(above / total, float(interval.low), float(interval.high))


def mean(values: NDArray[np.float64], confidence: float = 0.95) -> Estimate:
    """Return a mean with Student's interval: of repetitions, or of many single values."""
    known = values[np.isfinite(values)]
    value = float(known.mean()) if len(known) else float("nan")
    if len(known) < 2:
        return Estimate(value, float("nan"), float("nan"))
    half = float(stats.sem(known) * stats.t.ppf((1 + confidence) / 2, len(known) - 1))
    return Estimate(value, value - half, value + half)


def sectioned(value: float, sections: NDArray[np.float64], confidence: float = 0.95) -> Estimate:
    """Return a value of all repetitions together with an interval from that of each of them.

    Sectioning (Asmussen and Glynn, Stochastic Simulation, section III.5): Student's, about the
    value of all.  A value that cannot be negative has no negative bound.
    """
    number = len(sections)
    if number < 2:
        return Estimate(value, float("nan"), float("nan"))
    spread = np.sqrt(((sections - value) ** 2).sum() / (number * (number - 1)))
    half = float(spread * stats.t.ppf((1 + confidence) / 2, number - 1))
    return Estimate(value, max(0.0, value - half), value + half)


def established(frames: Frames) -> Latencies:
    """Return the latencies of the connects that were established.

    Raises ResultsError if there are none.
    """
    connections = frames.select(["outcome", "latency_s"])
    latencies = connections.loc[connections["outcome"] == "established", "latency_s"].to_numpy()
    if not len(latencies):
        raise ResultsError(f"{frames.path}: no connect was established")
    return latencies


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the latencies of one run differ from those of another."""

    quantiles: pd.DataFrame
    """One row per quantile: `a_s`, `b_s`, `difference_s` (b - a), `low_s`, `high_s`."""
    distance: float
    """Kolmogorov and Smirnov's: the largest difference of the two distributions."""
    p_value: float
    """Chance of such a distance between two runs of the same kind; for latencies in clusters a
    bound from above."""
    counts: tuple[int, int]


def compare(a: Latencies, b: Latencies, confidence: float = 0.95) -> Comparison:
    """Compare the latencies of two runs, neither of them empty.

    The intervals of the differences are bootstrap percentiles.  A resampled quantile is an order
    statistic whose rank follows from a beta variable, so nothing is resampled in fact.
    """
    rng = np.random.default_rng(0)
    sides = np.sort(a), np.sort(b)
    rows = {}
    for name, share in SHARES.items():
        values = [float(quantiles(side, [share])[0]) for side in sides]
        drawn = [_resampled_quantile(side, share, rng) for side in sides]
        ends = (1 - confidence) / 2, (1 + confidence) / 2
        low, high = np.quantile(drawn[1] - drawn[0], ends)
        rows[name] = (*values, values[1] - values[0], float(low), float(high))
    found = stats.ks_2samp(*sides)
    return Comparison(
        pd.DataFrame.from_dict(
            rows, orient="index", columns=["a_s", "b_s", "difference_s", "low_s", "high_s"]
        ).rename_axis("quantile"),
        float(found.statistic),
        float(found.pvalue),
        (len(a), len(b)),
    )


def text(comparison: Comparison, names: tuple[str, str]) -> str:
    """Return a comparison ready to print."""
    head = ["established connects", *names, "difference", "95 % interval"]
    rows = [head, ["count", *map(count, comparison.counts), "", ""]]
    for name, row in comparison.quantiles.iterrows():
        low, high = duration(row["low_s"]), duration(row["high_s"])
        values = (duration(row[column]) for column in ("a_s", "b_s", "difference_s"))
        rows.append([str(name), *values, f"{low} to {high}"])
    verdict = (
        f"largest difference of the distributions: {percent(comparison.distance)} "
        f"(Kolmogorov-Smirnov, p = {comparison.p_value:.2g})"
    )
    return "\n".join([*align(rows), "", verdict])


def _resampled_quantile(
    ordered: Latencies, share: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the quantile of `_RESAMPLES` resamples with replacement."""
    number = len(ordered)
    rank = max(1, int(np.ceil(share * number - 1e-9)))
    position = rng.beta(rank, number - rank + 1, _RESAMPLES)
    return ordered[np.minimum((position * number).astype(np.int64), number - 1)]
