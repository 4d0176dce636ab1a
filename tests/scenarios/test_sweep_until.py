from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from scenarios.errors import UserError
from scenarios.sweeps.until import Until, parse_until


def test_goals_are_read() -> None:
    assert parse_until("p99 of latency within 5%") == Until("p99", "latency_s", 0.05)
    assert parse_until("p99.9 of latency within 0.5 %") == Until("p99.9", "latency_s", 0.005)
    assert parse_until("mean of SYN retransmissions within 10%").column == "syn_retransmits"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p99 latency 5%", "expected a form such as"),
        ("p99 of latence within 5%", "unknown 'latence'; did you mean 'latency'?"),
        ("p0 of latency within 5%", "between 0 and 100"),
        ("p100 of latency within 5%", "between 0 and 100"),
        ("mean of latency within 0%", "between 0 and 100"),
        ("p1.2.3 of latency within 5%", "not a number"),
    ],
)
def test_bad_goals(text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        parse_until(text)
    assert message in str(error.value)


def test_statistics_of_a_run(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pd.DataFrame({"latency_s": [*range(1, 101), None]}).to_parquet(file)
    values = [
        parse_until(f"{statistic} of latency within 1%").value(file)
        for statistic in ("mean", "max", "p50", "p99", "p99.9")
    ]
    assert values == [50.5, 100, 50, 99, 100]
    pd.DataFrame({"latency_s": [math.nan]}).to_parquet(file)
    assert math.isnan(parse_until("max of latency within 1%").value(file))


def test_a_narrow_interval_is_enough() -> None:
    goal = Until("mean", "latency_s", 0.05)
    assert goal.wanted([]) == goal.wanted([1.0, 1.0]) == 3
    assert goal.wanted([1.0, 1.0, 1.0]) == 3
    # t(2, 97.5 %) = 4.303, s = 0.01: half a width of 0.0248, then of 0.0497
    assert goal.wanted([0.99, 1.0, 1.01]) == 3
    assert goal.wanted([0.98, 1.0, 1.02]) == 3
    assert goal.wanted([0.9798, 1.0, 1.0202]) == 5
    assert goal.wanted([math.nan] * 4) == 6
