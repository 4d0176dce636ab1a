from __future__ import annotations

import itertools
import runpy
from pathlib import Path
from typing import Any

import pytest

from scenarios import first_handshake
from scenarios.cli import main
from sim.tapped import TracedSimulation
from sim.tcp.profiles import PROFILES


def tell(folder: Path, capsys: pytest.CaptureFixture[str], *settings: str) -> str:
    arguments = [word for setting in settings for word in ("--set", setting)]
    assert main(["run", "first_handshake", *arguments, "--out", str(folder)]) == 0
    return capsys.readouterr().out


def test_the_story_has_every_step_with_its_header(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tell(tmp_path / "run", capsys)
    places = [
        text.index(words)
        for words in (
            "client: socket()",
            "client: connect(('10.0.0.2', 80))",
            "sends [S] to",
            "control bit SYN",
            "CLOSED -> SYN-SENT",
            "server: receives [S]",
            "sends [S.] to",
            "connect() returns",
            "sends [.] to",
            "accept() returns",
            "client: close()",
            "sends [F.] to",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(("client", "server"), list(itertools.product(PROFILES, repeat=2)))
def test_any_two_systems_interoperate(client: str, server: str) -> None:
    rows: dict[str, list[Any]] = {"packets": [], "sockets": []}
    sim = TracedSimulation(lambda table, more: rows[table].extend(more), seed=1)
    first_handshake.build(sim, first_handshake.Parameters(client_os=client, server_os=server))
    sim.run()
    done = [row.detail for row in rows["sockets"] if row.event == "return"]
    for call in ("connect()", "accept()", "send()", "recv()", "close()"):
        assert call in done
    data = [row for row in rows["packets"] if row.event == "received" and row.len]
    assert [(row.place, row.len) for row in data] == [
        ("server", len(first_handshake.REQUEST)),
        ("client", len(first_handshake.ANSWER)),
    ]
    last = {row.socket: row.state for row in rows["sockets"]}
    assert sorted(last.values()) == ["CLOSED", "CLOSED", "LISTEN"]
    assert not [row for row in rows["packets"] if "R" in row.flags]


def test_each_step_shows_both_sockets_before_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = tell(tmp_path / "run", capsys).split("\n\n")
    told = {step.partition("client: ")[2].partition("\n")[0]: step.splitlines() for step in steps}
    new = [line.split() for line in told["socket()"][1:]]
    assert new == [
        ["client,", "socket", "1", "server,", "socket", "0"],
        ["*", "state", "-", "->", "CLOSED", "LISTEN"],
        ["local", "-", "*:80"],
    ]
    asked = [line.split() for line in told["connect(('10.0.0.2', 80)); connect() waits"]]
    assert ["*", "state", "CLOSED", "->", "SYN-SENT", "LISTEN"] in asked
    assert ["*", "peer", "-", "->", "10.0.0.2:80", "-"] in asked
    gone = [line.split() for line in told["TIME-WAIT timer expires"][1:]]
    assert ["*", "state", "TIME-WAIT", "->", "CLOSED", "CLOSED"] in gone
    assert {line[-1] for line in gone[2:]} == {"-"}


def test_the_script_takes_systems_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["first_handshake.py", "--os", "server=freebsd", "--out", str(tmp_path / "run")]
    monkeypatch.setattr("sys.argv", command)
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(first_handshake.__file__), run_name="__main__")
    assert not end.value.code
    assert "* operating system           linux" in capsys.readouterr().out


def test_os_on_either_side_shows_what_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["run", "first_handshake", "--os", "client=windows", "--os", "server=freebsd"]
    assert main([*command, "--out", str(tmp_path / "run")]) == 0
    text = capsys.readouterr().out
    table = text[text.index("* operating system") :].splitlines()
    assert table[0].split()[3:] == ["windows", "freebsd"]
    assert "*   time to live             128" in table[2]
    assert "    sends at most            1460 bytes" in table[6]


@pytest.mark.parametrize(
    ("system", "words"),
    [
        ("client=plan9", "parameter client_os: unknown operating system 'plan9'"),
        ("windows", "--os windows: expected SIDE=OS"),
        ("middle=linux", "unknown parameter 'middle_os'"),
    ],
)
def test_a_wrong_system_is_one_clear_line(
    system: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "first_handshake", "--os", system]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.count("\n") == 1
