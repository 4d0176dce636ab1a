from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given

from sim import capture
from sim.icmp import IcmpPacket
from sim.packet import ACK, FIN, RST, SYN, Flow, Packet, SynOptions
from sim.tcp import header
from tests.sim.packets import packets

DATA = Path(__file__).parents[1] / "data"
FLOW = Flow("10.0.0.1", 40000, "10.0.0.2", 80)
SIX = Flow("2001:db8::1", 40000, "2001:db8::2", 80)


def test_e8_reads_as_tcpdump_printed_it() -> None:
    """The text file is what tcpdump 4.99.3 made of the same bytes (`tcpdump -n -t -r`)."""
    printer = capture.Printer()
    with (DATA / "E8_headers.csv").open(newline="") as file:
        rows = [header.decode(bytes.fromhex(row["hex"])) for row in csv.DictReader(file)]
    lines = [printer.line(packet) for packet in rows]
    assert lines == (DATA / "E8_tcpdump.txt").read_text().splitlines()


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        (Packet(FLOW, RST, 7, 0, 0), "Flags [R], seq 7, win 0, length 0"),
        (Packet(FLOW, RST | ACK, 0, 8, 0), "Flags [R.], seq 0, ack 8, win 0, length 0"),
        (Packet(FLOW, FIN | ACK, 7, 8, 9), "Flags [F.], seq 7, ack 8, win 9, length 0"),
        (Packet(FLOW, 0, 7, 0, 9), "Flags [none], win 9, length 0"),
        (
            Packet(FLOW, ACK, 2**32 - 1, 8, 9, payload=b"abc"),
            "Flags [.], seq 4294967295:2, ack 8, win 9, length 3",
        ),
        (
            Packet(FLOW, SYN, 7, 0, 9, SynOptions(fastopen=b"", layout=(34, 1, 1))),
            "Flags [S], seq 7, win 9, options [tfo  cookiereq,nop,nop], length 0",
        ),
        (
            Packet(FLOW, SYN, 7, 0, 9, SynOptions(fastopen=b"12", layout=(254, 0))),
            "Flags [S], seq 7, win 9, options [exp-tfo cookie 3132,eol], length 0",
        ),
    ],
)
def test_line_of_a_segment(packet: Packet, text: str) -> None:
    assert capture.Printer().line(packet) == f"IP 10.0.0.1.40000 > 10.0.0.2.80: {text}"


def test_numbers_are_relative_to_each_side_s_syn() -> None:
    printer = capture.Printer()
    lines = [
        printer.line(packet)
        for packet in (
            Packet(SIX, SYN, 2**32 - 1, 0, 9),
            Packet(SIX.reverse(), SYN | ACK, 500, 0, 9),
            Packet(SIX, ACK, 0, 501, 9, payload=b"abc"),
            Packet(SIX.reverse(), ACK, 501, 3, 9, sack=((5, 7),)),
        )
    ]
    assert [line.partition(": ")[2] for line in lines] == [
        "Flags [S], seq 4294967295, win 9, length 0",
        "Flags [S.], seq 500, ack 0, win 9, length 0",
        "Flags [.], seq 1:4, ack 1, win 9, length 3",
        "Flags [.], ack 4, win 9, options [nop,nop,sack 1 {6:8}], length 0",
    ]
    assert lines[0].startswith("IP6 2001:db8::1.40000 > 2001:db8::2.80: ")


@pytest.mark.parametrize(
    ("packet", "text"),
    [
        (
            IcmpPacket("10.0.0.9", "10.0.0.1", 3, 4, Packet(FLOW, SYN, 7, 0, 9), mtu=1400),
            "IP 10.0.0.9 > 10.0.0.1: ICMP unreachable, need to frag (mtu 1400): "
            "10.0.0.1.40000 > 10.0.0.2.80",
        ),
        (
            IcmpPacket("10.0.0.9", "10.0.0.1", 3, 99, Packet(FLOW, SYN, 7, 0, 9)),
            "IP 10.0.0.9 > 10.0.0.1: ICMP type 3 code 99: 10.0.0.1.40000 > 10.0.0.2.80",
        ),
        (
            IcmpPacket("2001:db8::9", "2001:db8::1", 1, 4, Packet(SIX, SYN, 7, 0, 9)),
            "IP6 2001:db8::9 > 2001:db8::1: ICMP6 unreachable port: "
            "2001:db8::1.40000 > 2001:db8::2.80",
        ),
    ],
)
def test_line_of_an_icmp_error(packet: IcmpPacket, text: str) -> None:
    assert capture.Printer().line(packet) == text


@given(packets())
def test_every_packet_has_a_line(packet: Packet) -> None:
    line = capture.Printer().line(packet)
    assert line.endswith(f"length {len(packet.payload)}")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("time", "text"), [(0, "0.000000"), (999, "0.000001"), (10**12, "1000.000000")]
)
def test_seconds(time: int, text: str) -> None:
    assert capture.seconds(time) == text
