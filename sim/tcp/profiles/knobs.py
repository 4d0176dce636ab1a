"""Knobs of a profile: what a sysctl's value may be, and what of the profile it sets."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sim.tcp.profile import Profile, Sysctl
from sim.tcp.siphash import fastopen_key
from sim.units import MS, S

MOST = 2**31 - 1
"""Greatest value of a sysctl without a limit of its own (a C int)."""

Reader = Callable[[Any], Any]
"""Returns what a value stands for; ValueError says what it must be instead."""


def whole(least: int = 0, most: int = MOST) -> Reader:
    """Return the reader of a whole number: an int, or text in decimal or, after 0x, in hex.

    >>> whole(1, 127)("6")
    6
    """

    def read(value: Any) -> int:
        try:
            if isinstance(value, str):
                number = int(value, 16 if value[:2] == "0x" else 10)
            else:
                number = operator.index(value)
        except (TypeError, ValueError):
            number = least - 1
        if not least <= number <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return number

    return read


def flag(value: Any) -> bool:
    """Read 0 or 1."""
    return bool(whole(0, 1)(value))


def seconds(value: Any) -> int:
    """Read seconds; returns ns."""
    return int(whole()(value)) * S


def milliseconds(least: int = 0, most: int = MOST) -> Reader:
    """Return the reader of a time in milliseconds; it returns ns."""
    return lambda value: whole(least, most)(value) * MS


def numbers(count: int, least: int = 0, most: int = MOST) -> Reader:
    """Return the reader of several whole numbers, none less than the one before.

    They come as text between blanks, or as a sequence.

    >>> numbers(2, 1, 65535)("32768 60999")
    (32768, 60999)
    """

    def read(value: Any) -> tuple[int, ...]:
        try:
            items = value.split() if isinstance(value, str) else list(value)
            found = tuple(whole(least, most)(item) for item in items)
        except (TypeError, ValueError):
            found = ()
        if len(found) != count or list(found) != sorted(found):
            raise ValueError(f"{count} whole numbers from {least} to {most}, none less than before")
        return found

    return read


def cookie_key(value: Any) -> bytes:
    """Read a key of Fast Open's cookies."""
    try:
        return fastopen_key(str(value))
    except ValueError:
        raise ValueError("four 32-bit words in hexadecimal, joined by '-'") from None


def field(name: str, read: Reader) -> Sysctl:
    """Return the sysctl that sets the profile's field `name`."""
    return lambda profile, value: replace(profile, **{name: read(value)})


def schedule(which: str, name: str, read: Reader) -> Sysctl:
    """Return the sysctl that sets the field `name` of one of the profile's schedules."""

    def set_field(profile: Profile, value: Any) -> Profile:
        changed = replace(getattr(profile, which), **{name: read(value)})
        return replace(profile, **{which: changed})

    return set_field
