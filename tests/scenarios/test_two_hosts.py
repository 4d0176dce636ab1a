"""The twin of measurement E3: connect() on a Linux kernel under independent loss."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scenarios.catalogue import load
from scenarios.errors import UserError
from scenarios.parameters import parse
from scenarios.runner import Run, simulate
from scenarios.store import table

DATA = Path(__file__).parents[1] / "data"
MEASURED = {"0": "p0", "0.5%": "p005", "2%": "p02", "10%": "p10"}
CLASSES = [0, 500, 1500, 2500, np.inf]
"""Latencies, ms, by how many timers of a second expired."""
ONE_CLOCK = 36
"""Client and server shared a kernel, so one clock: with this seed the two hosts' clocks agree to
0.1 ms in their timer wheels' rounds of 256 ms."""


def simulated(seed: int = 3, **settings: str) -> pd.DataFrame:
    scenario = load("two_hosts")
    run = Run(scenario, parse(scenario.parameters, settings), seed)
    frame: pd.DataFrame = table(simulate(run)[0].records.columns()).to_pandas()
    return frame


@cache
def twin(loss: str) -> pd.DataFrame:
    """Return the simulated twin of a measurement, in which clients stayed connected."""
    return simulated(ONE_CLOCK, loss=loss, hold="70 s")


def measured(loss: str) -> pd.DataFrame:
    return pd.read_csv(DATA / f"E3_e3_{MEASURED[loss]}.csv.gz")


def counts(latencies: pd.Series[float]) -> list[int]:
    return [int(count) for count in np.histogram(latencies, CLASSES)[0]]


def test_a_link_in_the_words_of_netem() -> None:
    frame = simulated(loss="0", netem="delay 10ms 5ms loss gemodel 1% 10%", connections="500")
    travelled = frame["propagation_s"] + frame["queueing_s"]
    assert travelled.between(0.05, 0.07).all()  # twice 20 ms and 10 ms, give or take 5 ms
    assert travelled.std() > 0.002
    assert 0 < (frame["syn_sent"] > 1).mean() < 0.3
    with pytest.raises(UserError, match=r"parameter netem: netem 'lose 1%': word 1, 'lose'"):
        simulated(netem="lose 1%")


def test_losses_by_a_script() -> None:
    frame = simulated(loss="0", lose="SYN 1-2", connections="20")
    assert (frame["syn_sent"] == 3).all()
    with pytest.raises(UserError, match="parameter lose: script 'SIN 1'"):
        simulated(lose="SIN 1")


@pytest.mark.parametrize("loss", MEASURED)
def test_latencies_agree_with_the_kernel(loss: str) -> None:
    """Classes: chi-square at 0.1 %.  Medians: 0.2 ms at once, 5 ms after a timer."""
    kernel, ours = measured(loss)["lat_ms"], twin(loss)["latency_s"] * 1000
    assert len(ours) == len(kernel) == 5000
    pairs = np.array([counts(ours), counts(kernel)])
    pairs = pairs[:, pairs.sum(axis=0) > 0]
    if pairs.shape[1] > 1:
        assert stats.chi2_contingency(pairs).pvalue > 0.001
    for low, high, tolerance in ((0, 500, 0.2), (500, 1500, 5), (1500, 2500, 5)):
        both = [s[(s >= low) & (s < high)] for s in (ours, kernel)]
        if min(map(len, both)) > 100:
            assert both[0].median() == pytest.approx(both[1].median(), abs=tolerance)


@pytest.mark.parametrize("loss", MEASURED)
def test_packets_and_accepts_agree_with_the_kernel(loss: str) -> None:
    """Packets a connect and the share accepted within 100 ms: 3.5 standard errors."""
    kernel, ours = measured(loss), twin(loss)
    accept = (ours["accepted_s"] - ours["started_s"]) * 1000
    pairs = [
        (ours["syn_sent"], kernel["n_syn"]),
        (ours["synack_sent"], kernel["n_synack"]),
        (accept < 100, kernel["server_accept_ms"] < 100),
    ]
    for a, b in pairs:
        error = np.sqrt((a.var() + b.var()) / 5000)
        assert abs(a.mean() - b.mean()) <= 3.5 * error + 1e-9


def test_a_connect_takes_one_round_trip_without_loss() -> None:
    ours = simulated(loss="0", connections="100", delay="12 ms")
    assert ours["latency_s"].to_numpy() == pytest.approx(0.024, abs=1e-9)
    assert (ours["accepted_s"] - ours["started_s"]).to_numpy() == pytest.approx(0.036, abs=1e-9)
    assert set(ours["outcome"]) == {"established"}
    assert (ours["path_hops"] == 1).all()
    assert (ours["path_delay_s"] == 0.012).all()


def test_nothing_gets_through_when_all_is_lost() -> None:
    ours = simulated(loss="100%", connections="5")
    assert set(ours["outcome"]) == {"timed_out"}
    assert set(ours["errno"]) == {"ETIMEDOUT"}
    assert ours["syn_sent"].tolist() == [11] * 5
    assert ours["latency_s"].between(133.2, 135.4).all()
    assert ours["accepted_s"].isna().all()


def test_a_slow_server_accepts_at_its_rate() -> None:
    ours = simulated(loss="0", connections="50", rate="1000/s", accept_rate="10/s")
    gaps = ours["accepted_s"].sort_values().diff().dropna()
    assert gaps.to_numpy() == pytest.approx(0.1, abs=1e-6)


def test_a_small_backlog_makes_clients_wait() -> None:
    ours = simulated(loss="0", connections="50", rate="1000/s", accept_rate="10/s", backlog="3")
    assert (ours["latency_s"] > 1).any()


def test_connections_close_after_the_hold() -> None:
    scenario = load("two_hosts")
    ends = [
        simulate(Run(scenario, parse(scenario.parameters, {"connections": "1", "hold": hold}), 3))[
            0
        ].env.now
        for hold in ("1s", "31s")
    ]
    assert ends[1] - ends[0] == pytest.approx(30e9, abs=1e9)


def test_one_seed_shares_its_random_numbers_between_points() -> None:
    a, b = simulated(loss="1%", connections="50"), simulated(loss="2%", connections="50")
    assert a["started_s"].equals(b["started_s"])


def test_more_than_292_years_are_refused() -> None:
    with pytest.raises(UserError, match="longer than 292 years"):
        simulated(connections="2000000", rate="0.0001")
