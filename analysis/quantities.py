"""Numbers written for people: three significant digits and a unit that fits."""

from __future__ import annotations

import math
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

_SECONDS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def duration(seconds: float) -> str:
    """Return a duration with three significant digits, or an en dash if there is none.

    >>> [duration(s) for s in (0.0401, 1.0579, 134.27, 0.0, 0.0025)]
    ['40.1 ms', '1.06 s', '134 s', '0 s', '2.50 ms']
    """
    if math.isnan(seconds):
        return "–"
    if math.isinf(seconds):
        return "never"
    return _with_unit(seconds, _significant)


def percent(fraction: float) -> str:
    """Return a fraction as a percentage, without rounding a rare event to 0 or a miss to 100.

    >>> [percent(f) for f in (1.0, 0.99996, 0.5, 0.012345, 0.00002, 0.0)]
    ['100 %', '99.996 %', '50 %', '1.23 %', '0.002 %', '0 %']
    """
    if math.isnan(fraction):
        return "–"
    hundreds = 100 * fraction
    if 99 < hundreds < 100 - 1e-9:
        miss = 100 - hundreds
        return (
            f"{hundreds:.{max(1, 1 - math.floor(math.log10(miss)))}f}".rstrip("0").rstrip(".")
            + " %"
        )
    return f"{_plain(hundreds)} %"


def count(number: float) -> str:
    """Return a whole number with separators.

    >>> count(5000)
    '5,000'
    """
    return f"{number:,.0f}"


def parameter(value: Any, unit: str = "") -> str:
    """Return a parameter of a run, given in base units.

    `unit` is "s" for a duration, "%" for a fraction that people read as a percentage, any other
    unit as it stands, or empty; None, NaN in a table, is a duration that never passes.

    >>> parameter(0.02, "s"), parameter(0.01, "%"), parameter(300.0, "/s"), parameter("linux")
    ('20 ms', '1 %', '300 /s', 'linux')
    >>> parameter(None, "s"), parameter(float("nan"), "s")
    ('never', 'never')
    """
    if value is None:
        return "never"
    if isinstance(value, bool) or not isinstance(value, Real):
        return str(value)
    number = float(value)
    if math.isnan(number):
        return "never"
    if unit == "s":
        return _with_unit(number, _plain)
    if unit == "%":
        return percent(number)
    return f"{value if isinstance(value, Integral) else format(number, 'g')} {unit}".rstrip()


def _with_unit(seconds: float, write: Callable[[float], str]) -> str:
    for factor, unit in _SECONDS:
        if abs(seconds) >= 0.9995 * factor:
            return f"{write(seconds / factor)} {unit}"
    return "0 s" if seconds == 0 else f"{seconds / 1e-9:.2g} ns"


def _significant(value: float) -> str:
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value) * 1.0005)))
    return f"{value:.{digits}f}"


def _plain(value: float) -> str:
    text = _significant(value)
    return text.rstrip("0").rstrip(".") if "." in text else text
