"""sim.net.impairments: the long-run statistics of each model, and what it does packet by packet.

Streams have fixed seeds.  Tolerances are about four standard errors of the statistic for the
number of packets used.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from itertools import groupby, islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.net.distributions import measured, named
from sim.net.impairments import Fate, Impairments, delays, losses, uniforms
from sim.net.models import Chance, Delay, FourState, GilbertElliott, Loss, LossTrace
from sim.net.netem import parse
from sim.packet import SYN, Flow, Packet
from sim.streams import Streams
from sim.units import MS, US, S

PACKETS = 200_000
NORMAL = statistics.NormalDist()
FLOW = Flow("10.0.0.1", 1024, "10.0.0.2", 80)


def syn() -> Packet:
    return Packet(FLOW, SYN, 0, 0, 65535)


def lost(model: Loss, count: int = PACKETS, seed: int = 1) -> np.ndarray:
    draw = uniforms(np.random.default_rng(seed))
    return np.fromiter(islice(losses(model, draw), count), dtype=float, count=count)


def lag_1(series: np.ndarray) -> float:
    return float(np.corrcoef(series[1:], series[:-1])[0, 1])


def mean_run(series: np.ndarray) -> float:
    return statistics.fmean(len(list(run)) for fate, run in groupby(series) if fate)


def link(text: str, seed: int = 1) -> Impairments:
    return Impairments(parse(text), Streams(seed).generator)


def sends(impairments: Impairments, times: Sequence[int], size: int = 60) -> list[tuple[str, int]]:
    """Return fate and time of every copy of packets put on the link at `times`."""
    return [
        (outcome.fate.name, outcome.time)
        for time in times
        for outcome in impairments.transmit(syn(), size, time)
    ]


def test_random_loss_has_its_rate_and_no_memory() -> None:
    fates = lost(Chance(0.02))
    assert fates.mean() == pytest.approx(0.02, abs=0.0013)
    assert lag_1(fates) == pytest.approx(0, abs=0.01)


def test_correlated_loss_keeps_its_rate_and_comes_in_runs() -> None:
    model = Chance(0.2, 0.5)
    fates = lost(model)
    assert fates.mean() == pytest.approx(0.2, abs=0.007)
    assert lag_1(fates) == pytest.approx(0.5, abs=0.015)
    assert mean_run(fates) == pytest.approx(model.mean_run, rel=0.04)
    assert model.mean_run == 2.5


def test_simple_gilbert_loss_has_its_rate_and_burst_length() -> None:
    model = GilbertElliott(0.01, 0.25)
    fates = lost(model)
    assert fates.mean() == pytest.approx(model.mean, rel=0.06)
    assert model.mean == pytest.approx(0.01 / 0.26)
    assert mean_run(fates) == pytest.approx(model.mean_stay, rel=0.1)
    assert model.mean_stay == 4


def test_gilbert_elliott_loss_has_its_rate() -> None:
    model = GilbertElliott(0.01, 0.1, 0.7, 0.001)
    assert lost(model).mean() == pytest.approx(model.mean, rel=0.06)
    assert model.mean == pytest.approx((0.01 * 0.7 + 0.1 * 0.001) / 0.11)


def test_bernoulli_case_of_the_chains() -> None:
    for text in ("loss gemodel 5%", "loss state 5%"):
        model = parse(text).loss
        assert model is not None
        assert model.mean == pytest.approx(0.05)
        fates = lost(model)
        assert fates.mean() == pytest.approx(0.05, abs=0.002)
        assert lag_1(fates) == pytest.approx(0, abs=0.01)


def test_four_state_loss_has_its_rate() -> None:
    model = FourState(0.02, 0.2, 0.3, 0.1, 0.01)
    assert lost(model).mean() == pytest.approx(model.mean, rel=0.08)


def test_four_state_without_bursts_loses_single_packets() -> None:
    model = FourState(0.0, 1.0, 0.0, 1.0, 0.1)
    fates = lost(model)
    assert fates.mean() == pytest.approx(0.1 / 1.1, rel=0.04)
    assert mean_run(fates) == 1


SHARE = st.sampled_from([0.0, 0.01, 0.2, 0.5, 0.9, 1.0]) | st.floats(0.01, 0.99)


@given(SHARE, SHARE, SHARE, SHARE, SHARE)
def test_mean_of_four_state_loss_is_that_of_its_chain(
    p13: float, p31: float, p32: float, p23: float, p14: float
) -> None:
    a13, a31 = min(p13, 1 - p14), min(p31, 1 - p32)
    chain = np.array(
        [
            [1 - a13 - p14, 0, a13, p14],
            [0, 1 - p23, p23, 0],
            [a31, p32, 1 - a31 - p32, 0],
            [1, 0, 0, 0],
        ]
    )
    lazy = (chain + np.eye(4)) / 2  # the same stationary distribution, without period
    after_long = np.linalg.matrix_power(lazy, 1 << 22)[0]
    assert FourState(p13, p31, p32, p23, p14).mean == pytest.approx(
        after_long[2] + after_long[3], abs=1e-6
    )


def test_chains_that_cannot_leave_a_state() -> None:
    assert GilbertElliott(0.0, 0.0).mean == 0
    assert not lost(GilbertElliott(0.0, 0.0), 1000).any()
    assert GilbertElliott(0.5, 0.0).mean == 1
    assert lost(GilbertElliott(0.5, 0.0), 1000)[20:].all()


def test_trace_of_no_packets_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one packet"):
        LossTrace(())


def test_trace_of_losses_repeats() -> None:
    trace = LossTrace((True, False, False))
    assert lost(trace, 7).tolist() == [1, 0, 0, 1, 0, 0, 1]
    assert trace.mean == pytest.approx(1 / 3)


def pareto(share: float) -> float:
    return (math.pow(1 - share, -1 / 3) - 1.5) * 4 / 3


QUANTILES: dict[str, Callable[[float], float]] = {
    "uniform": lambda share: 2 * share - 1,
    "normal": NORMAL.inv_cdf,
    "pareto": pareto,
    "paretonormal": lambda share: NORMAL.inv_cdf(share) / 4 + pareto(share) * 3 / 4,
}


@pytest.mark.parametrize("name", QUANTILES)
def test_delay_has_the_quantiles_of_its_distribution(name: str) -> None:
    model = Delay(20 * MS, 4 * MS, 0.0, named(name))
    drawn = np.fromiter(islice(delays(model, uniforms(np.random.default_rng(2))), PACKETS), float)
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        expected = 20 * MS + 4 * MS * QUANTILES[name](share)
        assert np.quantile(drawn, share) == pytest.approx(expected, abs=0.08 * MS)
    assert drawn.mean() == pytest.approx(model.mean, abs=0.04 * MS)
    assert lag_1(drawn) == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("name", QUANTILES)
def test_correlated_delay_keeps_its_distribution(name: str) -> None:
    model = Delay(20 * MS, 4 * MS, 0.25, named(name))
    drawn = np.fromiter(islice(delays(model, uniforms(np.random.default_rng(3))), PACKETS), float)
    assert lag_1(drawn) == pytest.approx(0.25, abs=0.02)
    for share in (0.05, 0.5, 0.95):
        expected = 20 * MS + 4 * MS * QUANTILES[name](share)
        assert np.quantile(drawn, share) == pytest.approx(expected, abs=0.15 * MS)


def test_delay_is_never_negative() -> None:
    drawn = list(islice(delays(Delay(MS, 9 * MS), uniforms(np.random.default_rng(4))), 1000))
    assert min(drawn) == 0
    assert max(drawn) > 9 * MS


def test_delays_of_measured_round_trips() -> None:
    samples = [0.020, 0.021, 0.021, 0.035]
    mean, deviation, distribution = measured(samples)
    model = Delay(round(mean * S), round(deviation * S), 0.0, distribution)
    drawn = islice(delays(model, uniforms(np.random.default_rng(5))), 4000)
    counts = statistics.multimode(round(delay / US) for delay in drawn)
    assert counts == [21_000]
    with pytest.raises(ValueError, match="differ"):
        measured([1.0, 1.0])


def test_nothing_asked_for_changes_nothing() -> None:
    assert sends(link(""), [5, 6]) == [("ARRIVES", 5), ("ARRIVES", 6)]


def test_delayed_packet_arrives_later() -> None:
    assert sends(link("delay 20ms"), [5]) == [("ARRIVES", 5 + 20 * MS)]


def test_duplicates_have_their_share_and_are_packets_of_their_own() -> None:
    impairments = link("duplicate 10%")
    original = syn()
    copies = [impairments.transmit(original, 60, time) for time in range(20_000)]
    assert sum(len(outcomes) - 1 for outcomes in copies) == pytest.approx(2000, abs=170)
    pair = next(outcomes for outcomes in copies if len(outcomes) == 2)
    assert pair[0].packet is original
    assert pair[1].packet is not original
    assert repr(pair[1].packet) == repr(original)


def test_duplicate_survives_the_loss_of_one_copy() -> None:
    assert sends(link("duplicate 100% loss 100%"), [1, 2]) == [("ARRIVES", 1), ("ARRIVES", 2)]


def test_corrupted_packets_have_their_share_and_arrive() -> None:
    fates = [fate for fate, _ in sends(link("corrupt 20%"), range(20_000))]
    assert fates.count("CORRUPTED") == pytest.approx(4000, abs=230)
    assert fates.count("ARRIVES") == 20_000 - fates.count("CORRUPTED")


def test_last_of_a_gap_is_sent_at_once() -> None:
    at_once = [time == 0 for _, time in sends(link("delay 9ms reorder 100% gap 5"), [0] * 15)]
    assert at_once == [False, False, False, False, True] * 3


@pytest.mark.parametrize("text", ["delay 9ms reorder 25%", "delay 9ms reorder 25% gap 5"])
def test_reordered_packets_have_their_share(text: str) -> None:
    model = parse(text).reorder
    assert model is not None
    outcomes = sends(link(text), range(0, 20_000 * MS, MS))
    hurried = sum(time == MS * number for number, (_, time) in enumerate(outcomes))
    assert hurried / 20_000 == pytest.approx(model.mean, abs=0.013)


def test_rate_spaces_packets_by_their_serialisation() -> None:
    arrivals = sends(link("rate 1mbit"), [0, 0, 0, S], size=125)
    assert [time for _, time in arrivals] == [MS, 2 * MS, 3 * MS, S + MS]


def test_rate_counts_the_delay_as_time_on_the_way() -> None:
    arrivals = sends(link("rate 1mbit delay 10ms"), [0, 0], size=125)
    assert [time for _, time in arrivals] == [11 * MS, 12 * MS]


def test_rate_in_cells_of_atm() -> None:
    rate = parse("rate 8bit 0 48 5").rate
    assert rate is not None
    assert rate.duration(50) == 106 * S
    assert rate.duration(48) == 53 * S


def test_limit_refuses_packets_while_as_many_are_held() -> None:
    fates = [fate for fate, _ in sends(link("delay 10ms limit 2"), [0, 0, 0, 10 * MS])]
    assert fates == ["ARRIVES", "ARRIVES", "REFUSED", "ARRIVES"]


def test_slots_let_so_many_packets_go_together() -> None:
    arrivals = sends(link("slot 10ms packets 2"), [MS, 2 * MS, 3 * MS, 4 * MS])
    assert [time for _, time in arrivals] == [11 * MS, 11 * MS, 21 * MS, 21 * MS]


def test_slots_let_so_many_bytes_go_together() -> None:
    arrivals = sends(link("slot 10ms bytes 100"), [MS, MS, MS], size=60)
    assert [time for _, time in arrivals] == [11 * MS, 11 * MS, 21 * MS]


def test_packet_that_can_be_marked_is_marked_instead_of_lost() -> None:
    impairments = link("loss 100% ecn")
    capable, incapable = syn(), syn()
    capable.tos = 2
    assert impairments.transmit(capable, 60, 0)[0].fate is Fate.ARRIVES
    assert capable.tos == 3
    assert impairments.transmit(incapable, 60, 0)[0].fate is Fate.LOST


def test_one_impairment_leaves_the_draws_of_another() -> None:
    text = "loss 10%"
    alone = [fate == "LOST" for fate, _ in sends(link(text), range(500))]
    beside = [
        fate == "LOST"
        for fate, _ in sends(link(f"{text} corrupt 5% delay 5ms 1ms limit 9999"), range(500))
    ]
    assert alone == beside
    assert any(alone)


def test_same_seed_same_fates() -> None:
    text = "delay 5ms 1ms 25% loss gemodel 1% 10% duplicate 1% corrupt 1% reorder 5% rate 10mbit"
    times = range(0, 2000 * MS, MS)
    assert sends(link(text), times) == sends(link(text), times)
    assert sends(link(text), times) != sends(link(text, seed=2), times)


@given(st.lists(st.integers(0, 5 * MS), max_size=30), st.integers(0, 99))
def test_no_copy_arrives_before_it_was_sent(waits: list[int], seed: int) -> None:
    text = "delay 1ms 3ms loss 9% duplicate 9% corrupt 9% reorder 9% rate 9mbit slot 1ms limit 7"
    impairments, now = link(text, seed), 0
    for wait in waits:
        now += wait
        outcomes = impairments.transmit(syn(), 60, now)
        assert 1 <= len(outcomes) <= 2
        assert all(outcome.time >= now for outcome in outcomes)
        assert math.isfinite(max(outcome.time for outcome in outcomes))
