"""ICMP and ICMPv6 errors: a message that quotes the packet it is about.

Implements RFC 792 and RFC 4443 as far as messages about a TCP segment go: destination
unreachable, packet too big, source quench, redirect, time exceeded, parameter problem.  Left
out: echo and everything else that quotes no packet, and the parameter problem's pointer and
the redirect's gateway, written as 0.  A message's type and code are those of its IP version.
"""

from __future__ import annotations

import struct

from sim import ip
from sim.ip import ChecksumError, IpHeader, MalformedError, checksum
from sim.packet import NOT_OBSERVED, Datagram, Flow, Packet
from sim.tcp import header as tcp

_MESSAGE = struct.Struct("!BBHI")
_ERRORS = {ip.ICMP: (3, 4, 5, 11, 12), ip.ICMPV6: (1, 2, 3, 4)}
"""Types that quote a packet, by protocol."""

ERROR_TYPES = frozenset(kind for kinds in _ERRORS.values() for kind in kinds)
"""Those of either protocol."""

_LONGEST = {ip.ICMP: 576, ip.ICMPV6: 1280}
"""Bytes of the whole error message at most (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4)."""

_QUOTED_PORTS_AND_SEQ = 8
"""Bytes of the quoted segment that RFC 792 promises."""


class IcmpPacket(Datagram):
    """One IP packet that carries one ICMP or ICMPv6 error.

    It travels as a `Packet` does: it has a flow, whose ports are 0.
    """

    __slots__ = (
        "code",
        "mtu",
        "quoted",
        "type",
    )

    def __init__(
        self,
        src: str,
        dst: str,
        kind: int,
        code: int,
        quoted: Packet,
        *,
        mtu: int = 0,
        ttl: int = 64,
        connection: int = NOT_OBSERVED,
        ident: int = 0,
        tos: int = 0,
    ) -> None:
        super().__init__(Flow(src, 0, dst, 0), ttl, connection, ident, tos)
        self.type = kind
        self.code = code
        self.quoted = quoted
        """The packet that the error is about; what was cut off its end is missing in it."""
        self.mtu = mtu
        """Bytes that the next link takes, in "fragmentation needed" and "packet too big"."""

    def __repr__(self) -> str:
        src, _, dst, _ = self.flow
        return f"<{src} > {dst} ICMP {self.type}/{self.code} mtu {self.mtu} about {self.quoted!r}>"


def encode(packet: IcmpPacket) -> bytes:
    """Return the error as it stands on the wire; as much of the packet is quoted as fits."""
    src, _, dst, _ = packet.flow
    protocol = ip.ICMPV6 if ip.is_ipv6(src) else ip.ICMP
    header = IpHeader(src, dst, protocol, packet.ttl, packet.tos, packet.ident, False)
    room = _LONGEST[protocol] - len(ip.encode(header, b"")) - _MESSAGE.size
    quote = tcp.encode(packet.quoted)[:room]
    pseudo = _pseudo_header(header, _MESSAGE.size + len(quote))

    def message(right: int) -> bytes:
        return _MESSAGE.pack(packet.type, packet.code, right, packet.mtu) + quote

    return ip.encode(header, message(checksum(pseudo + message(0))))


def decode(data: bytes) -> IcmpPacket:
    """Return the ICMP error that `data` is; MalformedError if it is none or a checksum wrong."""
    header, body = ip.decode(data)
    if header.protocol not in _ERRORS:
        raise MalformedError(f"IP: protocol {header.protocol} is not ICMP")
    if len(body) < _MESSAGE.size:
        raise MalformedError(f"ICMP: {len(body)} bytes, a message has at least {_MESSAGE.size}")
    if checksum(_pseudo_header(header, len(body)) + body):
        raise ChecksumError("ICMP: wrong checksum")
    kind, code, _, mtu = _MESSAGE.unpack_from(body)
    if kind not in _ERRORS[header.protocol]:
        raise MalformedError(f"ICMP: type {kind} quotes no packet")
    return IcmpPacket(
        *(header.src, header.dst, kind, code),
        _decode_quote(body[_MESSAGE.size :]),
        mtu=mtu,
        ttl=header.ttl,
        ident=header.ident,
        tos=header.tos,
    )


def _pseudo_header(header: IpHeader, length: int) -> bytes:
    """Return what the checksum covers besides the message: nothing in ICMP for IPv4."""
    return ip.pseudo_header(header, length) if header.protocol == ip.ICMPV6 else b""


def _decode_quote(data: bytes) -> Packet:
    """Return the quoted packet; of a header cut short, only ports and sequence number."""
    header, segment = ip.decode(data, quoted=True)
    if header.protocol != ip.TCP:
        raise MalformedError(f"ICMP: quotes protocol {header.protocol}, not TCP")
    if len(segment) < _QUOTED_PORTS_AND_SEQ:
        raise MalformedError(f"ICMP: quotes {len(segment)} bytes of the segment, 8 are the least")
    if len(segment) > 12 and len(segment) >= (segment[12] >> 4) * 4:
        return tcp.decode_segment(header, segment)
    sport, dport, seq = struct.unpack_from("!HHI", segment)
    return Packet(Flow(header.src, sport, header.dst, dport), 0, seq, 0, 0, ttl=header.ttl)
