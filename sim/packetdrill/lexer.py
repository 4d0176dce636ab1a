"""Words of the packetdrill language: a script's text into tokens.

Implements the scanner of packetdrill (lexer.l): C and C++ comments, `commands`, %{ code }%,
strings, numbers, words, IPv4 and IPv6 addresses; where two rules match, the longer one wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from sim.packetdrill.script import ScriptError

_RULES = (
    ("SPACE", r"[ \t\r\n]+"),
    ("COMMENT", r"//[^\n]*|/\*.*?\*/"),
    ("CODE", r"%\{.*?\}%"),
    ("COMMAND", r"`(?:\\.|[^`\\])*`"),
    ("STRING", r'"(?:\\.|[^"\\])*"'),
    ("IPV6", r"(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|[0-9a-fA-F:]*::[0-9a-fA-F:.]*"),
    ("IPV4", r"\d+\.\d+\.\d+\.\d+"),
    ("ELLIPSIS", r"\.\.\."),
    ("OPTION", r"--\w+"),
    ("FLOAT", r"-?\d*\.\d+"),
    ("HEX", r"0x[0-9a-fA-F]+\b"),
    ("INTEGER", r"-?\d+(?!\w)"),
    ("WORD", r"(?:exp-)?\w+"),
    ("MARK", r"."),
)
_TOKEN = re.compile("|".join(f"(?P<{name}>{rule})" for name, rule in _RULES), re.DOTALL | re.ASCII)

_MAX_DIGITS = 100
"""Characters of a number; a longer one is out of every range."""

_UNENDED = {"`": "command", '"': "string", "%": "code"}


class Token(NamedTuple):
    """One token: its kind (a rule's name, or END), its text as written, its line from 1."""

    kind: str
    text: str
    line: int


def tokens(text: str, path: str) -> list[Token]:
    """Return the tokens of a script, the last one of kind END; `path` is for messages.

    >>> [token.text for token in tokens("+.1...0.2 read(3, ..., 9) = 9", "a.pkt")][:5]
    ['+', '.1', '...', '0.2', 'read']
    """
    result: list[Token] = []
    line = 1
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        word = match.group()
        if kind == "MARK" and word in _UNENDED:
            raise ScriptError(path, line, f"{_UNENDED[word]} without an end")
        if kind not in ("SPACE", "COMMENT"):
            result.append(Token(str(kind), word, line))
        line += word.count("\n")
    result.append(Token("END", "", line))
    return result


class Tokens:
    """The tokens of a script from left to right, with what every part of the parser needs."""

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self._tokens = tokens(text, path)
        self._next = 0

    def define(self, symbols: Mapping[str, str]) -> None:
        """Replace words from here on: NAME=word, NAME="text", NAME=`command`."""
        for index in range(self._next, len(self._tokens)):
            token = self._tokens[index]
            if token.kind == "WORD" and token.text in symbols:
                value = tokens(symbols[token.text], self.path)[0]
                self._tokens[index] = Token(value.kind, value.text, token.line)

    @property
    def head(self) -> Token:
        """The next token."""
        return self._tokens[self._next]

    def ahead(self, distance: int) -> Token:
        """Return the token `distance` after the next one."""
        return self._tokens[min(self._next + distance, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Return the next token and step over it."""
        token = self.head
        if token.kind != "END":
            self._next += 1
        return token

    def accept(self, text: str) -> bool:
        """Step over the next token if it reads `text`; return whether it does."""
        if self.head.text != text or self.head.kind == "STRING":
            return False
        self.take()
        return True

    def expect(self, text: str) -> None:
        """Step over the next token, which must read `text`."""
        if not self.accept(text):
            raise self.unexpected(f"'{text}'")

    def of_kind(self, *kinds: str, what: str) -> Token:
        """Return the next token, which must be of one of the kinds; `what` is for the message."""
        if self.head.kind not in kinds:
            raise self.unexpected(what)
        return self.take()

    def word(self, what: str = "a word") -> str:
        """Return the next token's text, which must be a word."""
        return self.of_kind("WORD", what=what).text

    def integer(self, what: str, bits: int, low: int = 0) -> int:
        """Return the next token's value: a number from `low` that fits into `bits` bits."""
        token = self.of_kind("INTEGER", "HEX", what=what)
        readable = len(token.text) <= _MAX_DIGITS
        value = int(token.text, 0 if token.kind == "HEX" else 10) if readable else 1 << bits
        if not low <= value < 1 << bits:
            raise ScriptError(self.path, token.line, f"{what} {token.text} out of range")
        return value

    def error(self, message: str, line: int | None = None) -> ScriptError:
        """Return the exception that says `message` of the next token's line, or of `line`."""
        return ScriptError(self.path, self.head.line if line is None else line, message)

    def unexpected(self, wanted: str) -> ScriptError:
        """Return the exception that says what stands here instead of what was wanted."""
        first, newline, _ = self.head.text.partition("\n")
        quoted = f"'{first}{'...' if newline else ''}'"
        found = quoted if self.head.kind != "END" else "the end of the script"
        return self.error(f"expected {wanted}, found {found}")
