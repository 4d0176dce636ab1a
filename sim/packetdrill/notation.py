"""Packets written as a script writes them, for messages and for the verbose exchange."""

from __future__ import annotations

import struct

from sim.packetdrill.packets import FASTOPEN_MAGIC, FLAGS, MD5
from sim.packetdrill.script import IcmpPacket, Option, TcpPacket
from sim.tcp import header
from sim.units import S


def describe(packet: TcpPacket | IcmpPacket) -> str:
    """Return the packet in the script's notation, its direction first.

    >>> from sim.packetdrill.parser import parse
    >>> describe(parse("0 > S. 0:0(0)  ack 1 <mss 1460, nop,wscale 7>", "").events[0].action)
    '> S. 0:0(0) ack 1 <mss 1460,nop,wscale 7>'
    """
    if isinstance(packet, IcmpPacket):
        words = [packet.direction.value, "icmp", packet.type, packet.code or ""]
        if packet.mtu is not None:
            words.append(f"mtu {packet.mtu}")
        words.append(f"[{_sequence(packet.seq, packet.length)}]")
        return " ".join(word for word in words if word)
    words = [packet.direction.value]
    if packet.sport or packet.dport:
        words.append(f"{packet.sport} > {packet.dport}")
    words.append("".join(letter for letter, bit in FLAGS.items() if packet.flags & bit) or "-")
    words.append("..." if packet.any_seq else _sequence(packet.seq, packet.length))
    if packet.flags & FLAGS["."] or packet.ack:
        words.append(f"ack {packet.ack}")
    if packet.window is not None:
        words.append(f"win {packet.window}")
    if packet.urgent:
        words.append(f"urg {packet.urgent}")
    if packet.options is None:
        words.append("<...>")
    elif packet.options:
        words.append(f"<{','.join(describe_option(option) for option in packet.options)}>")
    return " ".join(words)


def describe_option(option: Option) -> str:
    """Return a TCP option in the script's notation."""
    kind, data = option.kind, option.data
    name = _NAMES.get(kind)
    if kind in (header.MSS, header.WSCALE):
        return f"{name} {int.from_bytes(data, 'big')}"
    if kind == header.SACK:
        edges = struct.unpack(f"!{len(data) // 4}I", data)
        pairs = zip(edges[::2], edges[1::2], strict=True)
        return " ".join(["sack", *(f"{left}:{right}" for left, right in pairs)])
    if kind == header.TIMESTAMPS:
        return "TS val {} ecr {}".format(*struct.unpack("!II", data))
    if kind == header.EXPERIMENT and data.startswith(FASTOPEN_MAGIC):
        name, data = "FOEXP", data.removeprefix(FASTOPEN_MAGIC)
    return " ".join(filter(None, [name or f"kind-{kind}", data.hex()]))


_NAMES = {
    header.END: "eol",
    header.NOP: "nop",
    header.MSS: "mss",
    header.WSCALE: "wscale",
    header.SACK_PERMITTED: "sackOK",
    header.FASTOPEN: "FO",
    MD5: "md5",
}


def _sequence(seq: int, length: int) -> str:
    return f"{seq}:{seq + length}({length})"


def seconds(time: int) -> str:
    """Return a time in ns as seconds with six decimals.

    >>> seconds(1_500_000)
    '0.001500'
    """
    return f"{time / S:.6f}"
