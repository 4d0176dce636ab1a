"""Quantities with units, parsed once at the edge: "20 ms", "1 Gbit/s", "0.5 %".

Inside the simulator a duration is an integer of nanoseconds, a size an integer of bytes, a bit
rate an integer of bits per second and a probability a float in 0..1.  Each parser takes text
and raises ValueError, one line with the text and what was expected, for anything it does not
understand, for negative, infinite and missing numbers, and for what a 64-bit integer does not
hold.  Each `format_` function writes a text that its parser reads back to the same value.

Units are read without regard to case.  Prefixes k, M, G, T count by 1000 and Ki, Mi, Gi, Ti by
1024 (IEC 80000-13); the units of `tc`, where "kb" is 1024 bytes and "bps" means bytes, are the
business of `sim.net.netem`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

NS = 1
US = 1_000
MS = 1_000_000
S = 1_000_000_000
"""Nanoseconds in a nanosecond, microsecond, millisecond and second: `20 * MS`."""

_LARGEST: Final = 2**63 - 1
"""Quantities fit the 64-bit integers of the result tables: durations end at 292 years."""

_QUANTITY: Final = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)\s*(?P<unit>.*)",
    re.DOTALL,
)

_PREFIXES: Final = {"": 1} | {
    letter + infix: base ** (power + 1)
    for infix, base in (("", 1000), ("i", 1024))
    for power, letter in enumerate("kmgt")
}
_DURATIONS: Final = {"": S, "min": 60 * S, "mins": 60 * S, "h": 3600 * S} | {
    unit: factor
    for stem, factor in (("n", NS), ("u", US), ("\u00b5", US), ("\u03bc", US), ("m", MS), ("", S))
    for unit in (f"{stem}s", f"{stem}sec", f"{stem}secs")
}
_BITRATES: Final = {"": 1} | {
    prefix + unit: factor
    for prefix, factor in _PREFIXES.items()
    for unit in ("bit", "bit/s", "bps")
}
_SIZES: Final = {"": 1} | {
    prefix + unit: factor for prefix, factor in _PREFIXES.items() for unit in ("b", "byte", "bytes")
}
_FREQUENCIES: Final = {"": 1, "/s": 1, "hz": 1, "/ms": 1000}
_PROBABILITIES: Final[dict[str, int | Fraction]] = {"": 1, "%": Fraction(1, 100)}


def duration(text: str) -> int:
    """Return the nanoseconds in "20ms", "1.5 s", "250us" or "2min"; a bare number is seconds.

    Rounded to the nearest nanosecond.

    >>> duration("1.5 ms")
    1500000
    """
    return round(_quantity(text, _DURATIONS, 'a duration such as "20 ms" or "1.5 s"'))


def bitrate(text: str) -> int:
    """Return the bits per second in "1 Gbit/s", "100mbit" or "10 Mbps"; a bare number is bit/s.

    >>> bitrate("100 Mbit/s")
    100000000
    """
    return round(_quantity(text, _BITRATES, 'a bit rate such as "100 Mbit/s"'))


def size(text: str) -> int:
    """Return the bytes in "1500 B", "64 KiB" or "4 MB"; a bare number is bytes.

    >>> size("64 KiB")
    65536
    """
    return round(_quantity(text, _SIZES, 'a size such as "1500 B" or "64 KiB"'))


def probability(text: str) -> float:
    """Return the fraction in "1%", "0.5 %" or "0.01": 0..1.

    >>> probability("1%")
    0.01
    """
    expected = 'a probability from 0 to 1 such as "1%" or "0.01"'
    value = _quantity(text, _PROBABILITIES, expected)
    if value > 1:
        raise ValueError(f"{text!r} is not {expected}: it is above 1")
    return float(value)


def frequency(text: str) -> float:
    """Return the events per second in "300", "300/s", "50 Hz" or "2/ms".

    >>> frequency("300/s")
    300.0
    """
    return float(_quantity(text, _FREQUENCIES, 'a rate such as "300" or "300/s"'))


def format_duration(nanoseconds: int) -> str:
    """Return the duration in the largest of ns, us, ms and s that it reaches.

    >>> format_duration(1_500_000)
    '1.5 ms'
    """
    for unit, factor in (("s", 0), ("ms", -3), ("us", -6)):
        value = Decimal(nanoseconds).scaleb(-9 - factor)
        if value >= 1:
            return f"{_plain(value)} {unit}"
    return f"{nanoseconds} ns" if nanoseconds else "0 s"


def format_bitrate(bits_per_second: int) -> str:
    """Return the rate with the largest prefix that it reaches.

    >>> format_bitrate(2_500_000_000)
    '2.5 Gbit/s'
    """
    return _with_prefix(bits_per_second, "bit/s")


def format_size(count: int) -> str:
    """Return the bytes with the largest decimal prefix that they reach.

    >>> format_size(1500)
    '1.5 kB'
    """
    return _with_prefix(count, "B")


def format_probability(fraction: float) -> str:
    """Return the fraction as a percentage.

    >>> format_probability(0.005)
    '0.5%'
    """
    return f"{_plain(Decimal(repr(float(fraction))).scaleb(2))}%"


def format_frequency(per_second: float) -> str:
    """Return the events per second.

    >>> format_frequency(300.0)
    '300/s'
    """
    return f"{_plain(Decimal(repr(float(per_second))))}/s"


def _quantity(text: str, units: Mapping[str, int | Fraction], expected: str) -> Fraction:
    """Return the exact number in `text` times its unit, at least 0 and at most `_LARGEST`."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not {expected}")
    unit = match["unit"].lower()
    if unit not in units:
        raise ValueError(f"{text!r} is not {expected}: unknown unit {match['unit']!r}")
    value = Fraction(match["number"]) * units[unit]
    if value < 0:
        raise ValueError(f"{text!r} is not {expected}: it is negative")
    if value > _LARGEST:
        raise ValueError(f"{text!r} is not {expected}: it is too large")
    return value


def _with_prefix(value: int, unit: str) -> str:
    for power, prefix in ((12, "T"), (9, "G"), (6, "M"), (3, "k")):
        if value >= 10**power:
            return f"{_plain(Decimal(value).scaleb(-power))} {prefix}{unit}"
    return f"{value} {unit}"


def _plain(value: Decimal) -> str:
    """Return all digits without an exponent and without trailing zeros."""
    return f"{value.normalize():f}"
