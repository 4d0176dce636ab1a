"""What crosses a link: how many bytes a packet has there, and packets that only take up room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from sim.icmp import IcmpPacket
from sim.packet import Packet
from sim.tcp.header import encode_options

_IPV4, _IPV6, _TCP, _ICMP, _QUOTED = 20, 40, 20, 8, 8
"""Bytes of headers, and of a TCP header that an ICMP error quotes."""


class Filler:
    """A packet of background traffic: `size` bytes that vanish at the far end of the link."""

    __slots__ = ("size", "tos")

    _ok: ClassVar[bool] = True
    _value: ClassVar[Any] = None
    defused: ClassVar[bool] = True

    def __init__(self, size: int) -> None:
        self.size = size
        self.tos = 0

    @property
    def callbacks(self) -> tuple[Callable[[Any], None], ...]:
        """Nobody takes the packet, whoever the link says shall."""
        return ()

    @callbacks.setter
    def callbacks(self, receivers: tuple[Callable[[Any], None], ...] | None) -> None:
        pass


AnyPacket = Packet | IcmpPacket | Filler


def wire_size(packet: AnyPacket) -> int:
    """Return the bytes of a packet from its IP header on."""
    if isinstance(packet, Filler):
        return packet.size
    ip_header = _IPV6 if ":" in packet.flow.dst else _IPV4
    if isinstance(packet, IcmpPacket):
        return 2 * ip_header + _ICMP + _QUOTED
    return ip_header + _TCP + len(encode_options(packet)) + len(packet.payload)
