"""The folder of a sweep, which survives being killed at any moment.

`pandas.read_parquet(FOLDER)` gives all connections, for the folder holds Parquet files of
connections and nothing else in sight::

    connections/KEY.parquet   the connections of one run, the parameters as columns
    _sweep/sweep.json         what was asked for
    _sweep/runs.parquet       one row a run: parameters, seed, status, wall time, ...
    _sweep/journal.jsonl      what came of each run, in the order in which they ended
    _sweep/lock               held while a command works on the folder

A run is done if its table is there.  A table comes into place whole (written beside, then renamed)
and after its line in the journal, so every table has its line; what was killed between the two has
a line without a table and runs again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from scenarios.errors import UserError
from scenarios.sweeps.worker import DONE, FAILED, Outcome

MISSING = "missing"
RESULTS = ("wall_s", "events", "peak_rss_bytes")


class SweepFolder:
    """The folder of a sweep, held for this process alone; made by `open_sweep`."""

    def __init__(self, path: Path, lock: TextIO) -> None:
        self.path = path
        self.connections = path / "connections"
        self.private = path / "_sweep"
        self._lock = lock
        self._journal: TextIO | None = None
        self.outcomes = read_journal(path)
        """What came of each run so far, by key, without its table."""

    def begin(self, keys: set[str], recipe: Mapping[str, Any]) -> None:
        """Make the folder that of the sweep with these runs; raises UserError if it is another's.

        A sweep that has all the runs that the folder holds, and more, extends it.
        """
        check_runs(self.path, self.outcomes, keys)
        self.connections.mkdir(exist_ok=True)
        for leftover in self.connections.glob(".*"):
            leftover.unlink()
        write_beside(self.private / "sweep.json", _json(recipe))
        lines = [_json(asdict(outcome) | {"table": None}, 0) for outcome in self.outcomes.values()]
        write_beside(self.private / "journal.jsonl", b"".join(lines))
        self._journal = (self.private / "journal.jsonl").open("a", encoding="utf-8")

    def is_done(self, key: str) -> bool:
        """Whether the table of a run is there."""
        return key in self.outcomes and self.table(key).exists()

    def has_failed(self, key: str) -> bool:
        """Whether a run was tried and failed."""
        return key in self.outcomes and self.outcomes[key].status == FAILED

    def table(self, key: str) -> Path:
        """Return the file of a run's connections."""
        return self.connections / f"{key}.parquet"

    def add(self, outcome: Outcome) -> None:
        """Keep what came of a run."""
        assert self._journal is not None
        kept = asdict(outcome) | {"table": None}
        self._journal.write(_json(kept, 0).decode())
        self._journal.flush()
        os.fsync(self._journal.fileno())
        if outcome.status == DONE:
            write_beside(self.table(outcome.key), outcome.table)
        self.outcomes[outcome.key] = Outcome(**kept | {"table": b""})

    def write_runs(self, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Write runs.parquet: of each run its key and the columns that it has besides."""
        import pyarrow as pa  # noqa: PLC0415 (it takes long to import)
        import pyarrow.parquet as pq  # noqa: PLC0415

        table = pa.Table.from_pylist([self._row(key, columns) for key, columns in rows])
        buffer = pa.BufferOutputStream()
        pq.write_table(table, buffer, compression="zstd")
        write_beside(self.private / "runs.parquet", buffer.getvalue())

    def _row(self, key: str, columns: Mapping[str, Any]) -> dict[str, Any]:
        outcome = self.outcomes.get(key, Outcome(key, MISSING))
        if outcome.status == DONE and not self.is_done(key):
            outcome = Outcome(key, MISSING)
        results = {name: getattr(outcome, name) for name in RESULTS}
        if outcome.status != DONE:
            results = dict.fromkeys(RESULTS)
        return {**columns, "status": outcome.status, "cause": outcome.cause or None, **results}


@contextmanager
def open_sweep(path: Path) -> Iterator[SweepFolder]:
    """Open a folder for a sweep and hold it; what is empty afterwards is removed.

    Raises UserError if another command holds it, if it holds the results of something else, or if
    it cannot be written.
    """
    private = path / "_sweep"
    created = [folder for folder in (private, path, *path.parents) if not folder.exists()]
    check_folder(path)
    lock = private / "lock"
    try:
        private.mkdir(parents=True, exist_ok=True)
        with lock.open("a+", encoding="utf-8") as held:
            _hold(held, path)
            folder = SweepFolder(path, held)
            try:
                yield folder
            finally:
                if folder._journal is not None:
                    folder._journal.close()
                elif private in created:
                    lock.unlink()
    except FileExistsError:
        raise UserError(f"{path}: not a folder") from None
    except OSError as error:
        where = error.filename or path
        raise UserError(f"{where}: cannot be written: {error.strerror or error}") from error
    finally:
        for folder_made in created:
            _remove_if_empty(folder_made)


def check_folder(path: Path) -> None:
    """Raise UserError if there is something at `path` that is no sweep."""
    if not (path / "_sweep").exists() and path.is_dir() and any(path.iterdir()):
        raise UserError(f"{path}: not the folder of a sweep, and not empty")


def check_runs(path: Path, present: Iterable[str], wanted: Container[str]) -> None:
    """Raise UserError if a folder holds runs that are none of those wanted."""
    strange = [key for key in present if key not in wanted]
    if strange:
        raise UserError(
            f"{path}: holds {len(strange)} runs of another sweep (or of the scenario or"
            " connectsim before it was changed): choose another --out"
        )


def _hold(lock: TextIO, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip()
        raise UserError(f"{path}: another sweep works on it (process {holder})") from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()


def _remove_if_empty(path: Path) -> None:
    try:
        path.rmdir()
    except OSError:
        return


def read_journal(path: Path) -> dict[str, Outcome]:
    """Return what came of each run of a sweep's folder, by key; the last line of a key counts.

    A line that was cut off when the process was killed is as if it were not there.
    """
    outcomes = {}
    file = path / "_sweep" / "journal.jsonl"
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    for line in lines:
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        outcomes[fields["key"]] = Outcome(**fields | {"table": b""})
    return outcomes


def write_beside(file: Path, contents: bytes) -> None:
    """Write a file whole: under another name, to the disk, and only then into place."""
    beside = file.with_name(f".{file.name}")
    try:
        with beside.open("wb") as writing:
            writing.write(contents)
            writing.flush()
            os.fsync(writing.fileno())
        beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def _json(value: Any, indent: int = 2) -> bytes:
    text = json.dumps(value, indent=indent or None, ensure_ascii=False)
    return text.encode() + b"\n"
