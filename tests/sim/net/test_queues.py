"""sim.net.queues: what waits, what is dropped, and when."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.net.impairments import uniforms
from sim.net.queues import CoDel, DropTail, Queue, Red, RedParameters
from sim.units import MS


def test_drop_tail_by_packets() -> None:
    queue, dropped = DropTail(packets=2), list[str]()
    for name in "abc":
        queue.enqueue(name, 100, 0, dropped.append)
    assert dropped == ["c"]
    assert [queue.dequeue(1, dropped.append) for _ in range(3)] == [("a", 100), ("b", 100), None]


def test_drop_tail_by_bytes_lets_a_small_packet_in() -> None:
    queue, dropped = DropTail(size=250), list[str]()
    for name, size in (("a", 200), ("b", 100), ("c", 50)):
        queue.enqueue(name, size, 0, dropped.append)
    assert dropped == ["b"]
    assert queue.bytes == 250
    assert len(queue) == 2


def red(weight: float = 1.0, probability: float = 0.1) -> Red:
    parameters = RedParameters(1000, 3000, probability, weight, MS)
    return Red(parameters, 10_000, uniforms(np.random.default_rng(1)))


def test_red_drops_nothing_below_its_least_average() -> None:
    queue, dropped = red(), list[int]()
    for number in range(100):
        queue.enqueue(number, 999, number, dropped.append)
        queue.dequeue(number, dropped.append)
    assert dropped == []


def test_red_drops_everything_from_its_most_average_on() -> None:
    queue, dropped = red(), list[int]()
    for number in range(5):
        queue.enqueue(number, 3000, 0, dropped.append)
    assert dropped == [1, 2, 3, 4]


def test_red_spaces_early_drops_evenly() -> None:
    """Between drops lie 1 to 1/p - 1 packets, each number as likely (Floyd, Jacobson 1993)."""
    queue, dropped = red(probability=0.2), list[int]()
    queue.enqueue(-1, 2000, 0, dropped.append)
    for number in range(20_000):
        queue.enqueue(number, 0, 0, dropped.append)
    gaps = np.diff(dropped)
    shares = np.bincount(gaps)[1:] / len(gaps)
    assert len(shares) == 9
    assert shares == pytest.approx(1 / 9, abs=0.02)  # of about 4000 gaps


def test_red_average_ages_while_the_queue_is_idle() -> None:
    queue = red(weight=0.5)
    queue.enqueue("a", 800, 0, pytest.fail)
    queue.enqueue("b", 800, 0, pytest.fail)
    assert queue.average == 400
    queue.dequeue(0, pytest.fail)
    queue.dequeue(0, pytest.fail)
    queue.enqueue("c", 800, 2 * MS, pytest.fail)
    assert queue.average == 400 / 4 / 2


def overloaded(queue: CoDel, wait: int, end: int) -> list[int]:
    """Return when packets are dropped of a queue whose head is sent each ms after `wait` ns.

    Each drop shortens the wait by 1 ms; the packets to come are there already.
    """
    drops: list[int] = []
    for time in range(0, end, MS):
        queue.enqueue("packet", 1500, time - wait, pytest.fail)
    for now in range(0, end, MS):
        taken: list[str] = []
        queue.dequeue(now, taken.append)
        drops += [now] * len(taken)
    return drops


def test_codel_drops_by_its_control_law() -> None:
    drops = overloaded(CoDel(), 20 * MS, 500 * MS)
    law = itertools.accumulate((100 / math.sqrt(count) for count in range(1, 7)), initial=100)
    assert [drop / MS for drop in drops] == pytest.approx(list(law), abs=1.01)


def test_codel_leaves_waits_below_its_target_alone() -> None:
    assert overloaded(CoDel(), 4 * MS, 500 * MS) == []
    assert overloaded(CoDel(target=3 * MS), 4 * MS, 500 * MS) != []


def test_codel_leaves_a_queue_of_one_packet_alone() -> None:
    queue = CoDel()
    for now in range(0, 500 * MS, MS):
        queue.enqueue("a", 1500, now - 50 * MS, pytest.fail)
        assert queue.dequeue(now, pytest.fail) == ("a", 1500)


def test_codel_resumes_the_rate_that_worked_not_long_ago() -> None:
    queue = CoDel()
    first = overloaded(queue, 20 * MS, 500 * MS)
    later = 600 * MS
    while queue.dequeue(later, lambda packet: None):
        pass
    for now in range(later, later + 300 * MS, MS):
        for _ in range(3):
            queue.enqueue("new", 1500, now - 20 * MS, lambda packet: None)
    drops: list[int] = []
    for now in range(later, later + 300 * MS, MS):
        queue.dequeue(now, lambda packet, now=now: drops.append(now))  # type: ignore[misc]
    assert drops[1] - drops[0] < 50 * MS < first[1] - first[0]


QUEUES: dict[str, Callable[[], Queue]] = {
    "drop-tail": lambda: DropTail(5, 4000),
    "RED": lambda: Red(
        RedParameters(500, 3000, 0.5, 0.5), 4000, uniforms(np.random.default_rng(1))
    ),
    "CoDel": lambda: CoDel(target=MS, interval=5 * MS, packets=6),
}
STEPS = st.lists(st.tuples(st.booleans(), st.integers(1, 1500), st.integers(0, 3 * MS)))


@pytest.mark.parametrize("name", QUEUES)
@given(STEPS)
def test_every_packet_leaves_in_order_or_is_dropped(
    name: str, steps: list[tuple[bool, int, int]]
) -> None:
    queue, now = QUEUES[name](), 0
    dropped: list[int] = []
    sent: list[int] = []
    for number, (arrives, size, wait) in enumerate(steps):
        now += wait
        if arrives:
            queue.enqueue(number, size, now, dropped.append)
        elif (head := queue.dequeue(now, dropped.append)) is not None:
            sent.append(head[0])
    arrived = [number for number, (arrives, _, _) in enumerate(steps) if arrives]
    assert sent == sorted(sent)
    assert len(sent) + len(dropped) + len(queue) == len(arrived)
    assert set(sent) | set(dropped) <= set(arrived)
    assert not set(sent) & set(dropped)
