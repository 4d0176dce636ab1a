"""Packets as text, a line each, as tcpdump prints them.

TCP segments come out exactly as `tcpdump -n` writes them; an ICMP error names the flow that it is
about, where tcpdump names an address.  Left out: what a segment carries.
"""

from __future__ import annotations

from sim import ip
from sim.icmp import IcmpPacket
from sim.packet import ACK, FIN, RST, SYN, Flow, Packet
from sim.tcp import header
from sim.tcp.seq import MASK

FLAGS = "FSRP.UEW"
"""Letters of the control bits, from FIN (0x01) to CWR (0x80)."""

ICMP_NAMES = {
    (3, 0): "net unreachable",
    (3, 1): "host unreachable",
    (3, 2): "protocol unreachable",
    (3, 3): "port unreachable",
    (3, 4): "unreachable, need to frag",
    (3, 5): "unreachable, source route failed",
    (3, 6): "unreachable, net unknown",
    (3, 7): "unreachable, host unknown",
    (3, 8): "unreachable, source host isolated",
    (3, 9): "unreachable, net prohibited",
    (3, 10): "unreachable, host prohibited",
    (3, 11): "unreachable, net for this type of service",
    (3, 12): "unreachable, host for this type of service",
    (3, 13): "unreachable, admin prohibited filter",
    (3, 14): "unreachable, host precedence violation",
    (3, 15): "unreachable, precedence cutoff",
    (4, 0): "source quench",
    (5, 0): "redirect to net",
    (5, 1): "redirect to host",
    (11, 0): "time exceeded in transit",
    (11, 1): "time exceeded in reassembly",
    (12, 0): "parameter problem",
}
"""ICMP errors by type and code (IANA)."""

ICMPV6_NAMES = {
    (1, 0): "no route to destination",
    (1, 1): "unreachable, admin prohibited",
    (1, 2): "unreachable, beyond scope of source",
    (1, 3): "unreachable address",
    (1, 4): "unreachable port",
    (1, 5): "unreachable, source address failed policy",
    (1, 6): "unreachable, reject route",
    (2, 0): "packet too big",
    (3, 0): "time exceeded in transit",
    (3, 1): "time exceeded in reassembly",
    (4, 0): "parameter problem, header field",
    (4, 1): "parameter problem, next header",
    (4, 2): "parameter problem, option",
}
"""ICMPv6 errors by type and code (RFC 4443)."""


def flags_text(flags: int) -> str:
    """Return the control bits as tcpdump writes them.

    >>> flags_text(SYN | ACK), flags_text(0)
    ('S.', 'none')
    """
    return "".join(letter for bit, letter in enumerate(FLAGS) if flags >> bit & 1) or "none"


def seconds(time: int) -> str:
    """Return a time in ns as seconds, to the microsecond.

    >>> seconds(1_058_000_400)
    '1.058000'
    """
    return f"{time / 1e9:.6f}"


def options_text(packet: Packet, first: int = 0) -> str:
    """Return the options of a segment in their order, SACK edges less `first`.

    >>> flow = Flow("10.0.0.1", 40000, "10.0.0.2", 80)
    >>> options_text(Packet(flow, ACK, 1, 1, 63, ts_val=7, ts_ecr=5, sack=((11, 21),)))
    'nop,nop,TS val 7 ecr 5,nop,nop,sack 1 {11:21}'
    """
    kinds = header.layout(packet, header.option_values(packet))
    return ",".join(_option_text(packet, kind, first) for kind in kinds)


def _option_text(packet: Packet, kind: int, first: int) -> str:
    options = packet.options
    if options is not None:
        cookie = "cookiereq" if not options.fastopen else f"cookie {options.fastopen.hex()}"
        texts = {
            header.MSS: f"mss {options.mss}",
            header.WSCALE: f"wscale {options.wscale}",
            header.FASTOPEN: f"tfo  {cookie}",
            header.EXPERIMENT: f"exp-tfo {cookie}",
        }
        if kind in texts:
            return texts[kind]
    if kind == header.TIMESTAMPS:
        return f"TS val {packet.ts_val} ecr {packet.ts_ecr}"
    if kind == header.SACK:
        edges = (f"{{{left - first & MASK}:{right - first & MASK}}}" for left, right in packet.sack)
        return f"sack {len(packet.sack)} {''.join(edges)}"
    return {header.END: "eol", header.NOP: "nop", header.SACK_PERMITTED: "sackOK"}[kind]


class Printer:
    """Prints packets in the order in which one place saw them.

    As in tcpdump, sequence numbers are relative once the SYN of their direction was seen.
    """

    def __init__(self) -> None:
        self._first: dict[Flow, int] = {}
        """Initial sequence number, by the flow whose SYN had it."""

    def line(self, packet: Packet | IcmpPacket) -> str:
        """Return the packet as one line, without the time.

        >>> flow = Flow("10.0.0.1", 40000, "10.0.0.2", 80)
        >>> Printer().line(Packet(flow, SYN, 7, 0, 64240))
        'IP 10.0.0.1.40000 > 10.0.0.2.80: Flags [S], seq 7, win 64240, length 0'
        """
        name = "IP6" if ip.is_ipv6(packet.flow.src) else "IP"
        if isinstance(packet, IcmpPacket):
            return f"{name} {packet.flow.src} > {packet.flow.dst}: {icmp_text(packet)}"
        return f"{name} {_flow_text(packet.flow)}: {self._segment_text(packet)}"

    def _segment_text(self, packet: Packet) -> str:
        flow, flags = packet.flow, packet.flags
        first = theirs = 0
        if flags & SYN:
            self._first[flow] = packet.seq
        elif flags & ACK:
            first = self._first.get(flow, 0)
            theirs = self._first.get(flow.reverse(), 0)
        parts = [f"Flags [{flags_text(flags)}]"]
        if packet.payload or flags & (SYN | FIN | RST):
            start = packet.seq - first & MASK
            end = f":{start + len(packet.payload) & MASK}" if packet.payload else ""
            parts.append(f"seq {start}{end}")
        if flags & ACK:
            parts.append(f"ack {packet.ack - theirs & MASK}")
        parts.append(f"win {packet.window}")
        options = options_text(packet, theirs)
        if options:
            parts.append(f"options [{options}]")
        return ", ".join([*parts, f"length {len(packet.payload)}"])


def _flow_text(flow: Flow) -> str:
    return f"{flow.src}.{flow.sport} > {flow.dst}.{flow.dport}"


def icmp_text(packet: IcmpPacket) -> str:
    """Return what an ICMP error says and about which flow."""
    six = ip.is_ipv6(packet.flow.src)
    names = ICMPV6_NAMES if six else ICMP_NAMES
    name = names.get((packet.type, packet.code), f"type {packet.type} code {packet.code}")
    mtu = f" (mtu {packet.mtu})" if packet.mtu else ""
    protocol = "ICMP6" if six else "ICMP"
    return f"{protocol} {name}{mtu}: {_flow_text(packet.quoted.flow)}"
