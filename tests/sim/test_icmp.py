from __future__ import annotations

from typing import Any

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import icmp, ip
from sim.icmp import IcmpPacket
from sim.ip import IpHeader, MalformedError
from sim.packet import SYN, Flow, Packet
from sim.tcp import header
from tests.sim.packets import fields, halves, octets, packets, v4, v6


@st.composite
def errors(draw: st.DrawFn) -> IcmpPacket:
    quoted = draw(packets())
    six = ip.is_ipv6(quoted.flow.src)
    return IcmpPacket(
        *draw(st.tuples(v6, v6) if six else st.tuples(v4, v4)),
        draw(st.sampled_from((1, 2, 3, 4) if six else (3, 4, 5, 11, 12))),
        draw(octets),
        quoted,
        mtu=draw(halves),
        ttl=draw(octets),
        ident=0 if six else draw(halves),
        tos=draw(octets),
    )


def seen(packet: IcmpPacket) -> dict[str, Any]:
    unseen = {"callbacks", "connection", "quoted"}
    outer = {name: getattr(packet, name) for name in IcmpPacket.__slots__ if name not in unseen}
    return outer | {"quoted": fields(packet.quoted)}


@given(errors())
def test_round_trip(packet: IcmpPacket) -> None:
    assert seen(icmp.decode(icmp.encode(packet))) == seen(packet)


@given(errors())
def test_dpkt_reads_the_same(packet: IcmpPacket) -> None:
    data = icmp.encode(packet)
    six = ip.is_ipv6(packet.flow.src)
    outer = dpkt.ip6.IP6(data) if six else dpkt.ip.IP(data)
    theirs = outer.data
    assert isinstance(theirs, dpkt.icmp6.ICMP6 if six else dpkt.icmp.ICMP)
    assert (theirs.type, theirs.code) == (packet.type, packet.code)
    assert data.endswith(header.encode(packet.quoted))
    if not six:
        assert dpkt.in_cksum(data[20:]) == 0


@given(st.sampled_from((ip.ICMP, ip.ICMPV6)), octets, octets, st.binary(max_size=90))
def test_any_bytes_are_an_error_or_malformed(
    protocol: int, kind: int, code: int, rest: bytes
) -> None:
    address = "::1" if protocol == ip.ICMPV6 else "10.0.0.1"
    under = IpHeader(address, address, protocol)
    body = bytes([kind, code, 0, 0, 0, 0, 0, 0]) + rest
    pseudo = ip.pseudo_header(under, len(body)) if protocol == ip.ICMPV6 else b""
    right = ip.checksum(pseudo + body).to_bytes(2, "big") if any(body) else b"\xff\xff"
    for data in (rest, ip.encode(under, body[:2] + right + body[4:])):
        try:
            packet = icmp.decode(data)
        except MalformedError:
            continue
        assert seen(icmp.decode(icmp.encode(packet))) == seen(packet)


FLOW = Flow("10.0.0.1", 40000, "10.0.0.2", 80)


def test_long_packet_is_quoted_up_to_576_bytes() -> None:
    packet = IcmpPacket(
        "10.0.0.9", "10.0.0.1", 3, 4, Packet(FLOW, 16, 7, 1, 9, payload=bytes(9000))
    )
    data = icmp.encode(packet)
    assert len(data) == 576
    quoted = icmp.decode(data).quoted
    assert (quoted.seq, len(quoted.payload)) == (7, 576 - 20 - 8 - 40)


def test_header_cut_short_gives_ports_and_sequence_number() -> None:
    syn = header.encode(Packet(FLOW, SYN, 7, 0, 64240))
    body = bytes([11, 0, 0, 0, 0, 0, 0, 0]) + syn[:28]
    body = body[:2] + ip.checksum(body).to_bytes(2, "big") + body[4:]
    data = ip.encode(IpHeader("10.0.0.9", "10.0.0.1", ip.ICMP), body)
    quoted = icmp.decode(data).quoted
    assert (quoted.flow, quoted.seq, quoted.flags) == (FLOW, 7, 0)


def message(kind: int, quote: bytes) -> bytes:
    body = bytes([kind, 0, 0, 0, 0, 0, 0, 0]) + quote
    body = body[:2] + ip.checksum(body).to_bytes(2, "big") + body[4:]
    return ip.encode(IpHeader("10.0.0.9", "10.0.0.1", ip.ICMP), body)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (header.encode(Packet(FLOW, SYN, 7, 0, 64240)), "protocol 6 is not ICMP"),
        (ip.encode(IpHeader("10.0.0.9", "10.0.0.1", ip.ICMP), bytes(7)), "7 bytes"),
        (message(8, b""), "type 8 quotes no packet"),
        (message(3, b""), "no bytes"),
        (message(3, ip.encode(IpHeader("10.0.0.1", "10.0.0.2", 17), bytes(8))), "protocol 17"),
        (message(3, ip.encode(IpHeader("10.0.0.1", "10.0.0.2", 6), bytes(7))), "7 bytes"),
        (message(3, b"")[:-1] + b"\1", "wrong checksum"),
    ],
)
def test_malformed_says_what_is_wrong(data: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        icmp.decode(data)


def test_repr_names_the_error_and_the_packet() -> None:
    packet = IcmpPacket("10.0.0.9", "10.0.0.1", 3, 1, Packet(FLOW, SYN, 7, 0, 64240))
    assert repr(packet) == (
        "<10.0.0.9 > 10.0.0.1 ICMP 3/1 mtu 0 about "
        "<10.0.0.1:40000 > 10.0.0.2:80 [S] seq 7 ack 0 win 64240 length 0>>"
    )
