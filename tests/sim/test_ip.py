from __future__ import annotations

import ipaddress

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import ip
from sim.ip import IpHeader, MalformedError
from tests.sim.packets import halves, octets, v4, v6

headers = st.builds(IpHeader, v4, v4, octets, octets, octets, halves, st.booleans()) | st.builds(
    IpHeader, v6, v6, octets, octets, octets, st.just(0), st.just(True)
)
V4 = ip.encode(IpHeader("10.0.0.1", "10.0.0.2", ip.TCP), b"segment")
V6 = ip.encode(IpHeader("2001:db8::1", "2001:db8::2", ip.TCP), b"segment")


@given(headers, st.binary(max_size=100), st.binary(max_size=10))
def test_round_trip_ignores_padding(header: IpHeader, body: bytes, padding: bytes) -> None:
    assert ip.decode(ip.encode(header, body) + padding) == (header, body)


@given(headers, st.binary(max_size=100))
def test_dpkt_reads_the_same_header(header: IpHeader, body: bytes) -> None:
    data = ip.encode(header._replace(protocol=ip.TCP), body)
    if ip.is_ipv6(header.src):
        theirs = dpkt.ip6.IP6(data)
        assert (theirs.nxt, theirs.hlim, theirs.fc) == (ip.TCP, header.ttl, header.tos)
    else:
        theirs = dpkt.ip.IP(data)
        assert (theirs.p, theirs.ttl, theirs.tos) == (ip.TCP, header.ttl, header.tos)
        assert (theirs.id, theirs.df) == (header.ident, header.dont_fragment)
        right, theirs.sum = theirs.sum, 0
        assert bytes(theirs)[10:12] == right.to_bytes(2, "big")
    assert ipaddress.ip_address(theirs.src) == ipaddress.ip_address(header.src)
    assert ipaddress.ip_address(theirs.dst) == ipaddress.ip_address(header.dst)


@given(st.binary(min_size=1, max_size=65).filter(any))
def test_checksum_is_that_of_rfc_1071(data: bytes) -> None:
    total = sum(int.from_bytes(data[i : i + 2].ljust(2, b"\0"), "big") for i in range(0, 65, 2))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    assert ip.checksum(data) == total ^ 0xFFFF


@given(st.data())
def test_every_flipped_bit_of_an_ipv4_header_is_noticed(data: st.DataObject) -> None:
    bit = data.draw(st.integers(0, 20 * 8 - 1))
    flipped = (int.from_bytes(V4, "big") ^ 1 << len(V4) * 8 - 1 - bit).to_bytes(len(V4), "big")
    with pytest.raises(MalformedError):
        ip.decode(flipped)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no bytes"),
        (b"\x50" + V4[1:], "version 5"),
        (V4[:19], "19 bytes"),
        (b"\x44" + V4[1:], "header of 16 bytes"),
        (V4[:-1], "26 bytes, total length says 27"),
        (V4[:8] + b"\0" + V4[9:], "wrong header checksum"),
        (V6[:39], "39 bytes"),
        (V6[:-1], "6 bytes, payload length says 7"),
    ],
)
def test_malformed_says_what_is_wrong(data: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        ip.decode(data)


def test_fragments_are_refused() -> None:
    fragment = V4[:6] + b"\x20\x00" + V4[8:10] + b"\0\0" + V4[12:20]
    right = ip.checksum(fragment).to_bytes(2, "big")
    with pytest.raises(MalformedError, match="a fragment"):
        ip.decode(fragment[:10] + right + fragment[12:] + b"segment")


def test_options_of_ipv4_are_skipped() -> None:
    longer = b"\x46\0" + (28).to_bytes(2, "big") + V4[4:10] + b"\0\0" + V4[12:20] + b"\x01" * 4
    right = ip.checksum(longer).to_bytes(2, "big")
    assert ip.decode(longer[:10] + right + longer[12:] + b"data")[1] == b"data"


@pytest.mark.parametrize("src", ["10.0.0.1", "2001:db8::1"])
def test_too_long_for_ip(src: str) -> None:
    with pytest.raises(ValueError, match="65536 bytes are too many"):
        ip.encode(IpHeader(src, src, ip.TCP), bytes(65536))
