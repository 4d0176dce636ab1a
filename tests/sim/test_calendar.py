"""The calendar against a plain heap of (time, priority, number)."""

import heapq
import itertools
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.calendar import BIN, FEW, LATE, NORMAL, URGENT, Calendar

PRIORITIES = st.sampled_from([URGENT, NORMAL, LATE])
WAITS = st.one_of(
    st.integers(0, 3),
    st.integers(0, 1 << BIN),
    st.integers((1 << BIN) - 2, (1 << BIN) + 2),
    st.integers(0, 1 << 50),
)
PLANS = st.lists(st.tuples(WAITS, PRIORITIES, st.booleans()), max_size=60)


class Model:
    """A heap."""

    def __init__(self) -> None:
        self.heap: list[tuple[int, int, int]] = []
        self.numbers = itertools.count()

    def put(self, time: int, priority: int) -> int:
        number = next(self.numbers)
        heapq.heappush(self.heap, (time, priority, number))
        return number


@given(PLANS)
def test_entries_come_in_the_order_of_a_heap(plan: list[tuple[int, int, bool]]) -> None:
    """Each step puts an entry in, `wait` from now, and may let the next one happen."""
    calendar, model = Calendar(), Model()
    happened: list[int] = []
    expected: list[int] = []

    def step() -> None:
        time, _, number = heapq.heappop(model.heap)
        expected.append(number)
        calendar.step()
        assert calendar.now == time

    for wait, priority, steps in plan:
        time = calendar.now + wait
        calendar.put(time, priority, happened.append, model.put(time, priority))
        if steps:
            step()
    while model.heap:
        step()
    assert happened == expected
    assert calendar.passed == len(plan)
    assert calendar.pending == 0


@given(PLANS)
def test_looking_at_the_next_entry_changes_nothing(plan: list[tuple[int, int, bool]]) -> None:
    plain, watched = Calendar(), Calendar()
    order: tuple[list[Any], list[Any]] = ([], [])
    for number, (wait, priority, steps) in enumerate(plan):
        for calendar, happened in zip((plain, watched), order, strict=True):
            calendar.put(calendar.now + wait, priority, happened.append, number)
        head = watched.head()
        assert head is not None
        if steps:
            plain.step()
            watched.step()
            assert order[1][-1] == head[2]
    plain.proceed(len(plan))
    watched.proceed(len(plan))
    assert order[0] == order[1]


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_crowds_come_in_the_order_of_a_heap(looks: bool, seed: int) -> None:
    """Thousands wait for a few moments; what happens puts others before, among and after them."""
    random = Random(seed)
    calendar, model = Calendar(), Model()
    happened: list[int] = []
    expected: list[int] = []
    moments = [random.randrange(3 << BIN) for _ in range(4)]

    def put(time: int) -> None:
        priority = random.choice([URGENT, NORMAL, NORMAL, LATE])
        calendar.put(time, priority, happened.append, model.put(time, priority))

    for _ in range(3 * FEW):
        put(random.choice(moments))
    if looks:
        calendar.head()
    for _ in range(3 * FEW):
        for _ in range(random.randrange(3)):
            wait = random.choice([0, 0, 1, 1 << BIN - 4, 1 << BIN])
            put(max(calendar.now + wait, random.choice([0, *moments])))
        _, _, number = heapq.heappop(model.heap)
        expected.append(number)
        calendar.step()
    assert happened == expected


def test_an_entry_may_put_others_before_those_that_wait() -> None:
    calendar = Calendar()
    happened: list[str] = []

    def first(_: None) -> None:
        happened.append("first")
        calendar.put(10, NORMAL, happened.append, "same moment, after those that were there")
        calendar.put(10, URGENT, happened.append, "urgent")
        calendar.put(11, NORMAL, happened.append, "next")

    calendar.put(10, NORMAL, first, None)
    calendar.put(10, NORMAL, happened.append, "second")
    calendar.put(12, NORMAL, happened.append, "last")
    assert not calendar.proceed(100)
    assert happened == [
        *("first", "urgent", "second", "same moment, after those that were there", "next", "last")
    ]


def test_it_proceeds_so_far_and_no_further() -> None:
    calendar = Calendar()
    happened: list[int] = []
    for number in range(5):
        calendar.put(number, NORMAL, happened.append, number)
    assert calendar.proceed(3)
    assert happened == [0, 1, 2]
    assert not calendar.proceed(3)
    assert happened == [0, 1, 2, 3, 4]


def test_dormant_entries_end_nothing_late() -> None:
    calendar = Calendar()
    calendar.put(5, LATE, lambda _: pytest.fail("it is dormant"), None)
    calendar.dormant += 1
    assert not calendar.proceed(1)
    assert calendar.now == 0


def test_an_empty_calendar_has_no_next_entry() -> None:
    calendar = Calendar()
    assert calendar.head() is None
    with pytest.raises(IndexError):
        calendar.step()
