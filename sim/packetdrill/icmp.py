"""The names that scripts give to ICMP messages (icmp_packet.c of packetdrill)."""

from __future__ import annotations

from sim.packetdrill.script import IcmpPacket

_V4_TYPES = {"unreachable": 3, "source_quench": 4, "redirect": 5, "time_exceeded": 11}
_V4_TYPES |= {"parameter_problem": 12}
_V6_TYPES = {"unreachable": 1, "packet_too_big": 2, "time_exceeded": 3, "parameter_problem": 4}

_V4_UNREACHABLE = (
    *("net_unreachable", "host_unreachable", "protocol_unreachable", "port_unreachable"),
    *("frag_needed", "source_route_failed", "net_unknown", "host_unknown"),
    *("source_host_isolated", "net_prohibited", "host_prohibited", "net_unreachable_for_tos"),
    *("host_unreachable_for_tos", "packet_filtered", "precedence_violation", "precedence_cutoff"),
)
_V6_UNREACHABLE = (
    *("no_route", "admin_prohibited", "not_neighbour", "address_unreachable", "port_unreachable"),
)
_V6_TIME_EXCEEDED = ("exceeded_hop_limit", "exceeded_frag_time")
_V6_PARAMETER_PROBLEM = ("header_field", "unknown_next_header", "unknown_option")

_V4_TIME_EXCEEDED = ("ttl_exceeded_in_transit", "frag_reass_exceeded")

_CODES = {
    (4, "time_exceeded"): _V4_TIME_EXCEEDED,
    (4, "unreachable"): _V4_UNREACHABLE,
    (6, "unreachable"): _V6_UNREACHABLE,
    (6, "time_exceeded"): _V6_TIME_EXCEEDED,
    (6, "parameter_problem"): _V6_PARAMETER_PROBLEM,
}


class IcmpError(Exception):
    """A message that cannot be made; one line."""


def type_and_code(packet: IcmpPacket, version: int) -> tuple[int, int]:
    """Return the numbers of a message in ICMP (`version` 4) or ICMPv6 (6).

    `type_N` and `code_N` stand for themselves; no code is code 0.
    """
    types = _V4_TYPES if version == 4 else _V6_TYPES
    kind = _number(packet.type, "type_", types.get(packet.type))
    if kind is None:
        raise IcmpError(f"unknown type '{packet.type}' of an ICMP message")
    names = _CODES.get((version, packet.type), ())
    known = names.index(packet.code) if packet.code in names else None
    if (version, packet.code) == (6, "net_unreachable"):
        known = 0
    code = 0 if packet.code is None else _number(packet.code, "code_", known)
    if code is None:
        raise IcmpError(f"unknown code '{packet.code}' of the ICMP message '{packet.type}'")
    needs_mtu = (3, 4) if version == 4 else (2, 0)
    if packet.mtu is not None and (kind, code) != needs_mtu:
        raise IcmpError(f"an MTU does not belong into the ICMP message '{packet.type}'")
    return kind, code


def _number(name: str, prefix: str, known: int | None) -> int | None:
    digits = name.removeprefix(prefix)
    if known is None and digits != name and digits.isdecimal() and int(digits) < 256:
        return int(digits)
    return known
