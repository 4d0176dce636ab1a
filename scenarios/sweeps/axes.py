"""The axes of a sweep: lists, ranges and logarithmic ranges of a parameter's values, from text.

=======================  ===================================================================
`linux,windows`          a list
`0:20%:2%`               from, to (included if a step ends there), step
`1e-4..1e-1 log 7`       7 values from, to, each the same factor above the one before
`0..20%`, `1..64 log`    any value between the two, for a sweep that samples its points
=======================  ===================================================================
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from scenarios.errors import UserError, nearest
from scenarios.parameters import Parameter

MOST_VALUES: Final = 100_000
"""The most values that an axis may have, and the most points of a sweep."""

_SPAN: Final = re.compile(r"(.+?)\.\.(.+?)(?:\s+(log)(?:\s+(\S+))?)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Axis:
    """A parameter and the values that it takes."""

    name: str
    values: tuple[Any, ...]
    """In the simulator's units; of a span, its two ends."""
    span: bool = False
    """Whether it takes any value between the two ends."""
    logarithmic: bool = False

    def at(self, share: float) -> Any:
        """Return the value that lies at a share, 0 to 1 (excluded), of the axis."""
        if not self.span:
            return self.values[int(share * len(self.values))]
        low, high = self.values
        if self.logarithmic:
            return _like(low, _geometric(low, high, share))
        return _like(low, low + (high - low) * share)


def parse_axis(text: str, known: Mapping[str, Parameter]) -> Axis:
    """Return the axis in "loss=0:20%:2%"; raises UserError."""
    name, equals, values = (part.strip() for part in text.partition("="))
    if not equals:
        raise UserError(f"--vary {text}: expected PARAMETER=VALUES")
    if name not in known:
        raise UserError(f"--vary {text}: unknown parameter {name!r}; {nearest(name, known)}")
    try:
        axis = _axis(name, values, known[name])
    except ValueError as error:
        raise UserError(f"--vary {text}: {error}") from None
    if len(set(axis.values)) < len(axis.values):
        raise UserError(f"--vary {text}: a value stands there twice")
    return axis


def _axis(name: str, text: str, parameter: Parameter) -> Axis:
    parse = parameter.kind.parse
    if not text:
        raise ValueError("no values")
    numeric = isinstance(parameter.default, int | float | None)
    if numeric and (span := _SPAN.fullmatch(text)):
        low, high = parse(span[1]), parse(span[2])
        if not low < high:
            raise ValueError(f"an empty range: {span[2].strip()} is not above {span[1].strip()}")
        if span[3] and low <= 0:
            raise ValueError("a logarithmic range begins above 0")
        if span[4] is None:
            return Axis(name, (low, high), span=True, logarithmic=bool(span[3]))
        return Axis(name, _logarithmic(low, high, span[4]))
    if numeric and text.count(":") == 2:
        return Axis(name, _range(*map(parse, text.split(":"))))
    return Axis(name, tuple(parse(value) for value in text.split(",")))


def _range(start: Any, stop: Any, step: Any) -> tuple[Any, ...]:
    """Return start, start + step, ... up to stop, computed in decimal so that 0.06 is 0.06."""
    first, last, by = (Decimal(repr(value)) for value in (start, stop, step))
    if by <= 0:
        raise ValueError("an empty range: the step is 0")
    if last < first:
        raise ValueError("an empty range: it ends before it begins")
    number = int((last - first) / by) + 1
    if number > MOST_VALUES:
        raise ValueError(f"{number} values: at most {MOST_VALUES}")
    return tuple(type(start)(first + n * by) for n in range(number))


def _logarithmic(low: Any, high: Any, number: str) -> tuple[Any, ...]:
    if not number.isdecimal() or not 2 <= int(number) <= MOST_VALUES:
        raise ValueError(f"{number!r} is not a number of values from 2 to {MOST_VALUES}")
    steps = int(number) - 1
    inner = (_like(low, _geometric(low, high, n / steps)) for n in range(1, steps))
    return tuple(dict.fromkeys((low, *inner, high)))


def _geometric(low: float, high: float, share: float) -> float:
    return low * math.exp(share * math.log(high / low))


def _like(example: Any, value: float) -> Any:
    """Return a value of the example's type, rounded alike on every machine."""
    return round(value) if isinstance(example, int) else float(f"{value:.12g}")


def group(axes: Sequence[Axis], together: Sequence[str]) -> list[list[Axis]]:
    """Return the axes in groups that move together, as texts such as "loss,delay" say.

    Raises UserError for a name that is no axis, or stands in two groups, or different lengths.
    """
    by_name = {axis.name: axis for axis in axes}
    if len(by_name) < len(axes):
        names = [axis.name for axis in axes]
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"--vary {twice}: varied twice")
    left = dict(by_name)
    groups = []
    for text in together:
        names = [name.strip() for name in text.split(",")]
        for name in names:
            if name not in left:
                raise UserError(f"--zip {text}: no axis {name!r}; {nearest(name, left)}")
        groups.append([left.pop(name) for name in names])
        lengths = {len(axis.values) for axis in groups[-1] if not axis.span}
        if len(lengths) > 1:
            raise UserError(f"--zip {text}: axes of different lengths: {sorted(lengths)}")
    placed = {axis.name: members for members in groups for axis in members}
    ordered: list[list[Axis]] = []
    for axis in axes:
        members = placed.get(axis.name, [axis])
        if members not in ordered:
            ordered.append(members)
    return ordered
