from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import theory
from analysis.schedules import Schedules, Wheel
from analysis.theory import Latency, connect_latency, gilbert_elliott_loss
from tests.analysis import synthetic

LINUX = Schedules.from_recipe(synthetic.LINUX)
EXACT = Schedules((1.0, 2.0, 4.0), (1.0, 2.0, 4.0))
DATA = Path(__file__).parent.parent / "data"


def expiry(wheel: Wheel | None, phase: Fraction, now: Fraction, timeout_s: float) -> Fraction:
    """Return when a timer expires; times in ticks (in s without a wheel)."""
    if wheel is None:
        return now + Fraction(timeout_s)
    ticks = round(timeout_s / wheel.tick_s)
    shift = wheel.shift(ticks)
    return ((((math.floor(phase + now) + ticks) >> shift) + 1) << shift) - phase


def courses(
    client: Schedules,
    server: Schedules,
    phases: tuple[Fraction, Fraction],
    rtt: Fraction,
    loss: float,
    back: float,
) -> Iterator[tuple[Fraction, float]]:
    """Yield (time, probability) of every course of a handshake that succeeds, event by event."""
    syns = [Fraction(0)]
    for timeout in client.syn_timeouts_s:
        syns.append(expiry(client.wheel, phases[0], syns[-1], timeout))
    gives_up = syns.pop()

    def synack(
        now: Fraction, expired: int, following: int, chance: float
    ) -> Iterator[tuple[Fraction, float]]:
        if now + rtt <= gives_up:
            yield now, chance * (1 - back)
        timer = expiry(server.wheel, phases[1], now, server.synack_timeouts_s[expired])
        yield from after(timer, expired, following, chance * back)

    def after(
        timer: Fraction | None, expired: int, following: int, chance: float
    ) -> Iterator[tuple[Fraction, float]]:
        if chance == 0.0:
            return
        arrives = syns[following] if following < len(syns) else None
        if timer is not None and (arrives is None or timer < arrives):
            if expired + 1 == len(server.synack_timeouts_s):
                yield from after(None, 0, following, chance)
            else:
                yield from synack(timer, expired + 1, following, chance)
        elif arrives is not None:
            yield from after(timer, expired, following + 1, chance * loss)
            yield from synack(arrives, expired, following + 1, chance * (1 - loss))

    return after(None, 0, 0, 1.0)


def brute_force(
    client: Schedules, server: Schedules, rtt: Fraction, loss: float, back: float
) -> dict[int, float]:
    """Return the probability of each tick (rounded up), over all phases of both clocks."""
    quarters = {
        (False, False): [(0, 0)],
        (True, False): [(1, 0)],
        (False, True): [(0, 1)],
        (True, True): [(1, 3), (3, 1)],
    }[client.wheel is not None, server.wheel is not None]
    found: dict[int, float] = defaultdict(float)
    whole = range(8)  # as many as the coarsest wheel of the tests tells apart, or more
    clocks = [
        (mine + Fraction(u, 4), theirs + Fraction(v, 4))
        for mine, theirs in product(whole, whole)
        for u, v in quarters
    ]
    for phases in clocks:
        for time, chance in courses(client, server, phases, rtt, loss, back):
            found[math.ceil(time)] += chance / len(clocks)
    return found


def assert_same(latency: Latency, expected: dict[int, float]) -> None:
    masses = latency.masses.sum(axis=0)
    assert sum(expected.values()) == pytest.approx(latency.established, abs=1e-12)
    for tick, chance in expected.items():
        assert masses[tick] == pytest.approx(chance, abs=1e-12)


timeouts = st.lists(st.integers(1, 6), min_size=1, max_size=4)
wheels = st.none() | st.sampled_from(
    [
        Wheel(1.0, ((3, 0), (5, 1), (8, 2))),
        Wheel(1.0, ((4, 1), (8, 3))),
        Wheel(1.0, ((8, 0),)),
    ]
)
losses = st.floats(0.0, 1.0)


@settings(max_examples=150, deadline=None)
@given(timeouts, timeouts, wheels, wheels, losses, losses, st.sampled_from([0, 2, 5]))
def test_theory_is_the_sum_over_all_courses(
    syn: list[int],
    synack: list[int],
    client_wheel: Wheel | None,
    server_wheel: Wheel | None,
    loss: float,
    back: float,
    rtt: int,
) -> None:
    client = Schedules(tuple(map(float, syn)), (), client_wheel)
    server = Schedules((), tuple(map(float, synack)), server_wheel)
    latency = connect_latency(client, server, rtt_s=float(rtt), loss=loss, loss_back=back)
    scale = Fraction(1) / Fraction(latency.tick_s)
    expected = brute_force(client, server, Fraction(rtt), loss, back)
    assert_same(latency, {int(tick * scale): chance for tick, chance in expected.items()})


def test_fractions_of_a_tick_are_spread_as_by_many_phases() -> None:
    """Mean and distribution within ticks against a grid of 24 x 24 fractions (error 1/24**2)."""
    wheel = Wheel(1.0, ((8, 0),))
    client, server = Schedules((2.0, 3.0, 5.0), (), wheel), Schedules((), (2.0, 4.0), wheel)
    latency = connect_latency(client, server, rtt_s=0.5, loss=0.4)
    times, weights = [], []
    grid = [Fraction(2 * n + 1, 48) for n in range(24)]
    for n, m in product(range(24), range(24)):
        # Not on the diagonal, where the order of two expiries changes.
        v = grid[m] + (Fraction(1, 96) * (1 if m >= n else -1))
        for time, chance in courses(client, server, (grid[n], v), Fraction(1, 2), 0.4, 0.4):
            times.append(float(time) + 0.5)
            weights.append(chance / 24**2)
    at, weight = np.array(times), np.array(weights)
    assert latency.mean_s == pytest.approx((at * weight).sum() / weight.sum(), abs=2e-3)
    for limit in np.arange(0.25, 9.0, 0.25):
        expected = weight[at <= limit].sum()
        assert latency.cdf(np.array(limit)) == pytest.approx(expected, abs=6e-3)


@pytest.mark.parametrize(("loss", "back"), [(0.02, 0.02), (0.05, 0.0), (0.0, 0.05)])
def test_phases_of_expiries_that_hardly_happen_make_no_difference(
    monkeypatch: pytest.MonkeyPatch, loss: float, back: float
) -> None:
    times = np.concatenate([np.linspace(0.0, 140.0, 5_001), np.linspace(1.0, 1.2, 201)])
    found = connect_latency(LINUX, LINUX, rtt_s=0.04, loss=loss, loss_back=back)
    monkeypatch.setattr(theory, "UNSEEN", 0.0)
    every = connect_latency(LINUX, LINUX, rtt_s=0.04, loss=loss, loss_back=back)
    assert found.cdf(times) == pytest.approx(every.cdf(times), abs=1e-12)


def test_exact_timers_by_hand() -> None:
    """RTT 0.5 s, two SYNs 1 s apart, loss 1/2 there and none back: 1/2, then 1/4, else failure."""
    latency = connect_latency(Schedules((1.0, 2.0), ()), EXACT, rtt_s=0.5, loss=0.5, loss_back=0.0)
    assert latency.cdf(np.array([0.49, 0.5, 1.49, 1.5, 99.0])).tolist() == [0, 0.5, 0.5, 0.75, 0.75]
    assert [latency.quantile(q) for q in (0.3, 0.5, 0.6, 0.75, 0.8)] == [0.5, 0.5, 1.5, 1.5, np.inf]
    assert latency.mean_s == pytest.approx(0.5 + 1 / 3)
    assert latency.gives_up_s == 3.0


def test_no_loss_and_total_loss() -> None:
    perfect = connect_latency(LINUX, LINUX, rtt_s=0.04, loss=0.0)
    assert perfect.established == 1.0
    assert perfect.quantile(1.0) == 0.04
    black_hole = connect_latency(LINUX, LINUX, rtt_s=0.04, loss=1.0)
    assert black_hole.established == 0.0
    assert black_hole.gives_up_s == pytest.approx(134.3, abs=0.05)
    assert black_hole.quantile(0.5) == math.inf


def test_round_trip_longer_than_the_schedule_fails() -> None:
    assert connect_latency(EXACT, EXACT, rtt_s=8.0, loss=0.0).established == 0.0


@pytest.mark.parametrize("loss", [0.005, 0.1, 0.3])
def test_quantile_inverts_cdf(loss: float) -> None:
    latency = connect_latency(LINUX, LINUX, rtt_s=0.04, loss=loss)
    for share in (0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999):
        time = latency.quantile(share)
        assert latency.cdf(np.array(time)) >= share - 1e-12
        if time > 0.04:
            assert latency.cdf(np.array(time)) == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize(("name", "loss"), [("p005", 0.005), ("p02", 0.02), ("p10", 0.1)])
def test_linux_measurement_e3(name: str, loss: float) -> None:
    """Shares and mean within four standard errors of 5,000 connects, quantiles within 15 ms.

    In the measurement client and server shared one clock; here their phases are independent.
    """
    measured = pd.read_csv(DATA / f"E3_e3_{name}.csv.gz")["lat_ms"].to_numpy() / 1e3
    latency = connect_latency(LINUX, LINUX, rtt_s=0.04, loss=loss)
    for limit in (0.5, 1.5, 2.5):
        share = float(latency.cdf(np.array(limit)))
        error = math.sqrt(share * (1 - share) / len(measured))
        assert (measured < limit).mean() == pytest.approx(share, abs=4 * error)
    error = measured.std() / math.sqrt(len(measured))
    assert measured.mean() == pytest.approx(latency.mean_s, abs=4 * error)
    for share in {0.005: (0.5, 0.95), 0.02: (0.5, 0.95, 0.99), 0.1: (0.5, 0.9, 0.95, 0.99)}[loss]:
        assert np.quantile(measured, share) == pytest.approx(latency.quantile(share), abs=0.015)


def test_gilbert_elliott_of_no_burst_is_bernoulli() -> None:
    assert gilbert_elliott_loss(0.01, 1.0, 0.98, 0.98) == pytest.approx(0.02)


@pytest.mark.parametrize("p", [0.001, 0.05, 0.6])
def test_gilbert_elliott_far_apart_forgets_the_burst(p: float) -> None:
    """Whatever the first packet met, the chain's state 100,000 packets later loses this share."""
    r, h, k = 0.1, 0.3, 0.999
    steps = np.linalg.matrix_power(np.array([[1 - p, p], [r, 1 - r]]), 100_000)
    lost = steps @ np.array([1 - k, 1 - h])
    assert lost == pytest.approx([gilbert_elliott_loss(p, r, h, k)] * 2, abs=1e-9)


@pytest.mark.parametrize("more", [{"netem": "delay 10ms"}, {"lose": "SYN 1"}])
def test_theory_says_nothing_of_links_that_do_more_than_lose(more: dict[str, str]) -> None:
    table = synthetic.connections(10).assign(path_hops=1)
    parameters = {"loss": 0.01, "netem": "none", "lose": "none"}
    recipe = synthetic.recipe(parameters=parameters)
    assert theory.of_run(recipe, table) is not None
    assert theory.of_run(recipe | {"parameters": parameters | more}, table) is None
