from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import dpkt
import pytest

from sim import pcapng
from sim.packet import ACK, SYN, SYN_ACK, Flow, Packet, SynOptions
from sim.tcp import header

CLIENT = Flow("10.0.0.1", 40000, "10.0.0.2", 80)
OPTIONS = SynOptions(1460, 7, sack_permitted=True, layout=(2, 4, 8, 1, 3))
SECOND = 1_000_000_000
EXCHANGE = [
    (0, Packet(CLIENT, SYN, 100, 0, 64240, OPTIONS, 1, 0), pcapng.OUTBOUND),
    (1_016 * 10**6, Packet(CLIENT, SYN, 100, 0, 64240, OPTIONS, 1017, 0), pcapng.OUTBOUND),
    (
        1_056 * 10**6 + 7,
        Packet(CLIENT.reverse(), SYN_ACK, 900, 101, 65160, OPTIONS, 5, 1017),
        pcapng.INBOUND,
    ),
    (1_056 * 10**6 + 9, Packet(CLIENT, ACK, 101, 901, 502, None, 1057, 5), pcapng.OUTBOUND),
    (
        20_000 * SECOND + 1,
        Packet(CLIENT, ACK, 101, 901, 502, None, 1057, 5, b"hello"),
        pcapng.OUTBOUND,
    ),
]


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "client.pcapng"
    with path.open("wb") as file:
        writer = pcapng.Writer(file, "client", "linux", "two_hosts: delay 20 ms")
        for time, packet, direction in EXCHANGE:
            writer.packet(time, header.encode(packet), direction)
    return path


def test_dpkt_reads_the_same_bytes_at_the_same_times(capture: Path) -> None:
    with capture.open("rb") as file:
        reader = dpkt.pcapng.Reader(file)
        assert reader.datalink() == 101
        read = [(round(time * SECOND), data) for time, data in reader]
    assert [data for _, data in read] == [header.encode(packet) for _, packet, _ in EXCHANGE]
    # dpkt gives the time as a float: a microsecond is what is left of 20,000 s.
    assert [time for time, _ in read] == pytest.approx([time for time, _, _ in EXCHANGE], abs=1000)


def test_blocks_are_whole_and_carry_their_length_twice(capture: Path) -> None:
    data = capture.read_bytes()
    kinds = []
    while data:
        kind, length = (int.from_bytes(data[i : i + 4], "little") for i in (0, 4))
        assert length % 4 == 0
        assert data[length - 4 : length] == data[4:8]
        kinds.append(kind)
        data = data[length:]
    assert kinds == [0x0A0D0D0A, 1, *[6] * len(EXCHANGE)]


def test_empty_texts_leave_no_option(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcapng"
    with path.open("wb") as file:
        pcapng.Writer(file, "client")
    data = path.read_bytes()
    section = dpkt.pcapng.SectionHeaderBlockLE(data[: int.from_bytes(data[4:8], "little")])
    assert [option.code for option in section.opts] == [4, 0]


needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def tshark(path: Path, *arguments: str) -> list[str]:
    checks = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]
    command = ["tshark", "-2", "-r", str(path), *checks, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@needs_tshark
def test_tshark_finds_nothing_malformed(capture: Path) -> None:
    bad = "_ws.malformed || ip.checksum.status == Bad || tcp.checksum.status == Bad"
    assert tshark(capture, "-Y", bad) == []
    assert len(tshark(capture, "-Y", "tcp.checksum.status == Good")) == len(EXCHANGE)


@needs_tshark
def test_tshark_s_own_analysis_agrees(capture: Path) -> None:
    retransmissions = tshark(
        capture, "-Y", "tcp.analysis.retransmission", "-T", "fields", "-e", "frame.number"
    )
    assert retransmissions == ["2"]
    fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "tcp.completeness"]
    rows = [row.split("\t") for row in tshark(capture, *fields)]
    times = [int(time.replace(".", "")) for time, _ in rows]
    assert times == [time for time, _, _ in EXCHANGE]
    assert {completeness for _, completeness in rows} == {"15"}  # SYN, SYN-ACK, ACK, data
