from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from scenarios import __main__
from tests.scenarios.conftest import Command

PROGRAM = (sys.executable, "-m", "scenarios")

SCRIPT = '''"""Does a script run by itself?"""
from __future__ import annotations
from dataclasses import dataclass
from scenarios.parameters import count
from sim.applications import arrive, serve

@dataclass(frozen=True)
class Parameters:
    connections: int = count("3", "how many times to connect")

def build(sim, p):
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_link("client", "server", delay=1_000_000)
    serve(server, 80, backlog=16)
    times = range(p.connections)
    arrive(sim, [client], (server.address, 80), times, hold=0)
    sim.notes.append("a note")

def report(frames, p):
    return f"reported {len(frames.connections)} of {p.connections}"

if __name__ == "__main__":
    from scenarios.script import main
    main()
'''


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(SCRIPT)
    return file


def run(*arguments: object, program: tuple[str, ...] = PROGRAM) -> tuple[int, str, str]:
    """Run a command in a process of its own."""
    command = [*program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("argument", ["--help", "list"])
def test_help_and_list_are_quick(argument: str) -> None:
    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    def seconds() -> float:
        """Processor time, which other tests beside this one do not stretch."""
        start = spent()
        status, output, errors = run(argument)
        assert (status, errors) == (0, "")
        assert output
        return spent() - start

    assert min(seconds() for _ in range(5)) < 0.3


def test_list_and_help_load_no_heavy_library() -> None:
    code = "import sys, scenarios.cli; scenarios.cli.main(['list']); print(*sys.modules)"
    _, output, _ = run("-c", code, program=(sys.executable,))
    modules = set(output.split())
    assert "typer" in modules
    assert not modules & {"numpy", "pandas", "matplotlib", "networkx", "pyarrow", "scipy", "simpy"}


def test_list_gives_every_scenario_its_question(connectsim: Command) -> None:
    status, output, _ = connectsim("list")
    assert status == 0
    assert re.search(r"^two_hosts +How long does connect\(\) take .*\?$", output, re.MULTILINE)


def test_show_gives_name_default_unit_and_meaning(connectsim: Command) -> None:
    status, output, _ = connectsim("show", "two_hosts")
    assert status == 0
    assert re.search(r"^delay +20 ms +s +one-way delay", output, re.MULTILINE)
    assert re.search(r"^connections +5000 +how many times", output, re.MULTILINE)


def test_version(connectsim: Command) -> None:
    assert connectsim("--version")[:2] == (0, "connectsim 0.1.0\n")


def test_without_a_command_there_is_help(connectsim: Command) -> None:
    status, output, _ = connectsim()
    assert status == 0
    _, _, commands = output.partition("Commands:")
    assert "list " in commands
    assert "..." not in commands, "a line is too long for a terminal of 80 columns"


def test_run_writes_tables_and_prints_a_summary(connectsim: Command, tmp_path: Path) -> None:
    out = tmp_path / "run"
    status, output, errors = connectsim(
        "run", "two_hosts", "--set", "connections=200", "--set", "loss=5%", "--out", out
    )
    assert (status, errors) == (0, "")
    assert "established" in output
    assert f"wrote connections.parquet and run.json to {out}" in output
    assert len(pd.read_parquet(out / "connections.parquet")) == 200
    recipe = json.loads((out / "run.json").read_text())
    assert recipe["scenario"] == "two_hosts"
    assert recipe["parameters"]["loss"] == 0.05
    assert recipe["parameters"]["delay"] == 0.02
    assert recipe["seed"] == 1
    assert recipe["events"] > 1000
    assert recipe["wall_s"] > 0
    assert recipe["peak_rss_bytes"] > 10_000_000
    assert recipe["profiles"]["linux"]["syn_timeouts_s"][0] == 1.0
    assert recipe["versions"]["connectsim"] == "0.1.0"
    assert connectsim("summary", out)[1].splitlines()[0] == output.splitlines()[0]


def test_plot_draws_all_kinds_or_one(connectsim: Command, tmp_path: Path) -> None:
    out = tmp_path / "run"
    connectsim("run", "two_hosts", "--set", "connections=100", "--out", out)
    status, output, _ = connectsim("plot", out)
    assert status == 0
    assert output.split() == [
        str(out / "plots" / f"{kind}.png")
        for kind in ("ecdf", "ccdf", "timeline", "over_time", "retransmissions")
    ]
    status, output, _ = connectsim("plot", out, "--kind", "ecdf", "--out", tmp_path / "a.svg")
    assert (status, output) == (0, f"{tmp_path}/a.svg\n")
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")


def test_another_process_writes_the_same_bytes(connectsim: Command, tmp_path: Path) -> None:
    arguments = ("run", "two_hosts", "--set", "connections=300", "--set", "loss=10%", "--seed", "7")
    connectsim(*arguments, "--out", tmp_path / "a")
    assert run(*arguments, "--out", tmp_path / "b")[0] == 0
    a, b = (tmp_path / name / "connections.parquet" for name in "ab")
    assert a.read_bytes() == b.read_bytes()
    connectsim(*arguments[:-1], "8", "--out", tmp_path / "c")
    assert a.read_bytes() != (tmp_path / "c" / "connections.parquet").read_bytes()


def test_a_script_runs_by_path_and_by_itself(script: Path, tmp_path: Path) -> None:
    by_path = run("run", script, "--set", "connections=4", "--out", tmp_path / "a")
    itself = run(script, "--connections", "4", "--out", tmp_path / "b", program=(sys.executable,))
    for status, output, errors in (by_path, itself):
        assert (status, errors) == (0, "")
        assert "Does a script run by itself?" in output
        assert "reported 4 of 4" in output
        assert "note: a note" in output
    a, b = (tmp_path / name / "connections.parquet" for name in "ab")
    assert a.read_bytes() == b.read_bytes()


def test_a_script_by_itself_tells_bad_input(script: Path) -> None:
    for arguments, message in (
        (("--connections", "x"), "mine.py: parameter connections: 'x' is not a whole number"),
        (("--conections", "4"), "mine.py: No such option: --conections"),
    ):
        status, _, errors = run(script, *arguments, program=(sys.executable,))
        assert status == 2
        assert errors.startswith(message)
        assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rum"], "No such command 'rum'. Did you mean 'run'?"),
        (["run"], "Missing argument"),
        (["run", "two_hosts", "--seeds", "1"], "No such option: --seeds"),
        (["run", "two_hosts", "--seed", "x"], "Invalid value for '--seed'"),
        (["run", "two_hosts", "--seed", "-1"], "Invalid value for '--seed'"),
        (["run", "tow_hosts"], "unknown scenario 'tow_hosts'; did you mean 'two_hosts'?"),
        (["run", "no.py"], "no.py: No such file or directory"),
        (["run", "two_hosts", "--set", "loss"], "--set loss: expected KEY=VALUE"),
        (["run", "two_hosts", "--set", "loss=1", "--set", "loss=0"], "--set loss: given twice"),
        (["run", "two_hosts", "--os", "client"], "--os client: expected SIDE=OS"),
        (["run", "two_hosts", "--os", "client=linx"], "did you mean 'linux'?"),
        (
            ["run", "two_hosts", "--set", "client_os=macos", "--os", "client=linux"],
            "--os client: given twice, --set client_os is the same",
        ),
        (["run", "two_hosts", "--set", "los=1"], "unknown parameter 'los'; did you mean 'loss'?"),
        (["run", "two_hosts", "--set", "loss=2"], "parameter loss: '2' is not a probability"),
        (["run", "two_hosts", "--set", "loss=nan"], "'nan' is not a probability"),
        (["run", "two_hosts", "--set", "loss=1e400"], "it is too large"),
        (["run", "two_hosts", "--set", "delay=-1ms"], "it is negative"),
        (["run", "two_hosts", "--set", "delay=1 mss"], "unknown unit 'mss'"),
        (["run", "two_hosts", "--set", "connections=many"], "'many' is not a whole number"),
        (["run", "two_hosts", "--set", "connections=1.5"], "'1.5' is not a whole number"),
        (["run", "two_hosts", "--set", "connections=-1"], "'-1' is not between 1 and"),
        (["run", "lossy_wan", "--set", "topology=no.graphml"], "no.graphml: cannot be read"),
        (["run", "lossy_wan", "--set", "topology=abilen"], "packaged topologies: abilene"),
        (["run", "lossy_wan", "--set", "topology={file}"], "not XML"),
        (["run", "lossy_wan", "--set", "server=New Yerk"], "did you mean 'New York'?"),
        (["show", "two_host"], "did you mean 'two_hosts'?"),
        (["summary", "nowhere"], "nowhere: no such folder"),
        (["plot", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_line(
    connectsim: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("no graph")
    status, output, errors = connectsim(*(a.format(file="file") for a in arguments))
    assert (status, output) == (2, "")
    assert message in errors
    assert errors.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_bad_kinds_and_endings_of_plots(connectsim: Command, tmp_path: Path) -> None:
    connectsim("run", "two_hosts", "--set", "connections=10", "--out", tmp_path)
    before = sorted(tmp_path.iterdir())
    for arguments, message in (
        (["--kind", "ecfd"], "did you mean 'ecdf'?"),
        (["--kind", "ecdf", "--out", tmp_path / "a.bmp"], ".png, .svg, .pdf"),
        (["--out", tmp_path / "a.png"], "a kind of plot is needed"),
        (["--kind", "ecdf", "--out", tmp_path / "no" / "a.png"], "No such file or directory"),
    ):
        status, output, errors = connectsim("plot", tmp_path, *arguments)
        assert (status, output) == (2, "")
        assert message in errors
        assert errors.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_holds_a_run_is_kept(connectsim: Command, tmp_path: Path) -> None:
    arguments = ("run", "two_hosts", "--set", "connections=10", "--out", tmp_path)
    assert connectsim(*arguments)[0] == 0
    before = (tmp_path / "run.json").read_bytes()
    status, _, errors = connectsim(*arguments, "--seed", "2")
    assert (status, errors.count("\n")) == (2, 1)
    assert "holds a run already; --force replaces it" in errors
    assert (tmp_path / "run.json").read_bytes() == before
    assert connectsim(*arguments, "--seed", "2", "--force")[0] == 0
    assert json.loads((tmp_path / "run.json").read_text())["seed"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run two_hosts --set connections=1000 --out new", "new: cannot be written: "),
        ("plot run --kind ecdf --out new.png", "new.png: File too large"),
        ("report run --out new.html", "new.html: File too large"),
        ("topology abilene --out new.pdf", "new.pdf: File too large"),
    ],
)
def test_a_disk_that_fills_up_is_one_line(
    connectsim: Command, tmp_path: Path, arguments: str, message: str
) -> None:
    def nearly_full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    connectsim("run", "two_hosts", "--set", "connections=10", "--out", tmp_path / "run")
    done = subprocess.run(
        [*PROGRAM, *arguments.split()],
        preexec_fn=nearly_full,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "a"
    command = [*PROGRAM, "run", "two_hosts", "--set", "connections=5000000", "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        while not out.exists():
            time.sleep(0.01)
            assert process.poll() is None
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert output == b""
    assert errors.decode().count("\n") == 1
    assert b"interrupted" in errors
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_while_it_is_loading_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.__import__", interrupt)
    status = __main__.main()
    monkeypatch.undo()
    assert status == 130
    assert capsys.readouterr() == ("", "connectsim: interrupted\n")


def test_a_reader_that_went_away_ends_it_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as gone:
        done = subprocess.run(
            [*PROGRAM, "list"], stdout=gone, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "not a scenario: it has no dataclass Parameters"),
        (b"def build(:", "line 1: invalid syntax"),
        (b"\0", "source code string cannot contain null bytes"),
        (b"\nimport nothing_of_that_name", "line 2: ModuleNotFoundError: No module named"),
        (
            SCRIPT.replace('count("3"', 'count("3.5"').encode(),
            "line 9: ValueError: '3.5' is not a whole number",
        ),
    ],
)
def test_a_script_that_cannot_be_loaded_is_one_line(
    connectsim: Command, tmp_path: Path, source: bytes, message: str
) -> None:
    file = tmp_path / "broken.py"
    file.write_bytes(source)
    for command in (("show", file), ("run", file, "--out", tmp_path / "a")):
        status, output, errors = connectsim(*command)
        assert (status, output) == (2, "")
        assert f": {file}: {message}" in errors
        assert errors.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_errors_of_our_own_keep_their_traceback(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text(SCRIPT.replace("sim.notes.append", "sim.nonsense"))
    status, _, errors = run("run", file, "--out", tmp_path / "a")
    assert status == 1
    assert "Traceback" in errors
    assert "nonsense" in errors
    assert not (tmp_path / "a").exists()
