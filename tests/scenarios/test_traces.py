from __future__ import annotations

import shutil
import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import dpkt
import pyarrow.parquet as pq
import pytest
from simpy.events import Event

from analysis.errors import ResultsError
from scenarios import traces
from sim.trace import TABLES
from tests import traced


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return traced.write(tmp_path_factory.mktemp("plain") / "run")


@pytest.fixture(scope="module")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return traced.write(tmp_path_factory.mktemp("lossy") / "run", loss=0.3, connections=20)


def without_options(line: str) -> str:
    head, _, tail = line.partition(", options [")
    return head + tail.partition("]")[2]


def test_the_handshake_reads_as_tcpdump_on_every_host_prints_it(plain: Path) -> None:
    lines = [without_options(line) for line in traces.lines(plain)][:6]
    client = lines[0].split()[4]
    syn = lines[0].partition("seq ")[2].partition(",")[0]
    there, back = (
        f"IP {src} > {dst}: Flags"
        for src, dst in ((client, "10.0.0.2.80"), ("10.0.0.2.80", client))
    )
    answer = lines[2].partition("seq ")[2].partition(",")[0]
    assert lines == [
        f"0.000000 client sent {there} [S], seq {syn}, win 64240, length 0",
        f"0.020000 server received {there} [S], seq {syn}, win 64240, length 0",
        f"0.020000 server sent {back} [S.], seq {answer}, ack {int(syn) + 1}, win 65160, length 0",
        f"0.040000 client received {back} [S.], seq {answer}, ack {int(syn) + 1}, win 65160, "
        "length 0",
        f"0.040000 client sent {there} [.], ack 1, win 502, length 0",
        f"0.060000 server received {there} [.], ack 1, win 502, length 0",
    ]


def test_lost_packets_say_why(lossy: Path) -> None:
    lost = [line for line in traces.lines(lossy) if "dropped (loss)" in line]
    table = pq.read_table(lossy / "packets.parquet", columns=["event"]).column("event")
    assert len(lost) == table.to_pylist().count("dropped") > 0


def test_one_host_one_connection_or_one_link(lossy: Path) -> None:
    assert {line.split()[1] for line in traces.lines(lossy, host="client")} == {"client"}
    ports = {line.split("10.0.0.1.")[1][:5] for line in traces.lines(lossy, connection=3)}
    assert len(ports) == 1
    over = list(traces.lines(lossy, host="client > server"))
    assert {line.split(" client > server ")[1].split()[0] for line in over} == {"sent", "dropped"}


def test_verbose_spells_out_every_field(plain: Path) -> None:
    lines = list(traces.lines(plain, host="client", verbose=True))
    text = "\n".join(lines[1:28])
    for field in ("time to live", "sequence number", "control bit SYN", "window scale", "DF"):
        assert field in text
    assert lines[28].startswith("0.040000 client received")


def test_a_run_without_trace_says_so(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"packets.parquet: no such table"):
        list(traces.lines(tmp_path))


def test_a_damaged_table_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "packets.parquet").write_bytes(b"nonsense")
    with pytest.raises(ResultsError, match=r"packets.parquet: not a readable table"):
        list(traces.lines(tmp_path))


def test_an_unknown_host_is_an_error(plain: Path) -> None:
    with pytest.raises(ResultsError, match="'nobody'"):
        list(traces.lines(plain, host="nobody"))


def test_rows_come_in_batches_and_read_back_whole(tmp_path: Path) -> None:
    with traces.TraceFiles(tmp_path) as sink:
        sim = traced.TracedSimulation(sink, 1)
        sim.trace._batch = 7
        traced.exchange(sim, 0.3, 80, 5)
    whole = traced.write(tmp_path / "whole", loss=0.3, connections=5)
    for table in TABLES:
        parts = pq.ParquetFile(tmp_path / f"{table}.parquet")
        assert parts.num_row_groups > 3
        assert parts.read().to_pylist() == pq.read_table(whole / f"{table}.parquet").to_pylist()


def test_a_trace_of_nothing_has_all_columns(tmp_path: Path) -> None:
    with traces.TraceFiles(tmp_path) as sink:
        traced.TracedSimulation(sink, 1).run()
    for table, row in TABLES.items():
        assert pq.read_table(tmp_path / f"{table}.parquet").column_names == list(row._fields)


def test_captures_hold_what_each_host_saw(lossy: Path, tmp_path: Path) -> None:
    files = traces.write_captures(lossy, tmp_path / "pcap", "traced loss=30%")
    assert [file.name for file in files] == ["client.pcapng", "server.pcapng"]
    for file in files:
        with file.open("rb") as stream:
            packets = [data for _, data in dpkt.pcapng.Reader(stream)]
        assert len(packets) == len(list(traces.lines(lossy, host=file.stem)))
        assert b"traced loss=30%" in file.read_bytes()


needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def tshark(file: Path, shown: str, *fields: str) -> list[list[str]]:
    checks = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"]
    command = ["tshark", "-2", "-r", str(file), *checks, "-Y", shown, "-T", "fields"]
    for field in fields:
        command += ["-e", field]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line.split("\t") for line in result.stdout.splitlines()]


@needs_tshark
def test_tshark_agrees_with_the_trace(lossy: Path, tmp_path: Path) -> None:
    client, _ = traces.write_captures(lossy, tmp_path)
    bad = "_ws.malformed || ip.checksum.status == Bad || tcp.checksum.status == Bad"
    assert tshark(client, bad, "frame.number") == []
    rows = pq.read_table(lossy / "connections.parquet").to_pylist()
    again = tshark(
        client,
        "tcp.analysis.retransmission && tcp.flags.syn == 1 && tcp.flags.ack == 0",
        "tcp.srcport",
    )
    assert len(again) == sum(row["syn_retransmits"] for row in rows) > 0
    seen = {
        port: int(bits) for port, bits in tshark(client, "tcp", "tcp.srcport", "tcp.completeness")
    }
    handshake = 1 | 2 | 4  # SYN, SYN-ACK and ACK
    complete = {port for port, bits in seen.items() if bits & handshake == handshake} - {"80"}
    assert complete == {str(row["client_port"]) for row in rows if row["outcome"] == "established"}


@needs_tshark
def test_tshark_measures_the_same_round_trip(plain: Path, tmp_path: Path) -> None:
    client, _ = traces.write_captures(plain, tmp_path)
    ((rtt,),) = tshark(client, "tcp.flags.syn == 1 && tcp.flags.ack == 1", "tcp.analysis.ack_rtt")
    (row,) = pq.read_table(plain / "connections.parquet").to_pylist()
    assert float(rtt) == pytest.approx(row["latency_s"])


IMPAIRED = "delay 5ms 4ms loss 10% duplicate 20% corrupt 10% reorder 20%"


@pytest.fixture(scope="module", params=[4, 6])
def impaired(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("impaired") / "run"
    return traced.write(folder, connections=20, version=request.param, netem=IMPAIRED)


def test_text_says_what_an_impaired_link_does(impaired: Path) -> None:
    events = {" ".join(line.split(" IP")[0].split()[4:]) for line in traces.lines(impaired)}
    assert {"duplicated", "corrupted", "dropped (loss)", "dropped (corrupted)"} <= events


@needs_tshark
def test_tshark_reads_an_impaired_run_of_either_version_of_ip(
    impaired: Path, tmp_path: Path
) -> None:
    client, server = traces.write_captures(impaired, tmp_path)
    bad = "_ws.malformed || ip.checksum.status == Bad || tcp.checksum.status == Bad"
    for file in (client, server):
        assert tshark(file, bad, "frame.number") == []
        numbers = tshark(file, "tcp && (ip || ipv6)", "frame.number")
        assert len(numbers) == len(list(traces.lines(impaired, host=file.stem)))
    packets = pq.read_table(impaired / "packets.parquet").to_pylist()
    made = {row["packet"] for row in packets if row["event"] == "duplicated"}
    twice = [row for row in packets if row["packet"] in made and row["event"] == "received"]
    syns = [row for row in twice if row["flags"] == "S" and row["place"] == "server"]
    again = tshark(
        server,
        "tcp.flags.syn == 1 && tcp.flags.ack == 0 && tcp.analysis.retransmission",
        "tcp.srcport",
    )
    assert len(again) >= len(syns) > 0


@needs_tshark
def test_tshark_tells_the_host_the_scenario_and_nanoseconds(plain: Path, tmp_path: Path) -> None:
    client, _ = traces.write_captures(plain, tmp_path, "two hosts: delay 20 ms")
    done = subprocess.run(["capinfos", str(client)], check=True, capture_output=True, text=True)
    for words in ("two hosts: delay 20 ms", "Name = client", "nanoseconds (9)"):
        assert words in done.stdout


@needs_tshark
def test_tshark_understands_icmp_errors(tmp_path: Path) -> None:
    with traces.TraceFiles(tmp_path) as sink:
        sim = traced.TracedSimulation(sink, 1)
        client, server = sim.add_host("client"), sim.add_host("server")
        sim.add_firewall("wall", "reject 3/13 dport 80")
        for host in ("client", "server"):
            sim.add_link(host, "wall", delay=1000)

        def call() -> Generator[Event, Any, None]:
            with pytest.raises(OSError, match="No route"):
                yield client.socket().connect((server.address, 80))

        sim.run(sim.process(call()))
    (file,) = traces.write_captures(tmp_path, tmp_path)
    bad = "_ws.malformed || ip.checksum.status == Bad || icmp.checksum.status == Bad"
    assert tshark(file, bad, "frame.number") == []
    assert tshark(file, "icmp", "icmp.type", "icmp.code", "tcp.dstport") == [["3", "13", "80"]]
