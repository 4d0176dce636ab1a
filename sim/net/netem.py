"""The language of `tc netem`: what a link does to packets, written as Linux users write it.

`parse` reads what tc (iproute2 6.1) accepts after the word "netem", abbreviations included, into
the models of `sim.net.models`.  As in tc, a bare time is in microseconds (in a slot:
nanoseconds), a bare probability in percent, "k" in a size 1024 and "bps" in a rate bytes per
second.  Beyond tc 6.1 stand `seed`, which later versions have, `distribution uniform`, which its
manual promises, and the path of a table file after `distribution`.  Left out are hexadecimal,
infinite and negative numbers where tc lets them pass, a rate in percent of a device's speed, and
the table "experimental" unless given by its path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from sim.net.distributions import NAMES, Distribution, named, read_distribution
from sim.net.models import (
    Chance,
    Delay,
    FourState,
    GilbertElliott,
    Loss,
    Netem,
    Rate,
    Reorder,
    Slot,
)
from sim.units import MS, NS, US, S

Value = TypeVar("Value")

_LONGEST: Final = 274_877_906 * US
"""tc counts a delay in 32 bits of 64 ns."""

_NUMBER: Final = re.compile(r"(\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,2})?)(.*)", re.I)

_TIMES: Final = {
    unit + ending: factor
    for unit, factor in (("s", S), ("ms", MS), ("us", US))
    for ending in ("", "ec", "ecs")
}
_SLOT_TIMES: Final = {"": NS, "ns": NS, "nsec": NS, "nsecs": NS} | _TIMES
_RATES: Final = {"": 1} | {
    prefix + unit: factor * bits
    for power, letter in enumerate("kmgt", start=1)
    for prefix, factor in (("", 1), (letter, 1000**power), (f"{letter}i", 1024**power))
    for unit, bits in (("bit", 1), ("bps", 8))
}
_SIZES: Final = {"": 1.0, "b": 1.0} | {
    letter + unit: 1024**power / parts
    for power, letter in enumerate("kmg", start=1)
    for unit, parts in (("", 1), ("b", 1), ("bit", 8))
}


class NetemError(ValueError):
    """A netem text that cannot be followed; the message is one line and points at the word."""


def parse(text: str) -> Netem:
    """Return what a netem text says, e.g. "delay 20ms 5ms distribution normal loss 1%".

    Raises NetemError naming the text, the word at fault and what was expected there.

    >>> parse("delay 20ms 5ms loss 1% 25%").loss
    Chance(probability=0.01, correlation=0.25)
    >>> parse("delay 20ms lost 1%")
    Traceback (most recent call last):
    sim.net.netem.NetemError: netem 'delay 20ms lost 1%': word 3, 'lost': not a keyword of netem
    """
    return _Parser(text).parse()


class _Parser:
    """Reads the words of one text from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words = text.split()
        self.position = 0
        self.said: dict[str, Any] = {}
        """What stands in the text, by field of `Netem`, with `distribution` and `gap`."""
        self.places: dict[str, int] = {}
        """Where in the text each of these stands."""

    def parse(self) -> Netem:
        """Return what the whole text says."""
        while self.position < len(self.words):
            word = self.words[self.position]
            keyword = next((name for name in _KEYWORDS if name.startswith(word)), None)
            if keyword is None:
                raise self.error("not a keyword of netem")
            name, read = _KEYWORDS[keyword]
            if name == "loss" and name in self.said:
                raise self.error("a second loss")
            self.places[name] = self.position
            self.position += 1
            self.said[name] = read(self)
        return self.whole()

    def whole(self) -> Netem:
        """Put together what was said; raise NetemError if it makes no sense as a whole."""
        said = dict(self.said)
        distribution, gap = said.pop("distribution", None), said.pop("gap", 0)
        delay: Delay = said.get("delay", Delay())
        if said.get("ecn") and "loss" not in said:
            raise self.error("needs a loss", "ecn")
        if distribution is not None:
            if not (delay.latency and delay.jitter):
                raise self.error("needs a delay and a jitter", "distribution")
            said["delay"] = replace(delay, distribution=distribution)
        chance: Chance | None = said.pop("reorder", None)
        if chance is not None and chance.probability:
            if not delay.latency:
                raise self.error("needs a delay", "reorder")
            said["reorder"] = Reorder(chance, gap or 1)
        elif gap:
            raise self.error("needs a probability of reordering", "gap")
        return Netem(**said)

    def error(self, problem: str, keyword: str | None = None) -> NetemError:
        """Return an error that points at a keyword, or else at the word now being read."""
        at = self.position if keyword is None else self.places[keyword]
        word = f", {self.words[at]!r}" if at < len(self.words) else " (the end)"
        return NetemError(f"netem {self.text!r}: word {at + 1}{word}: {problem}")

    def take(self, read: Callable[[str], Value]) -> Value:
        """Return what `read` makes of the next word; its ValueError says what was expected."""
        if self.position == len(self.words):
            raise self.error(f"something must follow {self.words[-1]!r}")
        try:
            value = read(self.words[self.position])
        except ValueError as error:
            raise self.error(str(error)) from None
        self.position += 1
        return value

    def next_begins(self, first: str = "0123456789") -> bool:
        """Return whether there is a next word and it begins with one of those characters."""
        return self.position < len(self.words) and self.words[self.position][0] in first

    def take_while_number(self, read: Callable[[str], Value], most: int) -> list[Value]:
        """Return what `read` makes of up to `most` words that begin with a digit."""
        values: list[Value] = []
        while len(values) < most and self.next_begins():
            values.append(self.take(read))
        return values


def _delay(parser: _Parser) -> Delay:
    delay: Delay = replace(parser.said.get("delay", Delay()), latency=parser.take(_time))
    if parser.next_begins():
        delay = replace(delay, jitter=parser.take(_time))
        if parser.next_begins():
            delay = replace(delay, correlation=parser.take(_percent))
    return delay


def _chance(parser: _Parser) -> Chance:
    return Chance(parser.take(_percent), *parser.take_while_number(_percent, 1))


def _loss(parser: _Parser) -> Loss:
    kind = "random" if parser.next_begins() else parser.take(_kind_of_loss)
    if kind == "random":
        return _chance(parser)
    first = parser.take(_percent)
    if kind == "state":
        given = parser.take_while_number(_percent, 4)
        return FourState(first, *(given or [1 - first]))
    given = parser.take_while_number(_percent, 3)
    return GilbertElliott(first, *(given or [1 - first]))


def _rate(parser: _Parser) -> Rate | None:
    bitrate = parser.take(_bitrate)
    overhead = parser.take(_integer) if parser.next_begins("-0123456789") else 0
    cell_size = parser.take(_count) if parser.next_begins() else 0
    cell_overhead = parser.take(_integer) if parser.next_begins("-0123456789") else 0
    return Rate(bitrate, overhead, cell_size, cell_overhead) if bitrate else None


def _slot(parser: _Parser) -> Slot:
    if parser.next_begins():
        least, *most = parser.take_while_number(_slot_time, 2)
        span = (most[0] if most else least) - least
        if span < 0:
            parser.position -= 1
            raise parser.error("the longest delay of a slot is less than the shortest")
        delay = Delay(least + span // 2, span // 2)
    else:
        parser.take(_word_distribution)
        distribution = parser.take(_distribution)
        delay = Delay(parser.take(_slot_time), parser.take(_slot_time), 0.0, distribution)
    packets = size = 0
    if parser.next_begins("p") and "packets".startswith(parser.words[parser.position]):
        parser.position += 1
        packets = parser.take(_count)
    if parser.next_begins("b") and "bytes".startswith(parser.words[parser.position]):
        parser.position += 1
        size = parser.take(_size)
    return Slot(delay, packets, size)


def _quantity(word: str, units: Mapping[str, float], expected: str) -> float:
    match = _NUMBER.fullmatch(word)
    if match is None or match[2].lower() not in units:
        raise ValueError(f"not {expected}")
    return float(match[1]) * units[match[2].lower()]


def _time(word: str) -> int:
    value = round(_quantity(word, {"": US} | _TIMES, 'a time such as "20ms"'))
    if value > _LONGEST:
        raise ValueError("longer than the 274.877906s that netem counts")
    return value


def _slot_time(word: str) -> int:
    return _bounded(_quantity(word, _SLOT_TIMES, 'a time such as "20ms"'), 2**63)


def _percent(word: str) -> float:
    value = _quantity(word, {"": 1, "%": 1}, 'a percentage such as "1%"')
    if value > 100:
        raise ValueError("above 100%")
    return value / 100


def _bitrate(word: str) -> int:
    return _bounded(_quantity(word, _RATES, 'a rate such as "100kbit"'), 2**63)


def _size(word: str) -> int:
    return _bounded(_quantity(word, _SIZES, 'a size such as "1000" or "64kb"'), 2**32)


def _bounded(value: float, limit: int) -> int:
    if value >= limit:
        raise ValueError("too large")
    return int(value)


def _integer(word: str) -> int:
    if not re.fullmatch(r"[+-]?(0|[1-9][0-9]{0,9})", word) or abs(int(word)) >= 2**31:
        raise ValueError("not a whole number")
    return int(word)


def _count(word: str) -> int:
    if word.startswith("-"):
        raise ValueError("negative")
    return _integer(word)


def _kind_of_loss(word: str) -> str:
    if word not in ("random", "state", "gemodel"):
        raise ValueError("not a percentage, random, state or gemodel")
    return word


def _word_distribution(word: str) -> str:
    if word != "distribution":
        raise ValueError('neither a time such as "20ms" nor distribution')
    return word


def _distribution(word: str) -> Distribution:
    if word in NAMES:
        return named(word)
    if "/" not in word and not word.endswith(".dist"):
        raise ValueError(f"none of {', '.join(NAMES)} and no path of a table")
    try:
        return read_distribution(word)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


_KEYWORDS: Final[dict[str, tuple[str, Callable[[_Parser], Any]]]] = {
    "limit": ("limit", lambda parser: parser.take(_size)),
    "latency": ("delay", _delay),
    "delay": ("delay", _delay),
    "loss": ("loss", _loss),
    "drop": ("loss", _loss),
    "ecn": ("ecn", lambda parser: True),
    "reorder": ("reorder", _chance),
    "corrupt": ("corrupt", _chance),
    "gap": ("gap", lambda parser: parser.take(_count)),
    "duplicate": ("duplicate", _chance),
    "distribution": ("distribution", lambda parser: parser.take(_distribution)),
    "rate": ("rate", _rate),
    "slot": ("slot", _slot),
    "seed": ("seed", lambda parser: parser.take(_count)),
}
"""Keywords in tc's order, of which an abbreviation means the first that it begins."""
