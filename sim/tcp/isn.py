"""Initial sequence numbers and timestamp offsets (RFC 6528, RFC 7323 section 5.4).

ISN = M + F(local address, local port, remote address, remote port, secret): M is a clock, F a keyed
hash.  As in Linux the clock ticks every 64 ns and the timestamp offset depends on the addresses
alone.  F here is BLAKE2b of the addresses, once for each pair, and a multiplicative mix of the
ports: unpredictable enough for a simulation, and reproducible; it makes no cryptographic claim.
"""

from __future__ import annotations

import hashlib
from typing import Final

from mypy_extensions import i64

_MASK32: Final = (1 << 32) - 1
_MULTIPLIER: Final = 0x9E37_79B9_7F4A_7C15 - (1 << 64)
"""Odd, and near 2**64 times the golden ratio, as 64 bits with a sign."""


def address_key(secret: int, src: str, dst: str) -> int:
    """Return the keyed hash of a pair of addresses: 64 bits, the first of them a sign."""
    digest = hashlib.blake2b(
        f"{src} {dst}".encode(), digest_size=8, key=secret.to_bytes(8, "little")
    ).digest()
    return int.from_bytes(digest, "little", signed=True)


def mix(key: i64, number: i64) -> int:
    """Return 32 bits of `key` and `number`, mixed."""
    return ((key ^ number) * _MULTIPLIER >> 32) & _MASK32


def initial_sequence_number(key: i64, sport: int, dport: int, now: int) -> int:
    """Return the ISN of a connection opened at `now` (ns) between two ports."""
    return (mix(key, sport << 16 | dport) + (now >> 6)) & _MASK32
