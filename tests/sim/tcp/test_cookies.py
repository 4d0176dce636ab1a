"""SYN cookies: what they remember, for how long, and of whom."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.tcp.cookies import CLOCK, MSS_CLASSES, check, make, options, stamp

KEY, PORTS, IRS = 0x0123_4567_89AB_CDEF, 40000 << 16 | 80, 0xFFFF_FFFE
NUMBERS = st.integers(0, (1 << 32) - 1)


@given(
    key=st.integers(-(1 << 63), (1 << 63) - 1),
    ports=NUMBERS,
    irs=NUMBERS,
    now=st.integers(0, 1 << 60),
)
@pytest.mark.parametrize("mss", MSS_CLASSES)
def test_a_cookie_comes_back(mss: int, key: int, ports: int, irs: int, now: int) -> None:
    cookie = make(key, ports, irs, mss, now)
    assert 0 <= cookie < 1 << 32
    assert check(key, ports, irs, cookie, now) == mss


@pytest.mark.parametrize(
    ("offered", "remembered"), [(100, 536), (536, 536), (1299, 536), (1448, 1440), (8960, 1460)]
)
def test_the_mss_is_rounded_down_to_a_class(offered: int, remembered: int) -> None:
    assert check(KEY, PORTS, IRS, make(KEY, PORTS, IRS, offered, 0), 0) == remembered


def test_a_cookie_is_good_in_its_tick_of_the_clock_and_the_next() -> None:
    made = 5 * CLOCK + 10
    cookie = make(KEY, PORTS, IRS, 1460, made)
    good = [now for now in range(0, 10 * CLOCK, CLOCK // 2) if check(KEY, PORTS, IRS, cookie, now)]
    assert good == [5 * CLOCK, 11 * CLOCK // 2, 6 * CLOCK, 13 * CLOCK // 2]


@pytest.mark.parametrize(
    ("key", "ports", "irs", "change"),
    [(1, PORTS, IRS, 0), (KEY, PORTS + 1, IRS, 0), (KEY, PORTS, IRS + 9, 0), (KEY, PORTS, IRS, 9)],
)
def test_another_connection_has_another_cookie(key: int, ports: int, irs: int, change: int) -> None:
    cookie = make(KEY, PORTS, IRS, 1460, 0)
    assert not check(key, ports, irs, cookie + change, 0)


def test_guessing_succeeds_as_seldom_as_chance_has_it() -> None:
    """Of 2**24 guesses at the lower bits four are right, and two of 256 at the clock's."""
    guesses = range(0, 1 << 32, 40_961)
    right = sum(check(KEY, PORTS, IRS, guess, 300 * CLOCK) > 0 for guess in guesses)
    assert right <= 1


@given(timestamp=st.integers(64, (1 << 32) - 1), wscale=st.integers(-1, 14), sack=st.booleans())
def test_a_timestamp_remembers_the_options(timestamp: int, wscale: int, sack: bool) -> None:
    stamped = stamp(timestamp, wscale, sack)
    assert options(stamped) == (wscale, sack)
    assert timestamp - 64 < stamped <= timestamp
