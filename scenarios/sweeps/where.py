"""Conditions on parameters: "loss < 10% or backlog > 16", "not (client_os == windows)".

A comparison has a parameter on at least one side; what stands on the other is read as that
parameter's own texts are.  Chains ("1% < loss < 10%"), `and`, `or`, `not` and parentheses work.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final

from scenarios.errors import UserError, nearest
from scenarios.parameters import Parameter

Condition = Callable[[Any], bool]
"""Says whether an instance of `Parameters` meets it."""

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
}
_TOKEN: Final = re.compile(r"\s*(<=|>=|==|!=|[<>=()]|[^\s<>=!()]+|!)")
_RESERVED: Final = {"and", "or", "not", "(", ")", *_OPERATORS}


def parse_condition(text: str, known: Mapping[str, Parameter]) -> Condition:
    """Return the condition that `text` says; raises UserError naming the word at fault."""
    reader = _Reader(text, known)
    condition = reader.either()
    if reader.next is not None:
        raise reader.error(f"unexpected {reader.next!r}")
    return condition


class _Reader:
    """Reads a condition by recursive descent."""

    def __init__(self, text: str, known: Mapping[str, Parameter]) -> None:
        self.text = text
        self.known = known
        self.tokens = _TOKEN.findall(text)
        self.position = 0

    @property
    def next(self) -> str | None:
        """The token that comes next."""
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def error(self, what: str) -> UserError:
        """Return the error that says what is wrong."""
        return UserError(f"--where {self.text!r}: {what}")

    def take(self) -> str:
        """Take the next token."""
        token = self.next
        if token is None:
            raise self.error("it ends too early")
        self.position += 1
        return token

    def either(self) -> Condition:
        """Read conditions joined by `or`."""
        parts = [self.both()]
        while self.next == "or":
            self.take()
            parts.append(self.both())
        return lambda point: any(part(point) for part in parts)

    def both(self) -> Condition:
        """Read conditions joined by `and`."""
        parts = [self.single()]
        while self.next == "and":
            self.take()
            parts.append(self.single())
        return lambda point: all(part(point) for part in parts)

    def single(self) -> Condition:
        """Read one comparison, or what stands in parentheses, or the opposite of one."""
        if self.next == "not":
            self.take()
            inner = self.single()
            return lambda point: not inner(point)
        if self.next == "(":
            self.take()
            inner = self.either()
            if self.take() != ")":
                raise self.error("a parenthesis is not closed")
            return inner
        return self.comparison()

    def comparison(self) -> Condition:
        """Read "a < b" or "a < b < c"."""
        sides, operators = [self.side()], []
        while self.next in _OPERATORS:
            operators.append(_OPERATORS[self.take()])
            sides.append(self.side())
        if not operators:
            raise self.error(f"expected a comparison after {sides[0]!r}")
        pairs = [self.pair(a, b) for a, b in pairwise(sides)]

        def holds(point: Any) -> bool:
            return all(
                compare(left(point), right(point))
                for compare, (left, right) in zip(operators, pairs, strict=True)
            )

        return holds

    def side(self) -> str:
        """Read one side of a comparison: words up to the next operator."""
        words = []
        while self.next is not None and self.next not in _RESERVED:
            words.append(self.take())
        if not words:
            raise self.error(f"expected a parameter or a value, not {self.next or 'the end'!r}")
        return " ".join(words)

    def pair(self, a: str, b: str) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
        """Return what gives the two values that are compared."""
        parameter = self.known.get(a) or self.known.get(b)
        if parameter is None:
            raise self.error(f"no parameter {a!r}; {nearest(a, self.known)}")
        return self.value(a, parameter), self.value(b, parameter)

    def value(self, text: str, parameter: Parameter) -> Callable[[Any], Any]:
        """Return what gives the value of one side, compared to a parameter's."""
        if text in self.known:
            if self.known[text].kind.unit != parameter.kind.unit:
                raise self.error(f"{text} and {parameter.name} are not of one kind")
            return operator.attrgetter(text)
        try:
            value = parameter.kind.parse(text)
        except ValueError as error:
            raise self.error(f"{parameter.name}: {error}") from None
        return lambda _: value
