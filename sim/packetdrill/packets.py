"""Grammar of the packets of a script.

Implements `tcp_packet_spec` and `icmp_packet_spec` of packetdrill's grammar (parser.y), of both
flavours, with its range checks.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

from sim.packet import ACK, CWR, ECE, FIN, PSH, RST, SYN, URG
from sim.packetdrill.expressions import hexadecimal
from sim.packetdrill.lexer import Tokens
from sim.packetdrill.script import Direction, IcmpPacket, IpInfo, Option, TcpPacket, TosCheck
from sim.tcp import header

FLAGS = {"F": FIN, "S": SYN, "R": RST, "P": PSH, "U": URG, "E": ECE, "W": CWR, ".": ACK}
"""Letters of the control bits, in the order in which packetdrill writes them."""

FASTOPEN_MAGIC = b"\xf9\x89"
"""Identifier of Fast Open among the experimental options (RFC 7413 section 4.1.1)."""

MD5 = 19
"""Kind of the TCP MD5 signature option (RFC 2385)."""

MAX_OPTIONS = 40
"""Room for options in a TCP header, bytes (RFC 9293 section 3.1)."""

_ECN = {"noecn": 0, "ect1": 1, "ect0": 2, "ce": 3}
_DSCP = {
    **{f"CS{i}": 8 * i for i in range(8)},
    **{f"AF{i}{j}": 8 * i + 2 * j for i in range(1, 5) for j in range(1, 4)},
    "EF": 46,
    "VOICE-ADMIT": 44,
    "LE": 1,
}
_REFUSED = ("udp", "sctp", "udplite", "gre", "GREv0", "mpls", "ipv4", "ipv6")


def packet(tokens: Tokens) -> TcpPacket | IcmpPacket:
    """Read a packet, beginning with its direction."""
    direction = Direction(tokens.take().text)
    _refuse(tokens)
    quoted = _quoted(tokens) if tokens.ahead(1).kind == "INTEGER" else None
    ip = _ip_info(tokens, direction)
    _refuse(tokens)
    if quoted or tokens.head.text == "icmp":
        tokens.expect("icmp")
        return _icmp(tokens, direction, ip, quoted)
    return _tcp(tokens, direction, ip)


def _refuse(tokens: Tokens) -> None:
    if tokens.head.text in _REFUSED:
        raise tokens.error(f"'{tokens.head.text}' packets are not supported, only TCP and ICMP")


def _ip_info(tokens: Tokens, direction: Direction) -> IpInfo:
    info = IpInfo()
    closing = {"(": ")", "[": "]"}.get(tokens.head.text)
    if closing is None:
        return info
    tokens.take()
    while True:
        info = _ip_field(tokens, info)
        if tokens.accept(closing):
            break
        if not tokens.accept(","):
            raise tokens.unexpected(f"',' or '{closing}'")
    if info.check is TosCheck.ECT01 and direction is Direction.INBOUND:
        raise tokens.error("[ect01] can only be used with outbound packets")
    return info


def _ip_field(tokens: Tokens, info: IpInfo) -> IpInfo:
    name = tokens.word("a field of the IP header")
    if name in ("tos", "class"):
        return replace(info, check=TosCheck.TOS, tos=tokens.integer(name, 8))
    if name in ("ttl", "hlim"):
        return replace(info, ttl=tokens.integer(name, 8))
    if name == "flowlabel":
        return replace(info, flow_label=tokens.integer(name, 20))
    if name == "dscp":
        return replace(info, check=TosCheck.DSCP, tos=_dscp(tokens) << 2)
    if name == "ecn":
        name = tokens.word("an ECN codepoint")
    if name in _ECN:
        check = TosCheck.TOS if info.check is TosCheck.DSCP else TosCheck.ECN
        return replace(info, check=check, tos=info.tos | _ECN[name])
    if name == "ect01" and info.check is TosCheck.NONE:
        return replace(info, check=TosCheck.ECT01)
    raise tokens.error(f"unknown field of the IP header '{name}'")


def _dscp(tokens: Tokens) -> int:
    if tokens.head.kind in ("HEX", "INTEGER"):
        return tokens.integer("dscp", 6)
    name = tokens.word("a DSCP")
    while tokens.accept("-"):
        name += "-" + tokens.word("a DSCP")
    if name not in _DSCP:
        raise tokens.error(f"unknown DSCP '{name}'")
    return _DSCP[name]


def _tcp(tokens: Tokens, direction: Direction, ip: IpInfo) -> TcpPacket:
    sport = dport = 0
    if tokens.head.kind == "INTEGER":
        sport = tokens.integer("source port", 16)
        tokens.expect(">")
        dport = tokens.integer("destination port", 16)
    flags = _flags(tokens)
    any_seq = tokens.accept("...")
    seq, length, absolute = (0, _payload(tokens), False) if any_seq else _sequence(tokens)
    ack = tokens.integer("ack", 32) if tokens.accept("ack") else 0
    window = tokens.integer("win", 16) if tokens.accept("win") else None
    urgent = tokens.integer("urg", 16) if tokens.accept("urg") else 0
    if window is None and direction is Direction.INBOUND:
        raise tokens.error("a packet to inject needs its window: win NUMBER")
    result = TcpPacket(
        direction, flags, seq, length, ack, window, urgent, (), sport, dport, ip, any_seq, absolute
    )
    if tokens.head.text == "<" and tokens.ahead(1).kind in ("WORD", "ELLIPSIS"):
        result = _options(tokens, result)
    if tokens.head.text in ("/", "{"):
        raise tokens.error("UDP encapsulation and mutation of packets are not supported")
    return result


def _flags(tokens: Tokens) -> int:
    """Read the control bits: letters, then a dot for ACK; `-`: none."""
    if tokens.accept("-"):
        return 0
    text = tokens.take().text if tokens.head.kind == "WORD" else ""
    if tokens.head.text == "." or tokens.head.kind == "FLOAT":
        text += tokens.take().text
    if not text:
        raise tokens.unexpected("the control bits of a TCP packet")
    flags = 0
    for letter in text:
        if letter not in FLAGS:
            raise tokens.error(f"unknown control bit '{letter}' in '{text}'")
        flags |= FLAGS[letter]
    return flags


def _sequence(tokens: Tokens) -> tuple[int, int, bool]:
    """Read `start:end(length)`, with a `!` if it is not relative."""
    start = tokens.integer("sequence number", 32)
    tokens.expect(":")
    end = tokens.integer("sequence number", 32)
    length = _payload(tokens)
    if end != start + length:
        raise tokens.error(f"{start}:{end} is not {length} bytes")
    return start, length, tokens.accept("!")


def _payload(tokens: Tokens) -> int:
    tokens.expect("(")
    length = tokens.integer("payload length", 16)
    tokens.expect(")")
    return length


def _options(tokens: Tokens, packet: TcpPacket) -> TcpPacket:
    line = tokens.take().line
    if tokens.accept("..."):
        tokens.expect(">")
        if packet.direction is Direction.INBOUND:
            raise tokens.error("<...> can only be used with outbound packets", line)
        return replace(packet, options=None)
    options: list[Option] = []
    while True:
        name = tokens.word("a TCP option")
        if name == "TS":
            packet, option = _timestamps(tokens, packet)
        elif name in _OPTIONS:
            option = _OPTIONS[name](tokens)
        else:
            raise tokens.error(f"unknown TCP option '{name}'")
        options.append(option)
        if tokens.accept(">"):
            break
        if not tokens.accept(","):
            raise tokens.unexpected("',' or '>'")
    length = sum(option.length for option in options)
    if length > MAX_OPTIONS:
        raise tokens.error(f"{length} bytes of TCP options: at most {MAX_OPTIONS}", line)
    if length % 4:
        raise tokens.error(f"{length} bytes of TCP options: must be a multiple of 4", line)
    return replace(packet, options=tuple(options))


def _sack_blocks(tokens: Tokens) -> bytes:
    blocks = b""
    while not blocks or tokens.head.kind == "INTEGER":
        left = tokens.integer("left edge", 32)
        tokens.expect(":")
        blocks += struct.pack("!II", left, tokens.integer("right edge", 32))
    return blocks


def _timestamps(tokens: Tokens, packet: TcpPacket) -> tuple[TcpPacket, Option]:
    tokens.expect("val")
    any_value = tokens.accept("...")
    value = 0 if any_value else tokens.integer("TS val", 32)
    tokens.expect("ecr")
    echo = tokens.integer("TS ecr", 32)
    packet = replace(packet, any_ts_val=any_value, absolute_ts_ecr=tokens.accept("!"))
    return packet, Option(header.TIMESTAMPS, struct.pack("!II", value, echo))


def _cookie(tokens: Tokens) -> bytes:
    if tokens.head.kind not in ("WORD", "INTEGER"):
        return b""
    return hexadecimal(tokens, "Fast Open cookie")


_OPTIONS: dict[str, Callable[[Tokens], Option]] = {
    "eol": lambda _: Option(header.END),
    "nop": lambda _: Option(header.NOP),
    "mss": lambda tokens: Option(header.MSS, struct.pack("!H", tokens.integer("mss", 16))),
    "wscale": lambda tokens: Option(header.WSCALE, bytes((tokens.integer("wscale", 8),))),
    "sackOK": lambda _: Option(header.SACK_PERMITTED),
    "sack": lambda tokens: Option(header.SACK, _sack_blocks(tokens)),
    "FO": lambda tokens: Option(header.FASTOPEN, _cookie(tokens)),
    "FOEXP": lambda tokens: Option(header.EXPERIMENT, FASTOPEN_MAGIC + _cookie(tokens)),
    "exp-FO": lambda tokens: Option(header.EXPERIMENT, FASTOPEN_MAGIC + _cookie(tokens)),
    "md5": lambda tokens: Option(MD5, hexadecimal(tokens, "md5")),
}


def _quoted(tokens: Tokens) -> tuple[int, int] | None:
    """Read the segment that an ICMP message quotes, `[start:end(length)]`, if it stands here."""
    if not tokens.accept("["):
        return None
    if tokens.head.kind == "WORD":
        raise tokens.error("an ICMP message can quote only a TCP segment: [seq:end(length)]")
    seq, length, _ = _sequence(tokens)
    tokens.expect("]")
    return seq, length


def _icmp(
    tokens: Tokens, direction: Direction, ip: IpInfo, quoted: tuple[int, int] | None
) -> IcmpPacket:
    """Read an ICMP message; what it quotes stands behind it or, in FreeBSD's flavour, before."""
    kind = tokens.word("a type of ICMP message")
    code = None
    if tokens.head.kind == "WORD" and tokens.head.text not in ("mtu", "id"):
        code = tokens.take().text
    mtu = tokens.integer("mtu", 32) if tokens.accept("mtu") else None
    echo_id = tokens.integer("id", 16) if tokens.accept("id") else 0
    seq, length = quoted or _quoted(tokens) or (0, 0)
    return IcmpPacket(direction, kind, code, mtu, seq, length, echo_id, ip)
