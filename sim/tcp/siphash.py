"""SipHash-2-4 (Aumasson and Bernstein, 2012), the keyed hash of Linux's Fast Open cookies.

The cookie is the hash of the client's and the server's address under the key of the sysctl
`net.ipv4.tcp_fastopen_key`, which is four hexadecimal words (tcp_fastopen.c of the kernel).
"""

from __future__ import annotations

import struct

from sim.ip import packed

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_INITIAL = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def siphash(key: bytes, data: bytes) -> int:
    """Return the 64-bit hash of `data` under a key of 16 bytes.

    >>> hex(siphash(bytes(range(16)), bytes(range(15))))
    '0xa129ca6149be45e5'
    """
    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [initial ^ part for initial, part in zip(_INITIAL, (k0, k1, k0, k1), strict=True)]
    padded = data + bytes(7 - len(data) % 8) + bytes((len(data) & 0xFF,))
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[int], count: int) -> None:
    v0, v1, v2, v3 = v
    for _ in range(count):
        v0 = (v0 + v1) & _MASK
        v1 = _rotate(v1, 13) ^ v0
        v0 = _rotate(v0, 32)
        v2 = (v2 + v3) & _MASK
        v3 = _rotate(v3, 16) ^ v2
        v0 = (v0 + v3) & _MASK
        v3 = _rotate(v3, 21) ^ v0
        v2 = (v2 + v1) & _MASK
        v1 = _rotate(v1, 17) ^ v2
        v2 = _rotate(v2, 32)
    v[:] = v0, v1, v2, v3


def _rotate(value: int, bits: int) -> int:
    return (value << bits | value >> (64 - bits)) & _MASK


def fastopen_key(text: str) -> bytes:
    """Return the key that a sysctl's text stands for; ValueError if it is not four words.

    >>> fastopen_key("00000001-0-0-a0000000").hex()
    '010000000000000000000000000000a0'
    """
    words = [int(word, 16) for word in text.split("-")]
    if len(words) != 4 or not all(0 <= word < 1 << 32 for word in words):
        raise ValueError(f"'{text}' is not four 32-bit words in hexadecimal, joined by '-'")
    return struct.pack("<4I", *words)


def fastopen_cookie(key: bytes, client: str, server: str) -> bytes:
    """Return the cookie, 8 bytes, that a server gives to a client.

    >>> key = fastopen_key("a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4")
    >>> fastopen_cookie(key, "192.0.2.1", "192.168.0.2").hex()
    'de4f234f0f433a55'
    """
    return siphash(key, packed(client) + packed(server)).to_bytes(8, "little")
