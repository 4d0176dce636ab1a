"""The arguments of system calls: expressions into numbers, structures and lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from sim.packetdrill.script import (
    Array,
    Call,
    Ellipsis,
    Expression,
    Integer,
    Name,
    Or,
    String,
    Structure,
)

_Kind = TypeVar("_Kind", bound=Expression)


class CallError(Exception):
    """A call that cannot be made as the script says, or that gives other data; one line."""


@dataclass(frozen=True, slots=True)
class PollFd:
    """One entry of poll(): a descriptor, what is asked and what is expected, as masks."""

    fd: int
    events: int
    revents: int


class Evaluator:
    """Gives expressions their values; `symbols` are the names that it knows."""

    def __init__(self, symbols: Mapping[str, int]) -> None:
        self.symbols = symbols

    def number(self, expression: Expression) -> int:
        """Return the value of an expression over numbers and symbols."""
        match expression:
            case Integer(value):
                return value
            case Name(text) if text in self.symbols:
                return self.symbols[text]
            case Name(text):
                raise CallError(f"unknown symbol '{text}'")
            case Or(terms):
                bits = 0
                for term in terms:
                    bits |= self.number(term)
                return bits
        raise CallError(f"a number is expected, not {describe(expression)}")

    def member(self, structure: Structure, name: str) -> int:
        """Return the value of a structure's member."""
        value = structure.get(name)
        if value is None:
            raise CallError(f"the structure has no member '{name}'")
        return self.number(value)

    def option(self, expression: Expression, length: Expression) -> int | bytes:
        """Return an option's value: [n], {onoff=..., linger=...} as seconds or -1, or text."""
        if isinstance(expression, String):
            return expression.value[: self.number(length)]
        if isinstance(expression, Structure):
            linger = self.member(expression, "linger")
            return linger if self.member(expression, "onoff") else -1
        return self.number(only(expression))

    def pollfds(self, expression: Expression, count: Expression) -> list[PollFd]:
        """Return the entries of poll()'s array, `count` in number."""
        items = expect(expression, Array).items
        if len(items) != self.number(count):
            raise CallError(f"the array has {len(items)} entries, not {self.number(count)}")
        structures = [expect(item, Structure) for item in items]
        return [
            PollFd(
                self.member(entry, "fd"),
                self.member(entry, "events"),
                self.number(entry.get("revents") or Integer(0)),
            )
            for entry in structures
        ]

    def vector(self, expression: Expression, count: Expression) -> int:
        """Return the bytes that an array of `count` {..., length} has room for."""
        items = expect(expression, Array).items
        if len(items) != self.number(count):
            raise CallError(f"the array has {len(items)} entries, not {self.number(count)}")
        total = 0
        for item in items:
            members = expect(item, Structure).members
            if len(members) != 2:
                raise CallError("an entry of an iovec is {..., length}")
            total += self.number(members[1].value)
        return total

    def message(self, expression: Expression, *others: str) -> int:
        """Return the bytes of a msghdr's vector; `others`: members that it may have besides."""
        header = expect(expression, Structure)
        known = {"msg_name", "msg_iov", *others}
        unknown = [name for name in header.names() if name not in known]
        if unknown:
            raise CallError(f"the member '{unknown[0]}' of a message is not supported")
        if header.get("msg_flags") is not None and self.member(header, "msg_flags"):
            raise CallError("flags in a message are not supported")
        for member in header.members:
            if member.name == "msg_iov" and member.count is not None:
                return self.vector(member.value, member.count)
        raise CallError("the message has no msg_iov(count)")

    def control(self, expression: Expression, kind: tuple[int, int]) -> list[int]:
        """Return the values of a msghdr's control messages, all of one level and type."""
        control = expect(expression, Structure).get("msg_control")
        values = []
        for item in expect(control, Array).items if control is not None else ():
            message = expect(item, Structure)
            if kind != (self.member(message, "cmsg_level"), self.member(message, "cmsg_type")):
                raise CallError("only control messages TCP_CM_INQ are supported")
            values.append(self.member(message, "cmsg_data"))
        return values


def take(arguments: tuple[Expression, ...], count: int) -> tuple[Expression, ...]:
    """Return the arguments, which must be `count` in number."""
    if len(arguments) != count:
        raise CallError(f"{count} arguments are expected, not {len(arguments)}")
    return arguments


def expect(expression: Expression, kind: type[_Kind]) -> _Kind:
    """Return the expression, which must be of a kind."""
    if not isinstance(expression, kind):
        raise CallError(f"{_NAMES[kind]} is expected, not {describe(expression)}")
    return expression


def only(expression: Expression) -> Expression:
    """Return the one element of an array."""
    items = expect(expression, Array).items
    if len(items) != 1:
        raise CallError(f"an array of one element is expected, not of {len(items)}")
    return items[0]


def describe(expression: Expression) -> str:
    """Return what an expression is, in words."""
    return _NAMES[type(expression)]


_NAMES: dict[type, str] = {
    Ellipsis: "...",
    Integer: "a number",
    Name: "a symbol",
    String: "a string",
    Or: "flags",
    Array: "an array",
    Call: "a function",
    Structure: "a structure",
}
