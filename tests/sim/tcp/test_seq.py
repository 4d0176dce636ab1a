"""Sequence arithmetic (RFC 9293 section 3.4) against the plain integers that it stands for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sim.tcp.seq import HALF, MASK, add, at_most, before, between, distance

POSITIONS = st.integers(0, 1 << 70)
"""Positions in a stream that never wraps."""
GAPS = st.integers(-HALF + 1, HALF - 1)


@given(POSITIONS, GAPS)
def test_numbers_compare_as_positions_less_than_half_the_space_apart(here: int, gap: int) -> None:
    there = max(here + gap, 0)
    a, b = here & MASK, there & MASK
    assert distance(a, b) == there - here
    assert before(a, b) == (here < there)
    assert at_most(a, b) == (here <= there)


@given(POSITIONS, st.integers(0, MASK))
def test_adding_goes_so_far(here: int, length: int) -> None:
    assert add(here & MASK, length) == (here + length) & MASK
    assert 0 <= add(here & MASK, length) <= MASK


@given(POSITIONS, st.integers(0, HALF - 1), GAPS)
def test_an_acceptable_ack_is_behind_una_and_not_behind_nxt(
    una: int, flight: int, gap: int
) -> None:
    ack = max(una + gap, 0)
    inside = una < ack <= una + flight
    assert between(una & MASK, ack & MASK, (una + flight) & MASK) == inside
