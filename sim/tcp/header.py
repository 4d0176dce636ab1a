"""The TCP header and its options as bytes: a `Packet` and its datagram, either way.

Implements RFC 9293 sections 3.1 and 3.2 and the options maximum segment size, window scale and
timestamps (RFC 7323), SACK-permitted and SACK (RFC 2018) and Fast Open (RFC 7413, and its
experimental form of kind 254).  Left out: the urgent pointer, written as 0, and every other
option, which a decoder skips as MUST-6 demands.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from sim import ip
from sim.ip import ChecksumError, IpHeader, MalformedError, checksum
from sim.packet import NO_SYN_OPTIONS, NO_TIMESTAMP, SYN, Flow, Packet, SynOptions

END: Final = 0
NOP: Final = 1
MSS: Final = 2
WSCALE: Final = 3
SACK_PERMITTED: Final = 4
SACK: Final = 5
TIMESTAMPS: Final = 8
FASTOPEN: Final = 34
EXPERIMENT: Final = 254
"""Option kinds (IANA)."""

_IN_SYN = frozenset({END, NOP, MSS, WSCALE, SACK_PERMITTED, TIMESTAMPS, FASTOPEN, EXPERIMENT})

_PREFIX = {EXPERIMENT: b"\xf9\x89"}
"""Which experiment is Fast Open (RFC 7413 section 4.1.1, RFC 6994)."""

_FIXED = struct.Struct("!HHIIBBHHH")
_MAX_OPTIONS = 40
_ANY_LENGTH = range(2, _MAX_OPTIONS + 1)
_LENGTHS = {
    MSS: (4,),
    WSCALE: (3,),
    SACK_PERMITTED: (2,),
    SACK: (10, 18, 26, 34),
    TIMESTAMPS: (10,),
}
"""Bytes that an option takes, kind and length among them."""


def encode(packet: Packet) -> bytes:
    """Return the packet as it stands on the wire, checksums and all.

    ValueError if an option in `SynOptions.layout` has no value or a value no place there, if
    the options exceed 40 bytes or the packet what IP can carry.
    """
    flow = packet.flow
    header = IpHeader(flow.src, flow.dst, ip.TCP, packet.ttl, packet.tos, packet.ident)
    options = encode_options(packet)
    size = _FIXED.size + len(options)

    def segment(right: int) -> bytes:
        fixed = _FIXED.pack(
            *(flow.sport, flow.dport, packet.seq, packet.ack),
            *(size // 4 << 4, packet.flags, packet.window, right, 0),
        )
        return fixed + options + packet.payload

    pseudo = ip.pseudo_header(header, size + len(packet.payload))
    return ip.encode(header, segment(checksum(pseudo + segment(0))))


def decode(data: bytes) -> Packet:
    """Return the packet that `data` is; MalformedError if it is none or a checksum is wrong."""
    header, body = ip.decode(data)
    if header.protocol != ip.TCP:
        raise MalformedError(f"IP: protocol {header.protocol} is not TCP")
    if checksum(ip.pseudo_header(header, len(body)) + body):
        raise ChecksumError("TCP: wrong checksum")
    return decode_segment(header, body)


def decode_segment(header: IpHeader, segment: bytes) -> Packet:
    """Return the packet of a TCP segment and the IP header it came under, checksum unread."""
    if len(segment) < _FIXED.size:
        raise MalformedError(f"TCP: {len(segment)} bytes, a header has at least {_FIXED.size}")
    sport, dport, seq, ack, offset, flags, window, _, _ = _FIXED.unpack_from(segment)
    size = (offset >> 4) * 4
    if not _FIXED.size <= size <= len(segment):
        raise MalformedError(f"TCP: header of {size} bytes in a segment of {len(segment)}")
    packet = Packet(
        Flow(header.src, sport, header.dst, dport),
        *(flags, seq, ack, window),
        payload=segment[size:],
        ttl=header.ttl,
        ident=header.ident,
        tos=header.tos,
    )
    _read_options(packet, segment[_FIXED.size : size])
    return packet


def encode_options(packet: Packet) -> bytes:
    """Return the header's options, padded with zeros to a multiple of four bytes.

    ValueError as `encode`.
    """
    values = option_values(packet)
    data = b"".join(_option(kind, values) for kind in layout(packet, values))
    data += bytes(-len(data) % 4)
    if len(data) > _MAX_OPTIONS:
        raise ValueError(f"{len(data)} bytes of options, a TCP header holds {_MAX_OPTIONS}")
    return data


def option_values(packet: Packet) -> dict[int, bytes]:
    """Return the bytes of each option that the packet has, by kind; NOPs and end aside."""
    options = packet.options or NO_SYN_OPTIONS
    values = {}
    if options.mss >= 0:
        values[MSS] = options.mss.to_bytes(2, "big")
    if options.wscale >= 0:
        values[WSCALE] = bytes([options.wscale])
    if options.sack_permitted:
        values[SACK_PERMITTED] = b""
    if packet.ts_val != NO_TIMESTAMP:
        values[TIMESTAMPS] = struct.pack("!II", packet.ts_val, packet.ts_ecr)
    if packet.sack:
        values[SACK] = b"".join(struct.pack("!II", *block) for block in packet.sack)
    if options.fastopen is not None:
        values[FASTOPEN] = options.fastopen
    return values


def layout(packet: Packet, values: dict[int, bytes]) -> tuple[int, ...]:
    """Return the kinds of the packet's options in the order in which they are written.

    A SYN says it itself; in other segments two NOPs stand before each option, as every stack
    sends them (RFC 7323 appendix A, RFC 2018 section 3).
    """
    if packet.options is None:
        return tuple(kind for option in values for kind in (NOP, NOP, option))
    kinds = packet.options.layout
    placed = {FASTOPEN if kind == EXPERIMENT else kind for kind in kinds} - {END, NOP}
    if placed != values.keys():
        raise ValueError(f"options of kinds {list(values)} do not fit the layout {kinds}")
    return kinds


def _option(kind: int, values: dict[int, bytes]) -> bytes:
    if kind in {END, NOP}:
        return bytes([kind])
    value = _PREFIX.get(kind, b"") + values[FASTOPEN if kind == EXPERIMENT else kind]
    return bytes([kind, 2 + len(value)]) + value


def split_options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and value of each option, NOPs and the end of the list among them.

    MalformedError at a length that cannot be (RFC 9293 MUST-7).
    """
    position = 0
    while position < len(data):
        kind = data[position]
        length = 1
        if kind not in {END, NOP}:
            length = data[position + 1] if position + 1 < len(data) else 0
            if length not in _LENGTHS.get(kind, _ANY_LENGTH) or position + length > len(data):
                raise MalformedError(f"TCP: option of kind {kind} with the length {length}")
        yield kind, data[position + 2 : position + length]
        if kind == END:
            return
        position += length


def _read_options(packet: Packet, data: bytes) -> None:
    """Put into the packet the options that are known and may stand in such a segment.

    Of an option given twice the last value counts, at the place of the first.
    """
    values: dict[int, bytes] = {}
    kinds: list[int] = []
    for kind, value in split_options(data):
        if kind not in _IN_SYN | {SACK} or not value.startswith(_PREFIX.get(kind, b"")):
            continue
        meaning = FASTOPEN if kind == EXPERIMENT else kind
        if meaning not in values or kind == NOP:
            kinds.append(kind)
        values[meaning] = value.removeprefix(_PREFIX.get(kind, b""))
    if TIMESTAMPS in values:
        packet.ts_val, packet.ts_ecr = struct.unpack("!II", values[TIMESTAMPS])
    if packet.flags & SYN:
        packet.options = SynOptions(
            mss=_number(values.get(MSS)),
            wscale=_number(values.get(WSCALE)),
            sack_permitted=SACK_PERMITTED in values,
            fastopen=values.get(FASTOPEN),
            layout=tuple(kind for kind in kinds if kind in _IN_SYN),
        )
    elif SACK in values:
        words = struct.unpack(f"!{len(values[SACK]) // 4}I", values[SACK])
        packet.sack = tuple(zip(words[::2], words[1::2], strict=True))


def _number(value: bytes | None) -> int:
    """Return the number that an option carries, -1 for no option."""
    return -1 if value is None else int.from_bytes(value, "big")
