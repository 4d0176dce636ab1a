"""Executes one run of a sweep, in whatever process: all it needs comes in, all it gave goes out.

No disk is shared: the scenario's source comes with the task, the table goes back as the bytes of
a Parquet file.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module, metadata
from pathlib import Path
from types import FrameType
from typing import Any

DONE, FAILED = "done", "failed"
DIED = "its worker died: killed, or out of memory"


@dataclass(frozen=True, slots=True)
class Task:
    """One run to execute."""

    key: str
    scenario: str
    source: bytes
    """The scenario's source."""
    version: str
    """The version of connectsim that is to run it."""
    parameters: Mapping[str, Any]
    """Values by name, in the simulator's units."""
    seed: int
    columns: Mapping[str, int | float | str | None] = field(default_factory=dict)
    """Columns that each row of the table gets, beside the connections' own.

    One that has the name of a column there is (`client_os`, say) is called NAME_parameter.
    """
    timeout: float | None = None
    """Seconds of real time after which the run is given up."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    key: str
    status: str
    """`done` or `failed`."""
    cause: str = ""
    wall_s: float = 0.0
    events: int = 0
    peak_rss_bytes: int = 0
    table: bytes = b""
    """The Parquet file of its connections."""


class RunTimeoutError(BaseException):
    """The time for a run is over; no `except Exception` of a scenario catches it."""


def execute(task: Task) -> Outcome:
    """Execute a run; whatever it raises becomes the cause of its failure."""
    import_module("scenarios.runner")  # a worker's first run is not to blame for what this takes
    import_module("pyarrow.parquet")
    try:
        with _limit(task.timeout), _young():
            return _execute(task)
    except RunTimeoutError:
        return Outcome(task.key, FAILED, f"took longer than the timeout of {task.timeout:g} s")
    except Exception as error:
        return Outcome(task.key, FAILED, _cause(error))


def _execute(task: Task) -> Outcome:
    import pyarrow.parquet as pq  # noqa: PLC0415 (it takes long to import)

    from scenarios.runner import Run, simulate  # noqa: PLC0415
    from scenarios.store import table  # noqa: PLC0415

    version = _version()
    if version != task.version:
        raise RuntimeError(f"the worker has connectsim {version}, the sweep is of {task.version}")
    scenario = _scenario(task.scenario, task.source)
    _forget_peak()
    run = Run(scenario, scenario.parameters(**task.parameters), task.seed)
    simulation, wall = simulate(run)
    connections = table(simulation.records.columns())
    for column, value in task.columns.items():
        name = f"{column}_parameter" if column in connections.column_names else column
        connections = connections.append_column(name, _constant(value, len(connections)))
    buffer = io.BytesIO()
    pq.write_table(connections, buffer, compression="zstd")
    events = simulation.env.events
    return Outcome(task.key, DONE, "", wall, events, _peak(), buffer.getvalue())


@cache
def _version() -> str:
    return metadata.version("connectsim")


@lru_cache(maxsize=4)
def _scenario(name: str, source: bytes) -> Any:
    from scenarios.catalogue import from_source  # noqa: PLC0415

    return from_source(source, name)


def _constant(value: float | str | None, rows: int) -> Any:
    """Return a column of one value; None is a duration that never passes."""
    import pyarrow as pa  # noqa: PLC0415

    if value is None:
        return pa.nulls(rows, pa.float64())
    if isinstance(value, str):
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), [value])
    return pa.repeat(value, rows)


def _cause(error: Exception) -> str:
    """Return an error in one line, with the place that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return " ".join(f"{type(error).__name__}: {error}".split()) + where


@contextmanager
def _young() -> Iterator[None]:
    """Free what the block leaves behind, hosts and links that refer to each other among it.

    With the collector at rest meanwhile, all of that is young, and quickly found.
    """
    from sim.collector import AtRest  # noqa: PLC0415 (a parent's start is not to wait for it)

    try:
        with AtRest():
            yield
    finally:
        gc.collect(0)


@contextmanager
def _limit(timeout: float | None) -> Iterator[None]:
    """Raise RunTimeoutError in the block after `timeout` seconds; in a main thread only."""
    if timeout is None:
        yield
        return
    before = signal.signal(signal.SIGALRM, _over)
    signal.setitimer(signal.ITIMER_REAL, timeout)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _over(_signal: int, _frame: FrameType | None) -> None:
    raise RunTimeoutError


def _forget_peak() -> None:
    """Let the peak of this process's memory begin anew, where Linux lets it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Return the peak of this process's memory in bytes."""
    from scenarios.runner import peak_memory  # noqa: PLC0415

    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return peak_memory()


def end_with_parent() -> None:
    """Let this process end when the one that started it does, even if that is killed."""
    import multiprocessing  # noqa: PLC0415

    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()
