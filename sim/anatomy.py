"""A packet's headers field by field: name, value, meaning.

Covers what `sim.ip` and `sim.tcp.header` encode; the words are those of RFC 791, RFC 8200 and
RFC 9293 section 3.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sim import icmp, ip
from sim.ip import IpHeader, MalformedError
from sim.packet import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG, Packet
from sim.tcp import header

BITS = {
    CWR: ("CWR", "congestion window reduced"),
    ECE: ("ECE", "explicit congestion notification echo"),
    URG: ("URG", "the urgent pointer counts"),
    ACK: ("ACK", "the acknowledgment number counts"),
    PSH: ("PSH", "hand the data to the application at once"),
    RST: ("RST", "reset the connection"),
    SYN: ("SYN", "synchronize sequence numbers: open"),
    FIN: ("FIN", "no more data from the sender: close"),
}
"""Control bits in the order in which they stand in the header."""


class Field(NamedTuple):
    """One field of a header."""

    header: str
    """IPv4, IPv6, TCP, TCP option or ICMP."""
    name: str
    value: str
    meaning: str = ""


def lines(datagram: bytes) -> Iterator[str]:
    """Yield the fields of a packet as lines of text."""
    for field in fields(datagram):
        text = f"    {field.header:<10}  {field.name:<22}  {field.value:<26}  {field.meaning}"
        yield text.rstrip()


def fields(datagram: bytes) -> Iterator[Field]:
    """Yield the fields of a packet in the order in which they are sent."""
    try:
        under, body = ip.decode(datagram)
        packet = (header if under.protocol == ip.TCP else icmp).decode(datagram)
    except MalformedError as error:
        yield Field("malformed", str(error), "")
        return
    yield from _ip_fields(under, datagram, len(body))
    if isinstance(packet, Packet):
        yield from _tcp_fields(packet, body)
        yield from _option_fields(packet)
    else:
        yield from _icmp_fields(packet, body)


def _ip_fields(under: IpHeader, datagram: bytes, length: int) -> Iterator[Field]:
    protocol = {ip.TCP: "TCP", ip.ICMP: "ICMP", ip.ICMPV6: "ICMPv6"}[under.protocol]
    ecn = ("not ECN-capable", "ECN-capable (1)", "ECN-capable (0)", "congestion experienced")
    service = ecn[under.tos & 3]
    if ip.is_ipv6(under.src):
        name = "IPv6"
        yield Field(name, "version", "6")
        yield Field(name, "traffic class", f"{under.tos:#04x}", service)
        yield Field(name, "flow label", "0")
        yield Field(name, "payload length", str(length), "bytes after this header")
        yield Field(name, "next header", str(under.protocol), protocol)
        yield Field(name, "hop limit", str(under.ttl), "routers that may still forward it")
    else:
        name, size = "IPv4", (datagram[0] & 0x0F) * 4
        yield Field(name, "version", "4")
        yield Field(name, "header length", str(size), "bytes")
        yield Field(name, "type of service", f"{under.tos:#04x}", service)
        yield Field(name, "total length", str(size + length), "bytes, this header included")
        yield Field(name, "identification", str(under.ident), "tells fragments apart")
        fragmenting = ("may be fragmented", "don't fragment")[under.dont_fragment]
        yield Field(name, "flags", "DF" if under.dont_fragment else "none", fragmenting)
        yield Field(name, "fragment offset", "0")
        yield Field(name, "time to live", str(under.ttl), "routers that may still forward it")
        yield Field(name, "protocol", str(under.protocol), protocol)
        yield Field(name, "header checksum", f"0x{datagram[10:12].hex()}", "correct")
    yield Field(name, "source address", under.src)
    yield Field(name, "destination address", under.dst)


def _tcp_fields(packet: Packet, segment: bytes) -> Iterator[Field]:
    flow, flags = packet.flow, packet.flags
    first = "initial sequence number: data begins at the next" if flags & SYN else ""
    acknowledged = "next sequence number expected" if flags & ACK else "no meaning without ACK"
    scale = "bytes, never scaled in a SYN" if flags & SYN else "times 2 ** the agreed scale"
    yield Field("TCP", "source port", str(flow.sport))
    yield Field("TCP", "destination port", str(flow.dport))
    yield Field("TCP", "sequence number", str(packet.seq), first)
    yield Field("TCP", "acknowledgment number", str(packet.ack), acknowledged)
    size = (segment[12] >> 4) * 4
    yield Field("TCP", "data offset", str(size // 4), f"words: a header of {size} bytes")
    for bit, (name, meaning) in BITS.items():
        if flags & bit:
            yield Field("TCP", f"control bit {name}", "1", meaning)
    yield Field("TCP", "window", str(packet.window), f"what the sender can take: {scale}")
    yield Field("TCP", "checksum", f"0x{segment[16:18].hex()}", "correct")
    yield Field("TCP", "urgent pointer", "0")
    yield Field("TCP", "data", str(len(packet.payload)), "bytes")


def _option_fields(packet: Packet) -> Iterator[Field]:
    options = packet.options
    for kind in header.layout(packet, header.option_values(packet)):
        name, value, meaning = _OPTIONS[kind]
        if options is not None and kind in {header.MSS, header.WSCALE}:
            value = str(options.mss if kind == header.MSS else options.wscale)
        elif kind == header.TIMESTAMPS:
            value = f"{packet.ts_val} echo {packet.ts_ecr}"
        elif kind == header.SACK:
            value = " ".join(f"{left}-{right}" for left, right in packet.sack)
        elif options is not None and kind in {header.FASTOPEN, header.EXPERIMENT}:
            value = (options.fastopen or b"").hex() or "request"
        yield Field("TCP option", name, value, meaning)


_OPTIONS = {
    header.END: ("end of list", "", "the rest is padding"),
    header.NOP: ("no operation", "", "padding"),
    header.MSS: ("maximum segment size", "", "largest segment the sender takes, bytes"),
    header.WSCALE: ("window scale", "", "its windows count in units of 2 ** this"),
    header.SACK_PERMITTED: ("SACK permitted", "yes", "selective acknowledgments are welcome"),
    header.SACK: ("SACK", "", "received beyond the acknowledgment number"),
    header.TIMESTAMPS: ("timestamps", "", "the sender's clock, and the peer's latest"),
    header.FASTOPEN: ("Fast Open cookie", "", "lets data travel in a SYN"),
    header.EXPERIMENT: ("Fast Open cookie", "", "lets data travel in a SYN (experimental)"),
}
"""Name, value where it is always the same, and meaning of each option."""


def _icmp_fields(packet: icmp.IcmpPacket, message: bytes) -> Iterator[Field]:
    flow = packet.quoted.flow
    yield Field("ICMP", "type", str(packet.type))
    yield Field("ICMP", "code", str(packet.code))
    yield Field("ICMP", "checksum", f"0x{message[2:4].hex()}", "correct")
    if packet.mtu:
        yield Field("ICMP", "next-hop MTU", str(packet.mtu), "bytes that the next link takes")
    quoted = f"{flow.src}:{flow.sport} > {flow.dst}:{flow.dport}"
    yield Field("ICMP", "quoted packet", quoted, "the packet that the error is about")
