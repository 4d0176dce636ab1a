from __future__ import annotations

import csv
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sim import anatomy, icmp
from sim.icmp import IcmpPacket
from sim.packet import ACK, SYN, Flow, Packet, SynOptions
from sim.tcp import header
from tests.sim.packets import packets

with (Path(__file__).parents[1] / "data" / "E8_headers.csv").open(newline="") as file:
    SYN_OF_LINUX = bytes.fromhex(next(csv.DictReader(file))["hex"])


def values(datagram: bytes) -> dict[str, str]:
    return {field.name: field.value for field in anatomy.fields(datagram)}


def test_fields_of_a_syn_that_linux_sent() -> None:
    assert [(field.header, field.name, field.value) for field in anatomy.fields(SYN_OF_LINUX)] == [
        ("IPv4", "version", "4"),
        ("IPv4", "header length", "20"),
        ("IPv4", "type of service", "0x00"),
        ("IPv4", "total length", "60"),
        ("IPv4", "identification", "24614"),
        ("IPv4", "flags", "DF"),
        ("IPv4", "fragment offset", "0"),
        ("IPv4", "time to live", "64"),
        ("IPv4", "protocol", "6"),
        ("IPv4", "header checksum", "0x2280"),
        ("IPv4", "source address", "10.9.210.1"),
        ("IPv4", "destination address", "10.9.210.2"),
        ("TCP", "source port", "44856"),
        ("TCP", "destination port", "7001"),
        ("TCP", "sequence number", "518477951"),
        ("TCP", "acknowledgment number", "0"),
        ("TCP", "data offset", "10"),
        ("TCP", "control bit SYN", "1"),
        ("TCP", "window", "64240"),
        ("TCP", "checksum", "0x3d05"),
        ("TCP", "urgent pointer", "0"),
        ("TCP", "data", "0"),
        ("TCP option", "maximum segment size", "1460"),
        ("TCP option", "SACK permitted", "yes"),
        ("TCP option", "timestamps", "3968084340 echo 0"),
        ("TCP option", "no operation", ""),
        ("TCP option", "window scale", "10"),
    ]


def test_fields_of_ipv6_sack_and_fast_open() -> None:
    flow = Flow("2001:db8::1", 40000, "2001:db8::2", 80)
    syn = Packet(flow, SYN, 7, 0, 9, SynOptions(fastopen=b"", layout=(34, 1, 1)), ttl=7)
    assert values(header.encode(syn))["Fast Open cookie"] == "request"
    assert values(header.encode(syn))["hop limit"] == "7"
    sack = Packet(flow, ACK, 7, 8, 9, sack=((10, 20), (30, 40)))
    assert values(header.encode(sack))["SACK"] == "10-20 30-40"


def test_fields_of_an_icmp_error() -> None:
    quoted = Packet(Flow("10.0.0.1", 40000, "10.0.0.2", 80), SYN, 7, 0, 9)
    found = values(icmp.encode(IcmpPacket("10.0.0.9", "10.0.0.1", 3, 4, quoted, mtu=1400)))
    assert (found["type"], found["code"], found["next-hop MTU"]) == ("3", "4", "1400")
    assert found["quoted packet"] == "10.0.0.1:40000 > 10.0.0.2:80"


@given(packets())
def test_every_packet_can_be_spelled_out(packet: Packet) -> None:
    found = values(header.encode(packet))
    assert found["sequence number"] == str(packet.seq)
    assert found["source address"] == packet.flow.src


@given(st.binary(max_size=80))
def test_what_is_no_packet_is_called_malformed(data: bytes) -> None:
    first = next(anatomy.fields(data))
    assert first.header in {"malformed", "IPv4", "IPv6"}
