"""Whether a packet is the one that the script expects, field by field as packetdrill compares.

Implements verify_tcp, verify_outbound_live_tos and verify_outbound_tcp_option of run_packet.c, and
the joining of segments where the script does not ask for strict ones.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from sim.packet import CWR, FIN, PSH
from sim.packetdrill.notation import describe_option
from sim.packetdrill.packets import FLAGS
from sim.packetdrill.script import Option, TcpPacket, TosCheck
from sim.tcp import header
from sim.tcp.seq import MASK, distance

_ECN = 0x03


def difference(expected: TcpPacket, seen: TcpPacket, ticks: int | None = None) -> str:
    """Return what is not as expected, in words; empty if all is.

    `ticks` is how much TS val may deviate; None: it is not compared, as packetdrill does unless
    told how long a tick is.
    """
    for letter, bit in FLAGS.items():
        if (expected.flags ^ seen.flags) & bit:
            return f"control bit {letter} is {'set' if seen.flags & bit else 'not set'}"
    fields = [("payload length", expected.length, seen.length)]
    if not expected.any_seq:
        fields.append(("sequence number", expected.seq, seen.seq))
    fields.append(("ack", expected.ack, seen.ack))
    if expected.window is not None:
        fields.append(("window", expected.window, seen.window or 0))
    fields.append(("urgent pointer", expected.urgent, seen.urgent))
    if expected.ip.ttl:
        fields.append(("ttl", expected.ip.ttl, seen.ip.ttl))
    for name, wanted, found in fields:
        if wanted != found:
            return f"{name} is {found}, not {wanted}"
    return _tos_difference(expected, seen) or _options_difference(expected, seen, ticks)


def _tos_difference(expected: TcpPacket, seen: TcpPacket) -> str:
    check, found = expected.ip.check, seen.ip.tos
    if check is TosCheck.ECT01:
        return "" if found & _ECN in (1, 2) else f"ECN codepoint is {found & _ECN}, not ECT"
    if (found ^ expected.ip.tos) & check.value:
        return f"type of service is {found:#x}, not {expected.ip.tos:#x}"
    return ""


def _options_difference(expected: TcpPacket, seen: TcpPacket, ticks: int | None) -> str:
    if expected.options is None:
        return ""
    found = seen.options or ()
    if [option.kind for option in expected.options] != [option.kind for option in found]:
        return f"options are {_list(found)}, not {_list(expected.options)}"
    for wanted, option in zip(expected.options, found, strict=True):
        if wanted.kind == header.TIMESTAMPS:
            problem = _timestamps_difference(wanted, option, None if expected.any_ts_val else ticks)
            if problem:
                return problem
        elif wanted != option:
            return f"option is {describe_option(option)}, not {describe_option(wanted)}"
    return ""


def _timestamps_difference(wanted: Option, found: Option, ticks: int | None) -> str:
    value, echo = struct.unpack("!II", wanted.data)
    seen_value, seen_echo = struct.unpack("!II", found.data)
    if echo != seen_echo:
        return f"TS ecr is {seen_echo}, not {echo}"
    if ticks is not None and abs(distance(value, seen_value)) > ticks:
        return f"TS val is {seen_value}, not {value}"
    return ""


def _list(options: tuple[Option, ...]) -> str:
    return f"<{','.join(describe_option(option) for option in options)}>"


def join(segments: list[TcpPacket], length: int) -> TcpPacket | str:
    """Return segments in a row as the one that carries all their data, `length` bytes of it.

    It has PSH set, as Linux sets it in every packet that segmentation offload takes apart.
    Returns words instead if they are not parts of one: they may differ in FIN, PSH and CWR only,
    each begins where the last ended, and all but the last are of one size.
    """
    first, last = segments[0], segments[-1]
    end = first.seq + first.length
    for segment in segments[1:]:
        part = replace(segment, seq=first.seq, length=first.length)
        if segment.seq != end & MASK or _loose(part) != _loose(first):
            return "it is not the continuation of the segment before"
        if segment.length != first.length and segment is not last:
            return "it is not of the same size as the segment before"
        end += segment.length
    if end - first.seq != length:
        return f"payload length is {end - first.seq}, not {length}"
    return replace(last, seq=first.seq, length=length, flags=last.flags | PSH)


def _loose(packet: TcpPacket) -> TcpPacket:
    options = tuple(option for option in packet.options or () if option.kind != header.TIMESTAMPS)
    return replace(packet, flags=packet.flags & ~(FIN | PSH | CWR), options=options)
