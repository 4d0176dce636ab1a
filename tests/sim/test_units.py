"""sim.units: quantities with units read, refused and written back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim import units
from sim.units import MS, US, S

INT64 = st.integers(0, 2**63 - 1)
PARSERS: list[Callable[[str], float]] = [
    units.duration,
    units.bitrate,
    units.size,
    units.probability,
    units.frequency,
]


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("20ms", 20 * MS),
        ("20 ms", 20 * MS),
        (" 20  MS ", 20 * MS),
        ("1.5s", 1_500 * MS),
        ("250us", 250 * US),
        ("250 µs", 250 * US),
        ("250 μs", 250 * US),
        ("20msec", 20 * MS),
        ("2min", 120 * S),
        ("1h", 3600 * S),
        ("7 ns", 7),
        ("3", 3 * S),
        (".5", 500 * MS),
        ("5.", 5 * S),
        ("1e-3", MS),
        ("0", 0),
        ("0.1 ns", 0),
        ("1.6 ns", 2),
        ("9223372036.854775807", 2**63 - 1),
    ],
)
def test_duration_is_nanoseconds(text: str, nanoseconds: int) -> None:
    assert units.duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "bits_per_second"),
    [
        ("1 Gbit/s", 10**9),
        ("100mbit", 10**8),
        ("100 Mbit", 10**8),
        ("10 Mbps", 10**7),
        ("1 Kibit", 1024),
        ("9600", 9600),
        ("1.5 kbit/s", 1500),
    ],
)
def test_bitrate_is_bits_per_second(text: str, bits_per_second: int) -> None:
    assert units.bitrate(text) == bits_per_second


@pytest.mark.parametrize(
    ("text", "count"),
    [("1500", 1500), ("1500 B", 1500), ("64 KiB", 65536), ("4 MB", 4_000_000), ("2 bytes", 2)],
)
def test_size_is_bytes(text: str, count: int) -> None:
    assert units.size(text) == count


@pytest.mark.parametrize(
    ("text", "fraction"),
    [("1%", 0.01), ("0.5 %", 0.005), ("0.01", 0.01), ("100%", 1.0), ("1", 1.0), ("0", 0.0)],
)
def test_probability_is_a_fraction(text: str, fraction: float) -> None:
    assert units.probability(text) == fraction


@pytest.mark.parametrize(
    ("text", "per_second"), [("300", 300.0), ("300/s", 300.0), ("50 Hz", 50.0), ("2/ms", 2000.0)]
)
def test_frequency_is_per_second(text: str, per_second: float) -> None:
    assert units.frequency(text) == per_second


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "ms", "x", "-1", "-0.5", "inf", "nan", "1e999", "1e9999", "1 2", "0x10"),
        *("1_000", "--1", "1..2", "1,5", "٣", "1e", "20 parsecs", "5\nmm", "9223372036854775808e3"),
    ],
)
def test_malformed_quantity_is_refused_by_name(parse: Callable[[str], float], text: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(repr(text)) + " is not an? ") as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("parse", "text", "reason"),
    [
        (units.duration, "20 parsecs", "unknown unit 'parsecs'"),
        (units.duration, "-5 ms", "negative"),
        (units.duration, "300 years", "unknown unit"),
        (units.duration, "1e10 s", "too large"),
        (units.probability, "101%", "above 1"),
        (units.probability, "1.0000001", "above 1"),
        (units.size, "5 ms", "unknown unit 'ms'"),
    ],
)
def test_refusal_gives_the_reason(parse: Callable[[str], float], text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(text)


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.text())
@example(text="1" * 10_000)
def test_any_text_is_a_quantity_or_a_one_line_error(
    parse: Callable[[str], float], text: str
) -> None:
    try:
        value = parse(text)
    except ValueError as error:
        message = str(error)
    else:
        message = f"{value}"
        assert 0 <= value <= 2**63 - 1
    assert len(message.splitlines()) == 1


@given(INT64)
def test_duration_round_trip(nanoseconds: int) -> None:
    assert units.duration(units.format_duration(nanoseconds)) == nanoseconds


@given(INT64)
def test_bitrate_round_trip(rate: int) -> None:
    assert units.bitrate(units.format_bitrate(rate)) == rate


@given(INT64)
def test_size_round_trip(count: int) -> None:
    assert units.size(units.format_size(count)) == count


@given(st.floats(0, 1))
def test_probability_round_trip(fraction: float) -> None:
    assert units.probability(units.format_probability(fraction)) == fraction


@given(st.floats(0, 1e18))
def test_frequency_round_trip(per_second: float) -> None:
    assert units.frequency(units.format_frequency(per_second)) == per_second


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 s"),
        (999, "999 ns"),
        (1_000, "1 us"),
        (20 * MS, "20 ms"),
        (1_234_567, "1.234567 ms"),
        (90 * S, "90 s"),
        (10 * S, "10 s"),
    ],
)
def test_format_duration(nanoseconds: int, text: str) -> None:
    assert units.format_duration(nanoseconds) == text
