from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.cli import main

SETTINGS = ["--set", "connections=5", "--set", "loss=30%", "--seed", "4"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("traced") / "run"
    assert main(["run", "two_hosts", *SETTINGS, "--trace", "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def untraced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("untraced") / "run"
    assert main(["run", "two_hosts", *SETTINGS, "--out", str(folder)]) == 0
    return folder


def test_tracing_leaves_the_connections_byte_for_byte_the_same(run: Path, untraced: Path) -> None:
    names = {file.name for file in run.iterdir()}
    assert names - {file.name for file in untraced.iterdir()} == {
        "packets.parquet",
        "sockets.parquet",
    }
    table = "connections.parquet"
    assert (run / table).read_bytes() == (untraced / table).read_bytes()


def test_trace_prints_a_connection_at_a_host(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(run), "--connection", "1", "--host", "client"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "Flags [S], seq" in lines[0]
    assert all(" client " in line for line in lines)


def test_trace_verbose(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", str(run), "--connection", "1", "--verbose"]) == 0
    assert "maximum segment size" in capsys.readouterr().out


def test_ladder_as_text_and_as_a_picture(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ladder", str(run), "--connection", "1"]) == 0
    assert "|-- SYN seq 0" in capsys.readouterr().out
    picture = tmp_path / "ladder.svg"
    assert main(["ladder", str(run), "--connection", "1", "--out", str(picture)]) == 0
    assert picture.read_text().startswith("<?xml")


def test_sockets_at_a_moment(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sockets", str(run), "--at", "10ms", "--verbose"]) == 0
    text = capsys.readouterr().out
    assert "LISTEN" in text
    assert "SYN-SENT" in text


def test_pcap_writes_a_capture_a_host(tmp_path: Path) -> None:
    out, captures = tmp_path / "run", tmp_path / "captures"
    command = ["run", "two_hosts", *SETTINGS, "--pcap", str(captures), "--out", str(out)]
    assert main(command) == 0
    assert {file.name for file in captures.iterdir()} == {"client.pcapng", "server.pcapng"}
    assert b"two_hosts: delay 20 ms, loss 30 %" in (captures / "client.pcapng").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ladder", "--connection", "99"], "no connection 99"),
        (["ladder", "--out", "ladder.txt"], "ladder.txt: the ending must be one of"),
        (["ladder", "--out", "/nowhere/ladder.png"], "/nowhere"),
        (["sockets", "--at", "soon"], "--at: 'soon' is not a duration"),
        (["sockets", "--at", "1s", "--host", "nobody"], "no socket of a host 'nobody'"),
        (["trace", "--host", "nobody"], "no packet at a host 'nobody' in the trace"),
        (["trace", "--connection", "99"], "no packet of connection 99 in the trace"),
    ],
)
def test_bad_input_is_one_clear_line(
    run: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([arguments[0], str(run), *arguments[1:]]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_captures_that_cannot_be_written_are_refused_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "run"
    command = ["run", "two_hosts", *SETTINGS, "--pcap", str(tmp_path / "file"), "--out", str(out)]
    assert main(command) == 2
    assert "file: File exists" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("command", [["trace"], ["ladder"], ["sockets", "--at", "1s"]])
def test_an_untraced_run_says_so(
    untraced: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command[0], str(untraced), *command[1:]]) == 2
    assert "not traced" in capsys.readouterr().err
