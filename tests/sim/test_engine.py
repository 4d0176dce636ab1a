from __future__ import annotations

import gc
from collections.abc import Generator
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from simpy import Resource, Store
from simpy.events import Event

from sim.engine import EVENTS_BETWEEN_REPORTS, Engine
from sim.tcp.profiles import PROFILES
from sim.timers import Rounding, Timers

LINUX_WHEEL = PROFILES["linux"].wheel
Log = list[tuple[float, str]]


@pytest.fixture
def env() -> Engine:
    return Engine()


@pytest.fixture
def timers(env: Engine) -> Timers:
    return Timers(env.calendar, partial(Rounding, 0))


def recorder(log: Log, name: str) -> Any:
    return lambda now: log.append((now, name))


# The clock and SimPy's contract.


def test_processes_events_and_resources_of_simpy_run(env: Engine) -> None:
    log: Log = []
    store, resource = Store(env), Resource(env, capacity=1)

    def producer() -> Generator[Event, Any, None]:
        with resource.request() as turn:
            yield turn
            yield env.timeout(5)
            yield store.put("a thing")

    def consumer() -> Generator[Event, Any, None]:
        thing = yield store.get()
        log.append((env.now, thing))
        yield env.timeout(2) | env.timeout(9)
        log.append((env.now, "sooner"))

    env.process(consumer())
    env.process(producer())
    env.run()
    assert log == [(5, "a thing"), (7, "sooner")]


def test_events_at_one_time_happen_in_the_order_in_which_they_were_made(env: Engine) -> None:
    log: Log = []
    for name in "abc":
        env.timeout(7, name).callbacks.append(lambda event: log.append((env.now, event.value)))
    env.run()
    assert log == [(7, "a"), (7, "b"), (7, "c")]


def test_time_stays_an_integer(env: Engine) -> None:
    env.timeout(3)
    env.run()
    assert type(env.now) is int
    env.run(until=10)
    assert type(env.now) is int
    assert env.now == 10


def test_until_a_time_stops_before_its_events_and_can_go_on(env: Engine) -> None:
    log: Log = []
    for at in (1, 5, 9):
        env.timeout(at).callbacks.append(lambda _: log.append((env.now, "")))
    env.run(until=5)
    assert (env.now, log) == (5, [(1, "")])
    env.run()
    assert log == [(1, ""), (5, ""), (9, "")]


def test_until_an_event_returns_its_value(env: Engine) -> None:
    env.timeout(50)
    assert env.run(until=env.timeout(5, "value")) == "value"
    assert env.now == 5


def test_until_an_event_that_never_happens_is_an_error(env: Engine) -> None:
    env.timeout(5)
    with pytest.raises(RuntimeError, match="ended before the event"):
        env.run(until=env.event())


def test_until_the_past_is_an_error(env: Engine) -> None:
    env.run(until=5)
    with pytest.raises(ValueError, match=r"until \(5 ns\) must be later than now \(5 ns\)"):
        env.run(until=5)
    event = env.timeout(1)
    env.run()
    with pytest.raises(ValueError, match="already happened"):
        env.run(until=event)


def test_an_exception_in_a_process_surfaces(env: Engine) -> None:
    def fails() -> Generator[Event, Any, None]:
        yield env.timeout(3)
        raise ZeroDivisionError("mine")

    env.process(fails())
    with pytest.raises(ZeroDivisionError, match="mine"):
        env.run()
    assert env.now == 3


def test_an_exception_in_a_timer_surfaces(env: Engine, timers: Timers) -> None:
    def fail(now: int) -> None:
        raise ZeroDivisionError(now)

    timers.start(0, 3, fail)
    with pytest.raises(ZeroDivisionError):
        env.run()


def test_a_failed_event_that_nobody_waits_for_surfaces(env: Engine) -> None:
    env.event().fail(OSError("nobody hears"))
    with pytest.raises(OSError, match="nobody hears"):
        env.run()


def test_progress_is_reported_and_all_events_are_counted(env: Engine) -> None:
    seen: list[int] = []

    def ticks(count: int) -> Generator[Event, Any, None]:
        for _ in range(count):
            yield env.timeout(1)

    count = 3 * EVENTS_BETWEEN_REPORTS
    env.process(ticks(count))
    env.run(progress=lambda: seen.append(env.events))
    assert seen == [EVENTS_BETWEEN_REPORTS * n for n in (1, 2, 3)]
    assert env.events == count + 2  # and the process's own beginning and end


def test_the_garbage_collector_is_as_it_was(env: Engine) -> None:
    env.process(iter_fail(env))
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        env.run()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def iter_fail(env: Engine) -> Generator[Event, Any, None]:
    assert not gc.isenabled()
    yield env.timeout(1)
    raise ZeroDivisionError


# Timers.


def test_timers_of_many_durations_expire_in_order(env: Engine, timers: Timers) -> None:
    log: Log = []
    for duration in (30, 10, 20, 10):
        timers.start(0, duration, recorder(log, str(duration)))
    env.run()
    assert log == [(10, "10"), (10, "10"), (20, "20"), (30, "30")]


def test_timers_of_one_duration_expire_first_in_first_out(env: Engine, timers: Timers) -> None:
    log: Log = []
    for name in "abc":
        timers.start(0, 10, recorder(log, name))
    env.run()
    assert log == [(10, "a"), (10, "b"), (10, "c")]


def test_a_cancelled_timer_does_not_expire(env: Engine, timers: Timers) -> None:
    log: Log = []
    first, second, third = (timers.start(0, 10, recorder(log, name)) for name in "abc")
    second.cancel()
    second.cancel()
    env.run()
    first.cancel()
    third.cancel()
    assert log == [(10, "a"), (10, "c")]


def test_a_cancelled_timer_does_not_drag_the_clock(env: Engine, timers: Timers) -> None:
    timer = timers.start(0, 1000, recorder([], ""))
    env.timeout(10).callbacks.append(lambda _: timer.cancel())
    env.run()
    assert env.now == 10


def test_a_queue_whose_timers_were_all_cancelled_takes_new_ones(
    env: Engine, timers: Timers
) -> None:
    log: Log = []
    timers.start(0, 100, recorder(log, "cancelled")).cancel()
    env.run(until=40)
    timers.start(40, 100, recorder(log, "new"))
    env.run()
    assert log == [(140, "new")]
    assert env.calendar.dormant == 0


def test_cancelled_timers_take_no_memory(env: Engine, timers: Timers) -> None:
    cancelled = [timers.start(0, 10, recorder([], "")) for _ in range(100_000)]
    last = timers.start(0, 10, recorder([], ""))
    for timer in reversed(cancelled):
        timer.cancel()
    assert last.queue.first is last
    assert last.following is None


def test_a_timer_may_start_the_next_when_it_expires(env: Engine, timers: Timers) -> None:
    log: Log = []

    def again(now: int) -> None:
        log.append((now, ""))
        if len(log) < 4:
            timers.start(now, 10, again)

    timers.start(0, 10, again)
    env.run()
    assert [now for now, _ in log] == [10, 20, 30, 40]


def test_a_timer_may_cancel_another_of_the_same_moment(env: Engine, timers: Timers) -> None:
    log: Log = []
    others: list[Any] = []
    timers.start(0, 10, lambda now: others[0].cancel())
    others.append(timers.start(0, 10, recorder(log, "cancelled")))
    timers.start(0, 10, recorder(log, "stays"))
    env.run()
    assert log == [(10, "stays")]


def test_empty_queues_are_forgotten(env: Engine, timers: Timers) -> None:
    for duration in range(1, 100):
        timers.start(0, duration, recorder([], ""))
    env.run()
    assert timers._queues == {}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from([5, 40, 200]), st.integers(0, 300)),
        max_size=25,
    ),
    st.booleans(),
)
def test_timers_agree_with_a_model(plan: list[tuple[int, int, int]], wheel: bool) -> None:
    """Each (start, duration, cancelled at): what expires, when, and where the clock ends."""
    env = Engine()
    tick = LINUX_WHEEL.tick

    def rounding(duration: int) -> Rounding:
        return LINUX_WHEEL.rounding(12345, duration * tick) if wheel else Rounding(0, duration)

    timers = Timers(env.calendar, rounding)
    scale = tick if wheel else 1
    log: list[tuple[int, int]] = []
    expected = []
    last = 0

    def start(number: int, duration: int, cancelled: int, _: Event) -> None:
        timer = timers.start(int(env.now), duration, lambda now: log.append((now, number)))
        delay = cancelled * scale - env.now
        if delay >= 0:
            env.timeout(delay).callbacks.append(lambda _: timer.cancel())

    for number, (begin, duration, cancelled) in enumerate(plan):
        at = begin * scale
        env.timeout(at).callbacks.append(partial(start, number, duration, cancelled))
        due = rounding(duration).deadline(at)
        last = max(last, at, cancelled * scale if cancelled >= begin else 0)
        assume(due != cancelled * scale)  # At one moment the order of making decides.
        if cancelled < begin or due < cancelled * scale:
            expected.append((due, number))
    with patch("gc.collect"):  # it takes longer than all the rest
        env.run()
    assert sorted(log) == sorted(expected)
    assert [now for now, _ in log] == sorted(now for now, _ in log)
    assert env.now == max([last, *(now for now, _ in log)])
    assert env.calendar.pending == env.calendar.dormant <= 3
