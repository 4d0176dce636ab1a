from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import Simulation, icmp, ip
from sim.host import Host
from sim.icmp import IcmpPacket
from sim.ip import IpHeader
from sim.packet import SYN, Flow, Packet, SynOptions
from sim.tcp import header
from tests.sim.tcp.test_header import wrap

CLIENT, CLIENT6 = "10.0.0.1", "2001:db8::1"


def listening() -> Host:
    sim = Simulation(1)
    host = sim.add_host("host", address="10.0.0.2")
    sim.add_host("peer", address=CLIENT)
    sim.add_link("host", "peer", 0)
    socket = host.socket()
    socket.bind(("", 80))
    socket.listen(1)
    return host


def syn() -> bytes:
    return header.encode(
        Packet(Flow(CLIENT, 4000, "10.0.0.2", 80), SYN, 1, 0, 1000, SynOptions(1460, layout=(2,)))
    )


def error(src: str, dst: str) -> bytes:
    quoted = Packet(Flow(dst, 80, src, 4000), SYN, 1, 0, 1000, SynOptions(1460, layout=(2,)))
    kind = 1 if ":" in src else 3
    return icmp.encode(IcmpPacket(src, dst, kind, 0, quoted))


def flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def test_a_packet_is_taken() -> None:
    host = listening()
    host.receive_bytes(syn())
    assert len(host.tcp.connections) == 1
    assert not host.tcp.counters


@pytest.mark.parametrize(
    ("data", "counted"),
    [
        (b"", ["IpInHdrErrors"]),
        (syn()[:30], ["IpInHdrErrors"]),
        (flip(syn(), 8), ["IpInHdrErrors"]),
        (b"\x60" + bytes(10), ["Ip6InHdrErrors"]),
        (flip(syn(), 27), ["TcpInErrs", "TcpInCsumErrors"]),
        (wrap(bytes(20)), ["TcpInErrs"]),
        (ip.encode(IpHeader(CLIENT, "10.0.0.2", 17), bytes(8)), ["IpInUnknownProtos"]),
        (flip(error(CLIENT, "10.0.0.2"), 40), ["IcmpInErrors", "IcmpInCsumErrors"]),
        (error(CLIENT6, "2001:db8::2")[:-1] + b"!", ["Icmp6InErrors", "Icmp6InCsumErrors"]),
    ],
)
def test_malformed_is_counted_and_dropped(data: bytes, counted: list[str]) -> None:
    host = listening()
    host.receive_bytes(data)
    assert host.tcp.counters == Counter(counted)
    assert not host.tcp.connections


HOST = listening()
MALFORMED = {"IpInHdrErrors", "Ip6InHdrErrors", "TcpInErrs", "IcmpInErrors", "Icmp6InErrors"}


@given(st.binary(max_size=120) | st.tuples(st.integers(0, 43), st.binary(max_size=9)))
def test_arbitrary_bytes_are_counted_or_a_packet(bytes_: bytes | tuple[int, bytes]) -> None:
    data = bytes_
    if isinstance(data, tuple):
        position, patch = data
        data = (syn()[:position] + patch + syn()[position + len(patch) :])[: len(syn())]
    before = sum(HOST.tcp.counters[name] for name in MALFORMED | {"IpInUnknownProtos"})
    HOST.receive_bytes(data)
    after = sum(HOST.tcp.counters[name] for name in MALFORMED | {"IpInUnknownProtos"})
    assert after - before == (data != syn())
