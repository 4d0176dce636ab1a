"""Sequence-number arithmetic modulo 2**32 (RFC 9293 section 3.4)."""

from __future__ import annotations

from typing import Final

MASK: Final = 0xFFFF_FFFF
HALF: Final = 0x8000_0000


def add(number: int, length: int) -> int:
    """Return the sequence number `length` bytes after `number`.

    >>> add(0xFFFFFFFF, 2)
    1
    """
    return (number + length) & MASK


def distance(start: int, end: int) -> int:
    """Return how far `end` is after `start`, negative if it is before.

    >>> distance(0xFFFFFFFF, 1), distance(1, 0xFFFFFFFF)
    (2, -2)
    """
    return ((end - start + HALF) & MASK) - HALF


def before(a: int, b: int) -> bool:
    """Whether `a` is before `b` (SEG.SEQ < RCV.NXT in the RFC's words)."""
    return (a - b) & MASK >= HALF


def at_most(a: int, b: int) -> bool:
    """Whether `a` is before `b` or equal to it."""
    return (b - a) & MASK < HALF


def between(low: int, number: int, high: int) -> bool:
    """Whether low < number =< high: the test of an acceptable ACK (RFC 9293 section 3.4)."""
    return 0 < (number - low) & MASK <= (high - low) & MASK
