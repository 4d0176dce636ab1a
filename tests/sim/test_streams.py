from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sim.streams import Streams


def test_the_same_seed_and_name_draw_the_same() -> None:
    a, b = (Streams(7).generator("loss a > b").random(5).tolist() for _ in range(2))
    assert a == b
    assert Streams(7).integer("host a") == Streams(7).integer("host a")


def test_a_stream_does_not_change_from_release_to_release() -> None:
    draws = Streams(1).generator("arrivals").integers(0, 1000, 4)
    assert draws.tolist() == [672, 662, 24, 324]
    assert Streams(1).integer("host client") == 10394871844420488288


def test_a_generator_begins_anew_each_time() -> None:
    streams = Streams(1)
    streams.generator("a").random(100)
    assert streams.generator("a").random() == Streams(1).generator("a").random()


def test_other_names_and_other_seeds_draw_others() -> None:
    draws = [
        Streams(seed).generator(name).random(3).tolist()
        for seed in (0, 1, 2)
        for name in ("a", "b", "ab", "a b")
    ]
    assert len({tuple(draw) for draw in draws}) == len(draws)
    integers = {Streams(seed).integer(name) for seed in (0, 1) for name in ("a", "b", "1:a")}
    assert len(integers) == 6


def test_streams_are_independent() -> None:
    """Correlation of 20 pairs of 10,000 draws: below 4 / sqrt(10,000)."""
    streams = Streams(3)
    draws = np.array([streams.generator(f"link {n}").random(10_000) for n in range(21)])
    correlations = np.corrcoef(draws)[0, 1:]
    assert np.abs(correlations).max() < 0.04


def test_integers_are_uniform() -> None:
    """1000 phases of 16 bits, Kolmogorov-Smirnov at 0.1 %."""
    streams = Streams(1)
    values = [streams.integer(f"host {n}", bits=16) for n in range(1000)]
    assert max(values) < 1 << 16
    assert stats.kstest(np.array(values) / (1 << 16), "uniform").pvalue > 0.001


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed must not be negative: -1"):
        Streams(-1)
