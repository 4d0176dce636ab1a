"""What a sweep promises, with runs that fail, hang and die."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import analysis
from tests.scenarios.conftest import Command
from tests.scenarios.sweeping import tables, wait_until, whole, write_script

AXES = ("--vary", "loss=0:40%:10%", "--vary", "delay=1ms,2ms", "--repeat", "2")
RUNS = 20


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return write_script(tmp_path)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the tables of the sweep of AXES, run in one process."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "fragile").mkdir()
    script = write_script(folder)
    command = sweep_command(script, folder / "out", "--executor", "serial")
    subprocess.run(command, check=True, cwd=folder, env=environment())
    return tables(folder / "out")


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def sweep_command(script: Path, out: Path, *more: str) -> list[str]:
    """Return the command of the sweep of AXES; scripts are named alike so that keys are."""
    return [
        sys.executable,
        "-m",
        "scenarios",
        "sweep",
        script.name,
        *AXES,
        "--out",
        str(out),
        *more,
    ]


def runs(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "_sweep" / "runs.parquet")


def test_one_line_reads_all_connections(connectsim: Command, script: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    status, output, _ = connectsim("sweep", script, *AXES, "--out", out, "--executor", "serial")
    assert status == 0
    assert f"complete: {RUNS} of {RUNS}" in output
    frame = pd.read_parquet(out)
    assert len(frame) == RUNS * 20
    assert sorted(frame["loss"].unique()) == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert sorted(frame["delay"].unique()) == [0.001, 0.002]
    assert set(frame["path_delay_s"][frame["delay"] == 0.002]) == {0.002}
    assert frame.groupby(["loss", "delay", "repetition"]).size().tolist() == [20] * RUNS
    table = runs(out)
    assert table["status"].tolist() == ["done"] * RUNS
    assert set(table["run"]) == set(frame["run"].unique())
    assert table["seed"].tolist() == [1] * 10 + [2] * 10
    assert (table[["wall_s", "events", "peak_rss_bytes"]] > 0).all(axis=None)
    recipe = json.loads((out / "_sweep" / "sweep.json").read_text())
    assert recipe["axes"] == ["loss", "delay"]
    assert recipe["runs"] == RUNS


def test_processes_and_workers_change_nothing(
    script: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = sweep_command(script, out, "--workers", "2")
    subprocess.run(command, check=True, cwd=tmp_path, env=environment())
    assert tables(out) == undisturbed


def test_killed_at_random_moments_it_loses_nothing(
    script: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    moments = random.Random(7)
    done: list[int] = []
    for _ in range(5):
        with subprocess.Popen(
            sweep_command(script, out, "--executor", "serial"),
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
        ) as process:
            before = done[-1] if done else 0
            wait_until(lambda: len(whole(out)) > before, process)  # noqa: B023
            time.sleep(moments.uniform(0, 0.05))
            process.kill()
        done.append(len(whole(out)))
        assert all(undisturbed[name] == table for name, table in whole(out).items())
    assert done == sorted(done)
    assert done[0] < RUNS
    subprocess.run(sweep_command(script, out), check=True, cwd=tmp_path, env=environment())
    assert tables(out) == undisturbed
    assert runs(out)["status"].tolist() == ["done"] * RUNS


def test_workers_end_when_their_sweep_is_killed(script: Path, tmp_path: Path) -> None:
    command = [*sweep_command(script, tmp_path / "out"), "--set", "nap=100ms", "--workers", "2"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), process_group=0) as process:
        wait_until(lambda: bool(whole(tmp_path / "out")), process)
        process.kill()
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("workers outlived their sweep")


def test_only_what_is_missing_runs(connectsim: Command, script: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    arguments = ("sweep", script, *AXES, "--out", out, "--executor", "serial")
    connectsim(*arguments)
    before = {file.name: file.stat().st_mtime_ns for file in (out / "connections").iterdir()}
    gone = sorted(before)[3]
    (out / "connections" / gone).unlink()
    assert connectsim(*arguments)[0] == 0
    after = {file.name: file.stat().st_mtime_ns for file in (out / "connections").iterdir()}
    assert {name for name in after if after[name] != before[name]} == {gone}


def test_a_sweep_can_be_extended(connectsim: Command, script: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    base = ("sweep", script, "--out", out, "--executor", "serial")
    connectsim(*base, "--vary", "loss=0,10%", "--repeat", "1")
    before = tables(out)
    status, output, _ = connectsim(*base, "--vary", "loss=20%,0,10%", "--repeat", "2")
    assert status == 0
    assert "complete: 6 of 6" in output
    assert before.items() <= tables(out).items()
    status, _, errors = connectsim(*base, "--vary", "loss=0,10%", "--repeat", "1")
    assert status == 2
    assert "holds 4 runs of another sweep" in errors
    assert len(tables(out)) == 6


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_runs_that_raise_or_hang_fail_and_the_others_go_on(
    connectsim: Command, script: Path, tmp_path: Path, executor: str
) -> None:
    out = tmp_path / "sweep"
    status, output, _ = connectsim(
        "sweep",
        script,
        *("--vary", "mode=fine,raise,hang,spin,other"),
        *("--timeout", "4s", "--workers", "2", "--executor", executor, "--out", out),
    )
    assert status == 1
    assert "complete: 2 of 5" in output
    causes = runs(out).set_index("mode")["cause"].to_dict()
    line = script.read_text()[: script.read_text().index("raise RuntimeError")].count("\n") + 1
    assert causes["raise"] == f"RuntimeError: told to ({script.name}:{line})"
    assert causes["hang"] == causes["spin"] == "took longer than the timeout of 4 s"
    assert output.count("failed: run ") == 3
    assert set(pd.read_parquet(out)["mode"]) == {"fine", "other"}


def test_a_run_that_kills_its_worker_fails_alone(
    connectsim: Command, script: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sweep"
    status, output, _ = connectsim(
        "sweep",
        script,
        *("--vary", "mode=fine,die,other", "--vary", "delay=1ms,2ms"),
        *("--workers", "2", "--out", out),
    )
    assert status == 1
    assert "complete: 4 of 6" in output
    failed = runs(out).query("status == 'failed'")
    assert failed["mode"].tolist() == ["die", "die"]
    assert set(failed["cause"]) == {"its worker died: killed, or out of memory"}


def workers(group: int) -> list[int]:
    """Return the processes of a group that have a parent in the group whose parent is, too."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            parents[int(stat.parent.name)] = int(fields[1])
    return [pid for pid in parents if parents.get(parents[pid]) in parents]


def test_workers_killed_from_outside_are_replaced(
    script: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = [*sweep_command(script, out), "--workers", "2"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), process_group=0, stdout=subprocess.PIPE, text=True
    ) as process:
        killed = 0
        while process.poll() is None and killed < 2:
            if len(whole(out)) > 5 * killed and (found := workers(process.pid)):
                os.kill(found[0], signal.SIGKILL)
                killed += 1
            time.sleep(0.005)
        output = process.communicate(timeout=30)[0]
    assert killed == 2
    assert (process.returncode, f"complete: {RUNS} of {RUNS}" in output) == (0, True)
    assert tables(out) == undisturbed


def test_failures_are_kept_until_they_are_to_be_retried(
    connectsim: Command, script: Path, tmp_path: Path
) -> None:
    out, flag = tmp_path / "sweep", tmp_path / "flag"
    flag.touch()
    source = script.read_text().replace('p.mode == "raise"', f'os.path.exists("{flag}")')
    script.write_text(source)
    arguments = ("sweep", script, "--vary", "loss=0,1%", "--executor", "serial", "--out", out)
    assert connectsim(*arguments)[0] == 1
    flag.unlink()
    status, output, _ = connectsim(*arguments)
    assert (status, "complete: 0 of 2" in output) == (1, True)
    status, output, _ = connectsim(*arguments, "--retry-failed")
    assert (status, "complete: 2 of 2" in output) == (0, True)
    assert runs(out)["status"].tolist() == ["done", "done"]


def test_points_are_repeated_until_they_are_known_well(
    connectsim: Command, script: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sweep"
    arguments = (
        *("sweep", script, "--vary", "loss=0,20%", "--out", out, "--ceiling", "7"),
        *("--until", "mean of latency within 3%", "--set", "connections=50"),
    )
    assert connectsim(*arguments, "--executor", "serial")[0] == 0
    assert runs(out).groupby("loss").size().to_dict() == {0.0: 3, 0.2: 7}
    before = tables(out)
    for name in sorted(before)[::2]:
        (out / "connections" / name).unlink()
    status, output, _ = connectsim(*arguments, "--workers", "2")
    assert (status, "complete: 10 of 10" in output) == (0, True)
    assert tables(out) == before


def test_the_plan_runs_nothing(connectsim: Command, script: Path, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    status, output, _ = connectsim("sweep", script, *AXES, "--out", out, "--plan")
    assert status == 0
    assert "10 points, 20 runs, 0 of them done or failed" in output
    assert "loss: 5 values" in output
    assert "s of one core: 20 runs of 0.0" in output
    assert not out.exists()
    connectsim("sweep", script, "--out", out, "--executor", "serial", "--seed", "9")
    for refused in (out, tmp_path):
        status, output, errors = connectsim("sweep", script, *AXES, "--out", refused, "--plan")
        assert (status, output, errors.count("\n")) == (2, "", 1)


def test_what_never_passes_has_a_column_of_its_type(
    connectsim: Command, script: Path, tmp_path: Path
) -> None:
    script.write_text(
        script.read_text().replace('"how long to sleep")', '"how long to sleep", never=True)')
    )
    options = ("--executor", "serial", "--set", "connections=1", "--out", tmp_path / "out")
    assert connectsim("sweep", script, "--vary", "nap=0s:2ms:1ms", *options)[0] == 0
    source = script.read_text().replace("p.nap / 1e9", "(p.nap or 0) / 1e9")
    script.write_text(source)
    out = tmp_path / "never"
    assert connectsim("sweep", script, "--vary", "nap=never,1ms", *options[:-1], out)[0] == 0
    schemas = [pq.read_schema(file) for file in (out / "connections").iterdir()]
    assert [schema.field("nap").type for schema in schemas] == [pa.float64()] * 2
    assert pd.read_parquet(out)["nap"].isna().sum() == 1


def test_what_was_killed_can_be_summarised(script: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*sweep_command(script, out, "--executor", "serial"), "--set", "nap=50ms"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment()) as process:
        wait_until(lambda: len(whole(out)) >= 2, process)
        process.kill()
    assert f"complete: {len(whole(out))} of {RUNS}" in analysis.summarise(out)


def test_a_sweep_file_is_the_same(connectsim: Command, script: Path, tmp_path: Path) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(
        f"""
        scenario = "{script}"
        repeat = 2
        executor = "serial"
        out = "{tmp_path}/from_file"
        where = "loss < 30% or delay > 1ms"
        [vary]
        loss = "0:40%:10%"
        delay = ["1ms", "2ms"]
        [set]
        connections = 5
        """
    )
    assert connectsim("sweep", file)[0] == 0
    options = ("--set", "connections=5", "--where", "loss < 30% or delay > 1ms")
    by_options = ("sweep", script, *AXES, *options, "--executor", "serial")
    assert connectsim(*by_options, "--out", tmp_path / "by_options")[0] == 0
    assert tables(tmp_path / "from_file") == tables(tmp_path / "by_options")
    assert len(tables(tmp_path / "from_file")) == 16
    status, output, _ = connectsim("sweep", file, "--repeat", "3", "--out", tmp_path / "more")
    assert (status, "complete: 24 of 24" in output) == (0, True)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("scenario = ", "f.toml: not TOML: "),
        ("repeat = 2", "f.toml: the entry 'scenario' is missing"),
        ('scenario = "two_hosts"\nrepat = 2', "f.toml: unknown entry 'repat'"),
        ('scenario = "two_hosts"\nrepeat = 0', "f.toml: repeat: 0 is not a whole number"),
        ('scenario = "two_hosts"\nvary = 3', "f.toml: vary: expected a table"),
        ('scenario = "two_hosts"\ntimeout = "x"', "f.toml: timeout: 'x' is not a duration"),
        ('scenario = "two_hosts"\nset = {loss = [[1]]}', "f.toml: set: [1] is neither"),
    ],
)
def test_bad_sweep_files(connectsim: Command, tmp_path: Path, contents: str, message: str) -> None:
    (tmp_path / "f.toml").write_text(contents)
    status, _, errors = connectsim("sweep", tmp_path / "f.toml")
    assert status == 2
    assert message in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vary", "los=1%"], "--vary los=1%: unknown parameter 'los'; did you mean 'loss'?"),
        (["--vary", "loss=5%:1%:1%"], "an empty range"),
        (["--vary", "loss=0,1%", "--where", "lss > 1"], "no parameter 'lss'"),
        (["--vary", "loss=0,1%", "--where", "loss > 1%"], "no point is left"),
        (["--vary", "loss=0,1%", "--where", ""], "expected a parameter or a value"),
        (["--vary", "loss=0,1%", "--zip", "loss,delay"], "no axis 'delay'"),
        (["--vary", "loss=0,1%", "--set", "loss=2%"], "--set loss: it is varied"),
        (["--vary", "mode=impossible"], "the point mode=impossible: impossible"),
        (["--set", "mode=impossible"], "parameters: impossible"),
        (["--executor", "proceses"], "--executor proceses: did you mean 'processes'?"),
        (["--executor", "serial:3"], "--executor serial:3: "),
        (["--executor", "dask:"], "--executor dask:: did you mean 'dask'?"),
        (["--seeds", "random"], "--seeds random: known: repetition, run"),
        (["--sampling", "latn", "--sample", "3"], "did you mean 'latin'?"),
        (["--sampling", "random"], "--sampling: it says more about --sample"),
        (["--ceiling", "3"], "--ceiling: it says more about --until"),
        (["--until", "p99 soon"], "--until 'p99 soon': expected a form"),
        (["--timeout", "soon"], "--timeout: 'soon' is not a duration"),
        (["--timeout", "0s"], "--timeout: '0s' leaves no time"),
        (["--repeat", "0"], "Invalid value for '--repeat'"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    connectsim: Command, script: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    status, output, errors = connectsim("sweep", script, *arguments, "--out", tmp_path / "out")
    assert (status, output) == (2, "")
    assert message in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_two_commands_never_mix(script: Path, connectsim: Command, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*sweep_command(script, out, "--executor", "serial"), "--set", "nap=200ms"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment()) as first:
        wait_until((out / "connections").exists, first)
        status, _, errors = connectsim("sweep", script, *AXES, "--out", out)
        assert status == 2
        assert f"{out}: another sweep works on it (process {first.pid})" in errors
        first.kill()


def test_ctrl_c_keeps_what_is_done(script: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [*sweep_command(script, out, "--workers", "2"), "--set", "nap=200ms"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until(lambda: len(whole(out)) >= 2, process)
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=20)[1]
    assert process.returncode == 130
    assert errors.count("\n") == 1
    assert 2 <= (runs(out)["status"] == "done").sum() < RUNS
