from __future__ import annotations

import numpy as np
import pytest

from analysis import statistics


def test_quantile_intervals_cover_as_often_as_they_say() -> None:
    """Of 400 samples: 95 % +- 4 standard errors (4.4 %) of the intervals hold the true p90."""
    rng = np.random.default_rng(7)
    true = -np.log(0.1)
    intervals = [statistics.quantile(rng.exponential(size=300), 0.9) for _ in range(400)]
    covered = np.mean([found.low <= true <= found.high for found in intervals])
    assert covered == pytest.approx(0.95, abs=0.044)


def test_a_tail_beyond_the_data_has_no_upper_bound() -> None:
    found = statistics.quantile(np.arange(100.0), 0.999)
    assert found.value == 99.0
    assert np.isnan(found.high)
    assert np.isnan(statistics.quantile(np.empty(0), 0.5).value)


def test_share_above_counts_failures_as_infinitely_late() -> None:
    found = statistics.share_above(np.array([0.04] * 97 + [1.04, 2.04, np.inf]), 1.0)
    assert found.value == 0.03
    # Wilson's interval for 3 of 100, by the formula.
    assert (found.low, found.high) == pytest.approx((0.010255, 0.084519), abs=1e-6)


def test_mean_of_one_has_no_interval() -> None:
    found = statistics.mean(np.array([2.0, np.nan]))
    assert found.value == 2.0
    assert np.isnan(found.low)
    three = statistics.mean(np.array([1.0, 2.0, 3.0]))
    assert three.value == 2.0
    assert (three.low, three.high) == pytest.approx((2 - 2.48414, 2 + 2.48414), abs=1e-4)


def test_sectioned_is_about_the_value_of_all() -> None:
    found = statistics.sectioned(10.0, np.array([9.0, 11.0, 13.0]))
    half = np.sqrt((1 + 1 + 9) / 6) * 4.302653
    assert (found.value, found.low, found.high) == pytest.approx((10.0, 10 - half, 10 + half))
    assert statistics.sectioned(1.0, np.array([0.0, 2.0])).low == 0.0


def test_comparing_a_run_with_itself_finds_nothing() -> None:
    latencies = np.random.default_rng(1).exponential(size=2000)
    found = statistics.compare(latencies, latencies)
    assert found.distance == 0.0
    assert found.p_value == 1.0
    assert (found.quantiles["difference_s"] == 0.0).all()
    assert (found.quantiles["low_s"] <= 0.0).all()
    assert (found.quantiles["high_s"] >= 0.0).all()


def test_comparison_finds_a_shift() -> None:
    rng = np.random.default_rng(2)
    found = statistics.compare(rng.exponential(size=5000), rng.exponential(size=5000) + 0.2)
    row = found.quantiles.loc["p50"]
    assert row["low_s"] < 0.2 < row["high_s"]
    assert row["low_s"] > 0.1
    assert found.p_value < 1e-6


def test_resampled_quantiles_are_those_of_resampling() -> None:
    """Mean and spread of the median of 50: 9,999 draws against 4,000 true resamples, 5 %."""
    rng = np.random.default_rng(3)
    ordered = np.sort(rng.exponential(size=50))
    drawn = statistics._resampled_quantile(ordered, 0.5, rng)
    resampled = np.quantile(rng.choice(ordered, (4000, 50)), 0.5, axis=1, method="inverted_cdf")
    assert drawn.mean() == pytest.approx(resampled.mean(), rel=0.05)
    assert drawn.std() == pytest.approx(resampled.std(), rel=0.05)


def test_comparison_in_words() -> None:
    found = statistics.compare(np.full(10, 0.04), np.full(20, 1.04))
    lines = statistics.text(found, ("before", "after")).splitlines()
    assert lines[0].split() == ["established", "connects", "before", "after", *lines[0].split()[4:]]
    assert lines[1].split() == ["count", "10", "20"]
    assert lines[2].split() == "p50 40.0 ms 1.04 s 1.00 s 1.00 s to 1.00 s".split()  # noqa: SIM905
    assert lines[-1].startswith("largest difference of the distributions: 100 % (Kolmogorov")
