from __future__ import annotations

import csv
from pathlib import Path

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import ip
from sim.ip import IpHeader, MalformedError
from sim.packet import ACK, PSH, SYN, SYN_ACK, Flow, Packet, SynOptions
from sim.tcp import header
from tests.sim.packets import fields, packets

with (Path(__file__).parents[2] / "data" / "E8_headers.csv").open(newline="") as file:
    E8 = list(csv.DictReader(file))
"""Packets that Linux 6.18 sent, with the fields that the measurement's own tool read in them."""

FLOW = Flow("10.9.210.1", 44856, "10.9.210.2", 7001)
ISS, IRS = 518477951, 1267099289
LINUX = SynOptions(mss=1460, wscale=10, sack_permitted=True, layout=(2, 4, 8, 1, 3))
CLIENT_CLOCK, SERVER_CLOCK = 3968084340, 2933940590
E8_PACKETS = [
    Packet(FLOW, SYN, ISS, 0, 64240, LINUX, CLIENT_CLOCK, 0, ident=24614),
    Packet(FLOW.reverse(), SYN_ACK, IRS, ISS + 1, 65160, LINUX, SERVER_CLOCK, CLIENT_CLOCK),
    Packet(FLOW, ACK, ISS + 1, IRS + 1, 63, None, CLIENT_CLOCK + 11, SERVER_CLOCK, ident=24615),
    Packet(
        *(FLOW, ACK | PSH, ISS + 1, IRS + 1, 63, None, CLIENT_CLOCK + 31, SERVER_CLOCK),
        payload=b"x" * 10,
        ident=24616,
    ),
]


@pytest.mark.parametrize(("packet", "row"), list(zip(E8_PACKETS, E8, strict=False)))
def test_e8_handshake_is_reproduced_byte_for_byte(packet: Packet, row: dict[str, str]) -> None:
    assert header.encode(packet).hex() == row["hex"]


def spell(kind: int, options: SynOptions) -> str:
    """An option as the column `opts` of E8 writes it."""
    numbers = {header.MSS: f"mss={options.mss}", header.WSCALE: f"ws={options.wscale}"}
    names = {header.NOP: "nop", header.SACK_PERMITTED: "sackok", header.TIMESTAMPS: "ts"}
    return numbers[kind] if kind in numbers else names[kind]


@pytest.mark.parametrize("row", E8, ids=lambda row: f"{row['variant']}, {row['packet']}")
def test_e8_row_is_decoded_and_encoded_again(row: dict[str, str]) -> None:
    data = bytes.fromhex(row["hex"])
    packet = header.decode(data)
    kinds = header.layout(packet, header.option_values(packet))
    assert ";".join(spell(kind, packet.options or SynOptions()) for kind in kinds) == row[
        "opts"
    ].rstrip(";")
    assert (packet.window, packet.ident, packet.ttl) == (
        *(int(row["win"]), int(row["ipid"])),
        int(row["ttl"]),
    )
    assert len(data) == int(row["iplen"])
    assert header.encode(packet) == data


@given(packets())
def test_round_trip(packet: Packet) -> None:
    assert fields(header.decode(header.encode(packet))) == fields(packet)


@given(packets())
def test_dpkt_reads_the_same_and_finds_the_checksum_right(packet: Packet) -> None:
    data = header.encode(packet)
    outer = dpkt.ip6.IP6(data) if ip.is_ipv6(packet.flow.src) else dpkt.ip.IP(data)
    theirs = outer.data
    assert (theirs.sport, theirs.dport) == (packet.flow.sport, packet.flow.dport)
    assert (theirs.seq, theirs.ack, theirs.win) == (packet.seq, packet.ack, packet.window)
    assert (theirs.flags, theirs.data) == (packet.flags, packet.payload)
    kinds = [kind for kind, _ in dpkt.tcp.parse_opts(theirs.opts)]
    ours = list(header.layout(packet, header.option_values(packet)))
    assert kinds[: len(ours)] == ours
    right, theirs.sum, outer.sum = theirs.sum, 0, 0
    bytes(outer)  # makes the checksums that are 0
    assert theirs.sum == right


def wrap(segment: bytes) -> bytes:
    """A datagram with this segment, whose checksum is made right where there is one."""
    under = IpHeader("10.0.0.1", "10.0.0.2", ip.TCP)
    if len(segment) >= 18:
        zeroed = segment[:16] + b"\0\0" + segment[18:]
        right = ip.checksum(ip.pseudo_header(under, len(zeroed)) + zeroed)
        segment = zeroed[:16] + right.to_bytes(2, "big") + zeroed[18:]
    return ip.encode(under, segment)


def survives(data: bytes) -> None:
    """Decode, or fail as a decoder may; what was decoded is the same when sent again."""
    try:
        packet = header.decode(data)
    except MalformedError:
        return
    assert fields(header.decode(header.encode(packet))) == fields(packet)


@given(st.binary(max_size=120))
def test_any_bytes_are_a_packet_or_malformed(data: bytes) -> None:
    survives(data)
    survives(wrap(data))


@given(st.integers(5, 15), st.integers(0, 255), st.binary(min_size=40, max_size=40))
def test_any_options_are_understood_or_malformed(words: int, flags: int, options: bytes) -> None:
    fixed = bytes(12) + bytes([words << 4, flags]) + bytes(6)
    survives(wrap(fixed + options))


@given(packets(), st.data())
def test_every_flipped_bit_of_the_segment_is_noticed(packet: Packet, data: st.DataObject) -> None:
    whole = bytearray(header.encode(packet))
    bit = data.draw(st.integers(8 * (40 if whole[0] >> 4 == 6 else 20), 8 * len(whole) - 1))
    whole[bit // 8] ^= 0x80 >> bit % 8
    with pytest.raises(MalformedError, match="wrong checksum"):
        header.decode(bytes(whole))


def options_of(data: bytes, flags: int = SYN) -> Packet:
    """The packet whose header has exactly these option bytes."""
    return header.decode(wrap(bytes(12) + bytes([5 * 16 + len(data) * 4, flags]) + bytes(6) + data))


def test_unknown_options_are_skipped() -> None:
    md5 = bytes([19, 18]) + bytes(16)
    packet = options_of(md5 + bytes([2, 4, 5, 180, 253, 6, 1, 2, 3, 4]))
    assert packet.options == SynOptions(mss=1460, layout=(2,))


def test_another_experiment_is_not_fast_open() -> None:
    assert options_of(bytes([254, 6, 0xE2, 0xD4, 1, 2, 1, 1])).options == SynOptions(layout=(1, 1))


def test_option_given_twice_counts_once_with_its_last_value() -> None:
    packet = options_of(bytes([2, 4, 1, 0, 2, 4, 2, 0]))
    assert packet.options == SynOptions(mss=512, layout=(2,))


def test_options_of_a_syn_mean_nothing_elsewhere() -> None:
    packet = options_of(bytes([2, 4, 5, 180]), flags=ACK)
    assert packet.options is None
    assert packet.sack == ()


def test_nothing_is_read_after_the_end_of_the_list() -> None:
    assert options_of(bytes([0, 2, 4, 5])).options == SynOptions(layout=(0,))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (bytes([2, 0, 0, 0]), "kind 2 with the length 0"),
        (bytes([2, 5, 0, 0, 0, 0, 0, 0]), "kind 2 with the length 5"),
        (bytes([3, 2, 0, 0]), "kind 3 with the length 2"),
        (bytes([4, 3, 0, 0]), "kind 4 with the length 3"),
        (bytes([8, 9]) + bytes(10), "kind 8 with the length 9"),
        (bytes([5, 9]) + bytes(10), "kind 5 with the length 9"),
        (bytes([1, 1, 34, 9]), "kind 34 with the length 9"),
        (bytes([1, 1, 1, 99]), "kind 99 with the length 0"),
    ],
)
def test_impossible_length_of_an_option(options: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        options_of(options, flags=ACK)


@pytest.mark.parametrize(
    ("segment", "words"),
    [
        (bytes(19), "19 bytes"),
        (bytes(12) + b"\x40" + bytes(7), "header of 16 bytes"),
        (bytes(12) + b"\x60" + bytes(7), "header of 24 bytes in a segment of 20"),
    ],
)
def test_malformed_says_what_is_wrong(segment: bytes, words: str) -> None:
    with pytest.raises(MalformedError, match=words):
        header.decode(wrap(segment))


def test_another_protocol_is_not_tcp() -> None:
    with pytest.raises(MalformedError, match="protocol 17 is not TCP"):
        header.decode(ip.encode(IpHeader("::1", "::1", 17), bytes(20)))


@pytest.mark.parametrize(
    "options",
    [
        SynOptions(mss=1460),
        SynOptions(layout=(header.MSS,)),
        SynOptions(mss=1460, layout=(header.MSS, header.TIMESTAMPS)),
    ],
)
def test_layout_that_does_not_fit_the_values(options: SynOptions) -> None:
    with pytest.raises(ValueError, match="do not fit the layout"):
        header.encode(Packet(FLOW, SYN, 0, 0, 0, options))


def test_more_options_than_a_header_holds() -> None:
    options = SynOptions(fastopen=bytes(40), layout=(header.FASTOPEN,))
    with pytest.raises(ValueError, match="44 bytes of options, a TCP header holds 40"):
        header.encode(Packet(FLOW, SYN, 0, 0, 0, options))
