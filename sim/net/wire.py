"""What crosses a link: how many bytes a packet has there, and packets that only take up room."""

from __future__ import annotations

from typing import Final

from sim.icmp import IcmpPacket
from sim.packet import NO_TIMESTAMP, Packet
from sim.tcp.header import encode_options
from sim.tcp.peer import TIMESTAMPS_LENGTH

_IPV4: Final = 20
_IPV6: Final = 40
_TCP: Final = 20
_ICMP: Final = 8
"""Bytes of headers."""
_QUOTED: Final = 8
"""Bytes of a TCP header that an ICMP error quotes."""
_SACK: Final = 4
_BLOCK: Final = 8
"""Bytes of the SACK option with the NOPs before it, and of each of its blocks."""


class Filler:
    """A packet of background traffic: `size` bytes that vanish once a link has sent them."""

    __slots__ = ("size", "tos")

    def __init__(self, size: int) -> None:
        self.size = size
        self.tos = 0


AnyPacket = Packet | IcmpPacket | Filler


def wire_size(packet: AnyPacket) -> int:
    """Return the bytes of a packet from its IP header on."""
    if isinstance(packet, Filler):
        return packet.size
    ip_header = _IPV6 if ":" in packet.flow.dst else _IPV4
    if isinstance(packet, Packet):
        return ip_header + _TCP + options_length(packet) + len(packet.payload)
    return 2 * ip_header + _ICMP + _QUOTED


def options_length(packet: Packet) -> int:
    """Return the bytes of a TCP header's options; only those of a SYN differ in their order."""
    if packet.options is not None:
        return len(encode_options(packet))
    sack = _SACK + _BLOCK * len(packet.sack) if packet.sack else 0
    return sack + (TIMESTAMPS_LENGTH if packet.ts_val != NO_TIMESTAMP else 0)
