"""The IPv4 and IPv6 header as bytes, and the Internet checksum.

Implements RFC 791 section 3.1, RFC 8200 sections 3 and 8.1 and RFC 1071.  Left out: options of
IPv4 (skipped when decoding), extension headers of IPv6 and fragments (refused), and the flow
label (written as 0).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from ipaddress import ip_address
from typing import NamedTuple

ICMP = 1
TCP = 6
ICMPV6 = 58
"""Protocol numbers (IANA) of what a header carries."""

_V4 = struct.Struct("!BBHHHBBH4s4s")
_V6 = struct.Struct("!IHBB16s16s")
_DONT_FRAGMENT = 0x4000
_MORE_FRAGMENTS = 0x2000
_FRAGMENT_OFFSET = 0x1FFF


class MalformedError(ValueError):
    """Bytes that are no packet this simulator knows; the message says what is wrong where."""


class ChecksumError(MalformedError):
    """A segment or message whose checksum is wrong."""


class IpHeader(NamedTuple):
    """What an IP header says, of either version: the addresses' form tells which."""

    src: str
    dst: str
    protocol: int
    ttl: int = 64
    """Time to live (IPv4) or hop limit (IPv6)."""
    tos: int = 0
    """Type of service (IPv4) or traffic class (IPv6), with the ECN bits."""
    ident: int = 0
    """Identification of IPv4; IPv6 has none."""
    dont_fragment: bool = True
    """The DF bit of IPv4, set by every host that discovers the path MTU (RFC 1191)."""


def is_ipv6(address: str) -> bool:
    """Whether an address, as text, is one of IPv6.

    >>> is_ipv6("10.0.0.1"), is_ipv6("2001:db8::1")
    (False, True)
    """
    return ":" in address


@lru_cache(maxsize=4096)
def packed(address: str) -> bytes:
    """Return the 4 or 16 bytes of an address; ValueError if the text is not one."""
    return ip_address(address).packed


def checksum(data: bytes) -> int:
    """Return the Internet checksum of `data`, which is not all zero (RFC 1071).

    The sum of 16-bit words with end-around carry is the number modulo 65535; data whose own
    checksum field is right gives 0.

    >>> hex(checksum(bytes.fromhex("0001f203f4f5f6f7")))
    '0x220d'
    """
    return -int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF


def pseudo_header(header: IpHeader, length: int) -> bytes:
    """Return what TCP's and ICMPv6's checksum covers besides their own `length` bytes.

    RFC 9293 section 3.1 (IPv4) and RFC 8200 section 8.1 (IPv6).
    """
    addresses = packed(header.src) + packed(header.dst)
    layout = "!I3xB" if is_ipv6(header.src) else "!xBH"
    fields = (length, header.protocol) if is_ipv6(header.src) else (header.protocol, length)
    return addresses + struct.pack(layout, *fields)


def encode(header: IpHeader, body: bytes) -> bytes:
    """Return the datagram of `header` and `body`; ValueError if it is too long for IP."""
    src, dst = packed(header.src), packed(header.dst)
    if len(body) + (0 if len(src) == 16 else _V4.size) > 0xFFFF:
        raise ValueError(f"{len(body)} bytes are too many for one IP packet")
    if len(src) == 16:
        first = 6 << 28 | header.tos << 20
        return _V6.pack(first, len(body), header.protocol, header.ttl, src, dst) + body
    fields = (
        *(0x45, header.tos, _V4.size + len(body), header.ident),
        *(_DONT_FRAGMENT * header.dont_fragment, header.ttl, header.protocol),
    )
    right = checksum(_V4.pack(*fields, 0, src, dst))
    return _V4.pack(*fields, right, src, dst) + body


def decode(data: bytes, *, quoted: bool = False) -> tuple[IpHeader, bytes]:
    """Return a datagram's header and body; raise MalformedError if it has none.

    Bytes after the datagram's end (an Ethernet frame's padding) are ignored.  `quoted`: the
    datagram stands in an ICMP message, which may cut it short and whose checksum a router on
    the way has no reason to keep right.
    """
    version = data[0] >> 4 if data else 0
    if version == 4:
        return _decode_v4(data, quoted)
    if version == 6:
        return _decode_v6(data, quoted)
    raise MalformedError(f"IP: version {version}" if data else "IP: no bytes")


def _decode_v4(data: bytes, quoted: bool) -> tuple[IpHeader, bytes]:
    if len(data) < _V4.size:
        raise MalformedError(f"IPv4: {len(data)} bytes, a header has at least {_V4.size}")
    first, tos, total, ident, fragment, ttl, protocol, _, src, dst = _V4.unpack_from(data)
    size = (first & 0x0F) * 4
    if not _V4.size <= size <= total:
        raise MalformedError(f"IPv4: header of {size} bytes in a packet of {total}")
    if not quoted and len(data) < total:
        raise MalformedError(f"IPv4: {len(data)} bytes, total length says {total}")
    if not quoted and checksum(data[:size]):
        raise MalformedError("IPv4: wrong header checksum")
    if fragment & (_MORE_FRAGMENTS | _FRAGMENT_OFFSET):
        raise MalformedError("IPv4: a fragment")
    dont_fragment = bool(fragment & _DONT_FRAGMENT)
    header = IpHeader(_text(src), _text(dst), protocol, ttl, tos, ident, dont_fragment)
    return header, data[size:total]


def _decode_v6(data: bytes, quoted: bool) -> tuple[IpHeader, bytes]:
    if len(data) < _V6.size:
        raise MalformedError(f"IPv6: {len(data)} bytes, a header has {_V6.size}")
    first, length, protocol, ttl, src, dst = _V6.unpack_from(data)
    if not quoted and len(data) < _V6.size + length:
        raise MalformedError(f"IPv6: {len(data) - _V6.size} bytes, payload length says {length}")
    header = IpHeader(_text(src), _text(dst), protocol, ttl, tos=first >> 20 & 0xFF)
    return header, data[_V6.size : _V6.size + length]


@lru_cache(maxsize=4096)
def _text(address: bytes) -> str:
    return str(ip_address(address))
