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


SETTINGS = {
    "as it is": EXACT,
    "one SYN fewer": Schedules((1.0, 2.0), ()),
    "one SYN more": Schedules((1.0, 2.0, 4.0, 8.0), ()),
    "initial RTO 200 ms": Schedules((0.2, 0.4, 0.8), ()),
    "initial RTO 3 s": Schedules((3.0, 6.0, 12.0), ()),
}


def test_alternatives_change_what_they_say() -> None:
    path = {"rtt_s": 0.04, "loss": 0.5, "loss_back": 0.0, "budget_s": 2.0}
    table = advice.alternatives(SETTINGS, EXACT, **path)
    assert table["within"].to_dict() == pytest.approx(
        dict(zip(SETTINGS, (0.75, 0.75, 0.75, 0.875, 0.5), strict=True))
    )
    assert table["never"].iloc[:3].tolist() == pytest.approx([1 / 8, 1 / 4, 1 / 16])
    assert table["gives_up_s"].iloc[:3].tolist() == [7.0, 3.0, 15.0]


def test_advice_in_words() -> None:
    text = advice.advise(EXACT, EXACT, SETTINGS, rtt_s=0.04, loss=0.01, budget_s=0.5)
    lines = text.splitlines()
    assert lines[:3] == [
        "RTT 40 ms, loss 1 % each way",
        "98 % of connects are established within 500 ms.",
        "A timeout of 3.04 s gives up on at most 1 in 10,000 connects that would still succeed.",
    ]
    assert lines[4].split()[:4] == ["setting", "within", "500", "ms"]
    assert lines[5].startswith("as it is ")
    assert lines[-1] == "initial RTO 200 ms gets most within 500 ms: 99.96 %."


def test_advice_where_nothing_helps() -> None:
    text = advice.advise(EXACT, EXACT, SETTINGS, rtt_s=0.3, loss=1.0, budget_s=10.0)
    assert "0 % of connects are established within 10.0 s; the others fail by then." in text
    assert "No timeout helps: no connect is ever established." in text
    assert text.splitlines()[-2:] == [
        "None of these settings gets more connects within 10.0 s.",
        "Every SYN is repeated before an answer can be there with initial RTO 200 ms.",
    ]


def test_the_advised_timeout_is_not_rounded_down() -> None:
    """At 2.131 s: "2.13 s" would give up on more than it says."""
    late = Schedules((2.051, 4.0), ())
    text = advice.advise(late, EXACT, {}, rtt_s=0.08, loss=0.005, loss_back=0.0, budget_s=1.0)
    assert "A timeout of 2.14 s gives up" in text
