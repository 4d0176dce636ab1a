"""Sweeps on a Dask cluster of separate processes, and on MPI ranks."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from scenarios.sweeps import executors
from scenarios.sweeps.apart import execute_apart
from scenarios.sweeps.worker import Task
from tests.scenarios.conftest import Command
from tests.scenarios.sweeping import SOURCE, tables, wait_until, whole, write_script

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
AXES = ("--vary", "loss=0:40%:10%", "--repeat", "4", "--set", "nap=50ms")
MPIEXEC = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")

needs_dask = pytest.mark.skipif(
    find_spec("distributed") is None, reason="distributed is not installed"
)
needs_mpi = pytest.mark.skipif(
    MPIEXEC is None or find_spec("mpi4py") is None, reason="MPI is not installed"
)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], env=ENVIRONMENT, stderr=subprocess.DEVNULL
    )


def sweep(script: Path, out: Path, *options: str, before: tuple[str, ...] = ()) -> list[str]:
    command = [*before, "-m", "scenarios", "sweep", script.name, *options, "--out", str(out)]
    return command if before else [sys.executable, *command]


def noise(errors: str) -> list[str]:
    """Return the lines that do not report progress."""
    return [line for line in errors.splitlines() if not re.match(r"[\d,]+ of [\d,]+ runs", line)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    command = sweep(write_script(folder), folder / "out", *AXES)
    subprocess.run(command, check=True, cwd=folder, env=ENVIRONMENT)
    return tables(folder / "out")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler and two workers; gives the address and the workers."""
    file = tmp_path / "scheduler.json"
    with ExitStack() as stack:

        def run(*arguments: str) -> subprocess.Popen[bytes]:
            process = stack.enter_context(start(*arguments))
            stack.callback(process.kill)
            return process

        scheduler = ("distributed.cli.dask_scheduler", "--no-dashboard", "--port", "0")
        scheduling = run(*scheduler, "--host", "127.0.0.1", "--scheduler-file", str(file))
        wait_until(file.exists, scheduling)
        worker = ("distributed.cli.dask_worker", "--no-dashboard", "--nthreads", "1")
        workers = [run(*worker, "--no-nanny", "--scheduler-file", str(file)) for _ in range(2)]
        yield json.loads(file.read_text())["address"], workers


@needs_dask
def test_a_dask_worker_killed_in_the_middle_loses_nothing(
    cluster: tuple[str, list[subprocess.Popen[bytes]]],
    undisturbed: dict[str, bytes],
    tmp_path: Path,
) -> None:
    address, workers = cluster
    out = tmp_path / "out"
    command = sweep(write_script(tmp_path), out, *AXES, "--executor", f"dask:{address}")
    with subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE) as run:
        wait_until(lambda: len(whole(out)) >= 5, run)
        workers[0].kill()
        output = run.communicate(timeout=60)[0]
    assert (run.returncode, b"complete: 20 of 20" in output) == (0, True)
    assert tables(out) == undisturbed


@needs_dask
def test_a_local_dask_cluster_records_what_fails(tmp_path: Path) -> None:
    options = ("--vary", "mode=fine,raise,hang,die", "--timeout", "4s", "--executor", "dask")
    command = sweep(write_script(tmp_path), tmp_path / "out", *options, "--workers", "2")
    done = subprocess.run(
        command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, noise(done.stderr)) == (1, [])
    assert "RuntimeError: told to" in done.stdout
    assert "took longer than the timeout of 4 s" in done.stdout
    assert "its worker died" in done.stdout
    assert "complete: 1 of 4" in done.stdout


@needs_dask
def test_ctrl_c_ends_a_local_dask_cluster_quietly(tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = sweep(write_script(tmp_path), out, *AXES, "--executor", "dask", "--workers", "2")
    with subprocess.Popen(
        command, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, process_group=0
    ) as run:
        wait_until(lambda: bool(whole(out)), run)
        os.killpg(run.pid, signal.SIGINT)
        errors = run.communicate(timeout=60)[1]
    assert (run.returncode, noise(errors)) == (130, ["connectsim: interrupted"])


@needs_dask
@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense", "udp://x:1"])
def test_an_address_where_no_scheduler_answers(
    connectsim: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str
) -> None:
    assert executors.ANSWER_TIME <= 10
    monkeypatch.setattr(executors, "ANSWER_TIME", 0.5)
    status, _, errors = connectsim(
        "sweep", "two_hosts", "--executor", f"dask:{address}", "--out", tmp_path / "out"
    )
    assert status == 2
    assert f"--executor dask:{address}: no scheduler answers" in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "out").exists()


@needs_dask
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_port_of_something_else(
    connectsim: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: bytes
) -> None:
    monkeypatch.setattr(executors, "ANSWER_TIME", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError), server.accept()[0] as peer:
                peer.sendall(answer)
                time.sleep(3)

        threading.Thread(target=accept, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        options = ("--executor", f"dask:{address}", "--out", tmp_path / "out")
        status, _, errors = connectsim("sweep", "two_hosts", *options)
    assert (status, errors.count("\n")) == (2, 1)
    assert "no scheduler answers" in errors
    assert not (tmp_path / "out").exists()


@needs_mpi
def test_mpi_ranks_give_the_same(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "out"
    before = (str(MPIEXEC), "-n", "3", sys.executable, "-m", "mpi4py.futures")
    command = sweep(write_script(tmp_path), out, *AXES, "--executor", "mpi", before=before)
    done = subprocess.run(
        command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, noise(done.stderr)) == (0, [])
    assert "complete: 20 of 20" in done.stdout
    assert tables(out) == undisturbed


@needs_mpi
def test_mpi_ranks_outlive_their_runs(tmp_path: Path) -> None:
    before = (str(MPIEXEC), "-n", "3", sys.executable, "-m", "mpi4py.futures")
    options = ("--vary", "mode=fine,die,other", "--executor", "mpi")
    command = sweep(write_script(tmp_path), tmp_path / "out", *options, before=before)
    done = subprocess.run(
        command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "its worker died" in done.stdout
    assert "complete: 2 of 3" in done.stdout


@needs_mpi
def test_mpi_without_ranks_says_how_to_start_it(tmp_path: Path) -> None:
    command = sweep(write_script(tmp_path), tmp_path / "out", *AXES, "--executor", "mpi")
    done = subprocess.run(
        command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "mpiexec -n 3 python -m mpi4py.futures" in done.stderr
    assert not (tmp_path / "out").exists()


def test_libraries_that_are_not_installed_are_named(
    connectsim: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, extra in (("distributed", "dask"), ("mpi4py.MPI", "mpi")):
        monkeypatch.setitem(sys.modules, name, None)
        status, _, errors = connectsim(
            "sweep", "two_hosts", "--executor", extra, "--out", tmp_path / "out"
        )
        assert status == 2
        assert f"connectsim[{extra}]" in errors


def test_a_run_apart_comes_back_or_says_that_it_died() -> None:
    def task(mode: str) -> Task:
        parameters = {"mode": mode, "connections": 3}
        version = metadata.version("connectsim")
        return Task("k", "fragile.py", SOURCE.encode(), version, parameters, 1)

    outcomes = [execute_apart(task(mode)) for mode in ("fine", "die", "fine")]
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
    assert outcomes[0].table == outcomes[2].table != b""
