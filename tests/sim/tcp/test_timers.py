from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.tcp.profiles import PROFILES
from sim.tcp.timers import Backoff, Wheel
from sim.units import MS, S

LINUX_WHEEL = PROFILES["linux"].wheel
TICK = 4 * MS
nows = st.integers(0, 1 << 60)
phases = st.integers(0, (1 << 48) - 1)


@given(nows, phases, st.integers(0, 32255))
def test_the_wheel_is_the_formula_of_the_measurement(now: int, phase: int, ticks: int) -> None:
    """fire_jiffy = (((now_jiffy + timeout_jiffies) >> s) + 1) << s."""
    s = 0 if ticks < 63 else 3 if ticks < 504 else 6 if ticks < 4032 else 9
    jiffy = (((now + phase) // TICK + ticks) >> s) + 1 << s
    deadline = LINUX_WHEEL.rounding(phase, ticks * TICK).deadline(now)
    assert deadline + phase == jiffy * TICK
    assert ticks * TICK < deadline - now <= (ticks + (1 << s)) * TICK


@given(phases, st.integers(0, 1 << 40), nows, nows)
def test_what_is_started_later_does_not_expire_earlier(
    phase: int, timeout: int, a: int, b: int
) -> None:
    """On this the order of a queue of timers rests."""
    deadline = LINUX_WHEEL.rounding(phase, timeout).deadline
    assert deadline(min(a, b)) <= deadline(max(a, b))


def test_a_clock_without_ticks_is_exact() -> None:
    assert Wheel(0).rounding(0, 123).deadline(1000) == 1123


@pytest.mark.parametrize(
    ("schedule", "waits"),
    [
        (Backoff(1, retries=6, linear=4, elapsed_limit=True), [1, 1, 1, 1, 1, 2, 4, 8, 16, 32, 64]),
        (Backoff(1, retries=6, elapsed_limit=True), [1, 2, 4, 8, 16, 32, 64]),
        (Backoff(1, retries=2, linear=4, elapsed_limit=True), [1, 1, 1, 1, 1, 2]),
        (Backoff(1, retries=2, elapsed_limit=True), [1, 2, 4]),
        (Backoff(1, retries=6, linear=2, elapsed_limit=True), [1, 1, 1, 2, 4, 8, 16, 32, 64]),
        (Backoff(1, retries=5), [1, 2, 4, 8, 16, 32]),
        (Backoff(1, retries=0), [1]),
        (Backoff(3, retries=64, deadline=20), [3, 6, 11]),
        (Backoff(1, retries=6, longest=4), [1, 2, 4, 4, 4, 4, 4]),
    ],
)
def test_schedules(schedule: Backoff, waits: list[int]) -> None:
    assert list(schedule.waits) == waits


def test_it_gives_up_by_count_or_by_time() -> None:
    """E1: if retransmits >= retries + linear or elapsed >= 2**(retries + 1) - 1 seconds."""
    schedule = Backoff(1 * S, retries=2, linear=4, elapsed_limit=True)
    assert not schedule.gives_up(4, 5 * S)
    assert schedule.gives_up(4, 7 * S)
    assert not Backoff(1 * S, retries=2).gives_up(1, 100 * S)
    assert Backoff(1 * S, retries=2).gives_up(2, 3 * S)
