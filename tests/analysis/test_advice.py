from __future__ import annotations

import pytest

from analysis import advice
from analysis.schedules import Schedules
from analysis.theory import connect_latency

EXACT = Schedules((1.0, 2.0, 4.0), (3.0, 6.0))


def test_theory_in_words() -> None:
    """SYNs at 0, 1, 3 s, half of them lost, no SYN-ACK lost: 1/2, 3/4, 7/8."""
    text = advice.theory(EXACT, EXACT, rtt_s=0.04, loss=0.5, loss_back=0.0)
    assert text.splitlines() == [
        "RTT 40 ms, loss 50 % there and 0 % back",
        "mean 754 ms; never established: 12 %; gives up after 7.00 s",
        "",
        "share of connects  established within",
        "50 %                          40.0 ms",
        "90 %                            never",
        "95 %                            never",
        "99 %                            never",
        "99.9 %                          never",
        "99.99 %                         never",
        "99.999 %                        never",
        "99.9999 %                       never",
    ]


def test_theory_of_a_black_hole() -> None:
    text = advice.theory(EXACT, EXACT, rtt_s=0.04, loss=1.0)
    assert text.splitlines()[1] == "never established; gives up after 7.00 s"


def test_timeout_misses_the_share_it_may() -> None:
    latency = connect_latency(EXACT, EXACT, rtt_s=0.04, loss=0.5, loss_back=0.0)
    assert advice.timeout(latency, missed=0.1) == 3.04
    assert advice.timeout(latency, missed=0.2) == 1.04


def test_alternatives_change_what_they_say() -> None:
    table = advice.alternatives(EXACT, EXACT, rtt_s=0.04, loss=0.5, loss_back=0.0, budget_s=2.0)
    assert table["within"].to_dict() == pytest.approx(
        {
            "as it is": 0.75,
            "one SYN fewer": 0.75,
            "one SYN more": 0.75,
            "initial RTO 200 ms": 0.875,
            "initial RTO 500 ms": 0.875,
            "initial RTO 3 s": 0.5,
        }
    )
    assert table["never"].iloc[:3].tolist() == pytest.approx([1 / 8, 1 / 4, 1 / 16])
    assert table["gives_up_s"].iloc[:3].tolist() == [7.0, 3.0, 15.0]


def test_advice_in_words() -> None:
    lines = advice.advise(EXACT, EXACT, rtt_s=0.04, loss=0.01, budget_s=0.5).splitlines()
    assert lines[:3] == [
        "RTT 40 ms, loss 1 % each way",
        "98 % of connects are established within 500 ms.",
        "A timeout of 3.04 s gives up on 1 in 10,000 of those that would still succeed.",
    ]
    assert lines[4].split()[:4] == ["setting", "within", "500", "ms"]
    assert lines[5].startswith("as it is ")
