"""Grammar of system calls and their arguments.

Implements `syscall_spec` and `expression` of packetdrill's grammar (parser.y), of both flavours.
Every structure in braces is read by one rule, whatever its members' names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from sim.packetdrill.lexer import Tokens
from sim.packetdrill.script import (
    Array,
    Call,
    Ellipsis,
    Expression,
    Integer,
    Member,
    Name,
    Or,
    String,
    Structure,
    SystemCall,
)

_Item = TypeVar("_Item")

_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)", re.DOTALL)
_NAMED_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f"}


def system_call(tokens: Tokens, end: int | None) -> SystemCall:
    """Read `name(arguments) = result [errno] [(note)]`; `end` is when a blocking call returns."""
    name = tokens.word("a system call")
    arguments = _arguments(tokens)
    tokens.expect("=")
    result = expression(tokens)
    errno = None
    if tokens.head.kind == "WORD":
        errno = tokens.take().text
        if tokens.head.text != "(":
            raise tokens.unexpected(f"a note in parentheses after {errno}")
    if tokens.accept("("):
        _note(tokens)
    return SystemCall(name, arguments, result, errno, end)


def expression(tokens: Tokens) -> Expression:
    """Read an expression; `a|b` binds its terms into one."""
    terms = [_term(tokens)]
    while tokens.accept("|"):
        terms.append(_term(tokens))
    return terms[0] if len(terms) == 1 else Or(tuple(terms))


def unescape(text: str) -> bytes:
    r"""Return what a string's text stands for.

    >>> unescape(r"a\x00\n")
    b'a\x00\n'
    """

    def resolve(match: re.Match[bytes]) -> bytes:
        escape = match.group(1)
        if escape[:1] == b"x" and len(escape) > 1:
            return bytes((int(escape[1:], 16),))
        if escape.isdigit():
            return bytes((int(escape, 8) & 0xFF,))
        return _NAMED_ESCAPES.get(escape, escape)

    return _ESCAPE.sub(resolve, text.encode())


def _arguments(tokens: Tokens) -> tuple[Expression, ...]:
    tokens.expect("(")
    return _list(tokens, ")", expression)


def _list(tokens: Tokens, end: str, item: Callable[[Tokens], _Item]) -> tuple[_Item, ...]:
    items: list[_Item] = []
    if not tokens.accept(end):
        items.append(item(tokens))
        while not tokens.accept(end):
            if not tokens.accept(","):
                raise tokens.unexpected(f"',' or '{end}'")
            items.append(item(tokens))
    return tuple(items)


def _term(tokens: Tokens) -> Expression:
    match tokens.head.kind:
        case "ELLIPSIS":
            tokens.take()
            return Ellipsis()
        case "INTEGER" | "HEX":
            return Integer(tokens.integer("number", 64, -(1 << 63)))
        case "STRING":
            return _string(tokens)
        case "WORD":
            name = tokens.take().text
            return Call(name, _arguments(tokens)) if tokens.head.text == "(" else Name(name)
    if tokens.accept("["):
        return Array(_list(tokens, "]", expression))
    if tokens.accept("{"):
        return Structure(_list(tokens, "}", _member))
    raise tokens.unexpected("an expression")


def _string(tokens: Tokens) -> String:
    text = b""
    while tokens.head.kind == "STRING":
        text += unescape(tokens.take().text[1:-1])
    tokens.accept("...")
    return String(text)


def _member(tokens: Tokens) -> Member:
    if tokens.head.kind != "WORD" or tokens.ahead(1).text not in ("=", "("):
        return Member("", expression(tokens))
    name = tokens.take().text
    count = None
    if tokens.accept("("):
        count = expression(tokens)
        tokens.expect(")")
    tokens.expect("=")
    if name == "psk" and tokens.head.kind in ("WORD", "INTEGER"):
        return Member(name, String(hexadecimal(tokens, "psk")))
    return Member(name, expression(tokens), count)


def hexadecimal(tokens: Tokens, what: str) -> bytes:
    """Read a row of hexadecimal digits, two a byte."""
    digits = tokens.of_kind("WORD", "INTEGER", what=f"{what} in hexadecimal").text
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise tokens.error(f"{what} '{digits}' is not pairs of hexadecimal digits") from None


def _note(tokens: Tokens) -> None:
    """Step over a remark in parentheses, the opening one already read."""
    depth = 1
    while depth:
        if tokens.head.kind == "END":
            raise tokens.unexpected("')'")
        mark = tokens.take().text
        depth += (mark == "(") - (mark == ")")
