from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis import summary
from tests.analysis import synthetic


def test_summarise_counts_and_adds_up() -> None:
    table = synthetic.connections(400, loss=0.6, systems=("windows",))
    rows = summary.summarise(table)
    assert list(rows.index) == ["established", "timed_out", "all"]
    for column in ("count", "share", "syn_sent", "synack_retransmits"):
        assert rows[column].iloc[:-1].sum() == pytest.approx(rows.loc["all", column])
    assert rows.loc["all", "syn_sent"] == table["syn_sent"].sum()
    assert rows.loc["timed_out", "max_s"] == table["latency_s"].max()


def test_quantiles_are_observed_latencies() -> None:
    latencies = np.array([0.04] * 99 + [1.04])
    assert list(summary.quantiles(latencies, [0.5, 0.99, 0.991, 1.0])) == [0.04, 0.04, 1.04, 1.04]
    assert np.isnan(summary.quantiles(np.empty(0), [0.5])).all()


def test_pending_connections_have_no_latency() -> None:
    table = synthetic.connections(3, loss=0.0)
    table["outcome"] = pd.Categorical(["pending", "established", "pending"])
    table.loc[[0, 2], ["latency_s", "finished_s"]] = np.nan
    rows = summary.summarise(table)
    assert rows["count"]["pending"] == 2
    assert np.isnan(rows["p50_s"]["pending"])
    assert rows["max_s"]["all"] == table["latency_s"][1]


def test_text_of_a_run(tmp_path: Path) -> None:
    table = synthetic.connections(4, loss=0.0)
    table["latency_s"] = [0.04, 0.04, 1.0579, 134.27]
    table["outcome"] = pd.Categorical(["established"] * 3 + ["timed_out"])
    table["errno"] = pd.Categorical([None, None, None, "ETIMEDOUT"])
    table["syn_sent"], table["syn_retransmits"] = [1, 1, 2, 11], [0, 0, 1, 10]
    table["propagation_s"] = [0.04] * 3 + [0.0]
    table["syn_lost_s"] = table["latency_s"] - table["propagation_s"]
    folder = synthetic.write(tmp_path / "run", table)
    assert analysis.summarise(folder).splitlines() == [
        "two_hosts: delay 20 ms, loss 1 %, connections 1000, client_os linux; seed 1; "
        "connectsim 0.1.0",
        "How long does connect() take when packets are lost?",
        "",
        "connect()              count  share    mean      p50     p90     p99   p99.9     max",
        "established                3   75 %  379 ms  40.0 ms  1.06 s  1.06 s  1.06 s  1.06 s",
        "timed_out (ETIMEDOUT)      1   25 %   134 s    134 s   134 s   134 s   134 s   134 s",
        "all                        4  100 %  33.9 s  40.0 ms   134 s   134 s   134 s   134 s",
        "",
        "packets  sent  retransmissions  per connect()",
        "SYN        15               11         2.7500",
        "SYN-ACK     4                0         0.0000",
        "",
        "time went to  connects  share of all time  mean per connect()  longest",
        "propagation          3           0.0886 %             30.0 ms  40.0 ms",
        "SYN lost             2           99.911 %              33.8 s    134 s",
    ]


def test_text_of_a_run_without_connections(tmp_path: Path) -> None:
    folder = synthetic.write(tmp_path / "run", synthetic.connections(0))
    assert analysis.summarise(folder).endswith("\n\nno connections")
