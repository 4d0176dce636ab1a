"""SYN cookies: a request kept in the sequence number of its SYN-ACK (RFC 4987 section 3.6).

Layout and rules are Linux's (net/ipv4/syncookies.c): the cookie holds the client's sequence number,
a clock and an index into a table of MSS classes, all hidden by keyed hashes; with timestamps, the
lowest six bits of TSval hold window scale and SACK.  No state is kept.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from sim.tcp.isn import mix
from sim.tcp.seq import MASK

CLOCK: Final = 64_000_000_000
"""The cookie's clock ticks every 64 s, ns (RFC 4987 section 3.6; in Linux every 60 s)."""
MAX_AGE: Final = 2
"""A cookie is good for this many ticks at most, and for one at least."""
LASTING: Final = MAX_AGE * CLOCK
"""The same in ns."""
MSS_CLASSES: Final = (536, 1300, 1440, 1460)
"""The MSS that a cookie can remember, bytes."""

_COUNT_SHIFT = 24
_DATA_MASK = (1 << _COUNT_SHIFT) - 1
_WSCALE_MASK = 0xF
_NO_WSCALE = 0xF
_SACK = 0x10
_OPTION_BITS = 0x3F


def make(key: int, ports: int, irs: int, mss: int, now: int) -> int:
    """Return the sequence number of a SYN-ACK at `now` (ns) that remembers irs and mss.

    `key` belongs to the pair of addresses, `ports` is both ports in one number.
    """
    count = now // CLOCK
    index = max(bisect_right(MSS_CLASSES, mss) - 1, 0)
    data = (_hash(key, ports, count, 1) + index) & _DATA_MASK
    return (_hash(key, ports, 0, 0) + irs + (count << _COUNT_SHIFT) + data) & MASK


def check(key: int, ports: int, irs: int, cookie: int, now: int) -> int:
    """Return the MSS that a cookie remembers, or 0 if it is none of ours or too old.

    >>> cookie = make(7, 99, 1000, 1460, now=5)
    >>> check(7, 99, 1000, cookie, now=64_000_000_000), check(7, 98, 1000, cookie, now=6)
    (1460, 0)
    """
    count = now // CLOCK
    rest = (cookie - _hash(key, ports, 0, 0) - irs) & MASK
    age = (count - (rest >> _COUNT_SHIFT)) & (MASK >> _COUNT_SHIFT)
    if age >= MAX_AGE or age > count:
        return 0
    index = (rest - _hash(key, ports, count - age, 1)) & _DATA_MASK
    return MSS_CLASSES[index] if index < len(MSS_CLASSES) else 0


def stamp(timestamp: int, wscale: int, sack: bool) -> int:
    """Return the TSval, not after `timestamp`, that remembers wscale (-1: none) and SACK."""
    bits = (wscale if wscale >= 0 else _NO_WSCALE) | (_SACK if sack else 0)
    stamped = timestamp & ~_OPTION_BITS | bits
    return (stamped if stamped <= timestamp else stamped - _OPTION_BITS - 1) & MASK


def options(ts_ecr: int) -> tuple[int, bool]:
    """Return the window scale (-1: none) and SACK that a TSval of ours remembered.

    >>> options(stamp(100_000, 7, True))
    (7, True)
    """
    wscale = ts_ecr & _WSCALE_MASK
    return (-1 if wscale == _NO_WSCALE else wscale), bool(ts_ecr & _SACK)


def _hash(key: int, ports: int, count: int, which: int) -> int:
    return mix(key ^ -(which << 63), ports << 20 ^ count << 1 ^ which)
