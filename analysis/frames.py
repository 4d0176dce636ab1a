"""The folders of runs and sweeps as pandas frames.

A run's folder holds `run.json`, the recipe, and Parquet tables described in `analysis.columns`.
A sweep's holds a Parquet file of connections for each run, with the parameters as columns, and
below `_sweep` its recipe and `runs.parquet`.  A table is read when it is first asked for, and only
as much of it as was asked for.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.columns import TABLES
from analysis.errors import ResultsError

SWEEP = "_sweep"
"""The part of a sweep's folder that holds no connections."""

Where = Any
"""A filter pushed down to the file: a `pyarrow.dataset` expression, or (column, op, value) tuples
as `pandas.read_parquet` takes them."""


class Frames:
    """The tables of one run, or of all runs of a sweep."""

    def __init__(
        self,
        recipe: dict[str, Any],
        connections: pd.DataFrame | None = None,
        *,
        path: Path | None = None,
        columns: Sequence[str] | None = None,
        where: Where = None,
    ) -> None:
        self.recipe = recipe
        """The contents of run.json; of a sweep, those of sweep.json."""
        self.path = path
        """The folder they came from, if any."""
        self._columns = columns
        self._where = where
        if connections is not None:
            self.connections = connections

    @property
    def axes(self) -> list[str]:
        """The parameters that a sweep varies; of a run, none."""
        return list(self.recipe.get("axes", []))

    @property
    def is_sweep(self) -> bool:
        """Whether these are the tables of a sweep."""
        return "axes" in self.recipe

    @cached_property
    def connections(self) -> pd.DataFrame:
        """One row per connect() call; in a sweep, of all runs, with the parameters as columns."""
        return self.read("connections", self._columns, self._where)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per run: parameters in base units, seed, status, wall time."""
        if self.is_sweep and self.path is not None:
            return _read_runs(self.path)
        results = {name: self.recipe.get(name) for name in ("wall_s", "events", "peak_rss_bytes")}
        seed = self.recipe.get("seed")
        row = {**self.recipe.get("parameters", {}), "seed": seed, "status": "done", **results}
        return pd.DataFrame([row])

    @cached_property
    def packets(self) -> pd.DataFrame:
        """One row per packet and place, of a run with --trace."""
        return self.read("packets")

    @cached_property
    def sockets(self) -> pd.DataFrame:
        """One row per event at a socket, of a run with --trace."""
        return self.read("sockets")

    @cached_property
    def queues(self) -> pd.DataFrame:
        """The lengths of the listeners' queues over time."""
        return self.read("queues")

    @cached_property
    def counters(self) -> pd.DataFrame:
        """The hosts' counters at the end of the run."""
        return self.read("counters")

    def has(self, table: str) -> bool:
        """Whether there is a table."""
        if table in self.__dict__:
            return True
        return self.path is not None and (self.path / f"{table}.parquet").exists()

    def select(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return some columns of `connections`, reading no others if it has not been read yet."""
        if "connections" in self.__dict__:
            return self.connections[list(columns)]
        return self.read("connections", columns, self._where)

    def of_runs(self, runs: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
        """Return some columns of the connections of some runs of a sweep, reading no others."""
        folder = self._file("connections")
        files = [str(folder / f"{run}.parquet") for run in runs]
        try:
            table: pa.Table = pq.read_table(files, columns=list(columns), filters=self._where)
        except (OSError, pa.ArrowException) as error:
            raise ResultsError(f"{folder}: {_first_line(error)}") from error
        connections: pd.DataFrame = table.to_pandas()
        return connections

    def read(
        self, table: str, columns: Sequence[str] | None = None, where: Where = None
    ) -> pd.DataFrame:
        """Return some columns and rows of a table of `analysis.columns`, reading no others."""
        return read_table(self._file(table), table, columns, where)

    def dask(self, table: str = "connections") -> Any:
        """Return a table as a Dask DataFrame, of which nothing is in memory.

        `connections` has the columns and rows that were asked for.
        Raises ImportError without the extra `connectsim[dask]`.
        """
        import dask.dataframe as dd  # noqa: PLC0415 (optional, and slow to import)

        file = self._file(table)
        _check_columns(file, table, None)
        if table != "connections":
            return dd.read_parquet(file)
        columns = None if self._columns is None else list(self._columns)
        return dd.read_parquet(file, columns=columns, filters=self._where)

    def _file(self, table: str) -> Path:
        if self.path is None:
            raise ResultsError(f"no table {table!r}: these frames were not read from a folder")
        whole = self.is_sweep and table == "connections"
        return self.path / (table if whole else f"{table}.parquet")


def load(path: str | Path, columns: Sequence[str] | None = None, where: Where = None) -> Frames:
    """Return the tables of the run or the sweep in folder `path`.

    `columns` and `where` choose columns and rows of `connections`; the rest is never in memory.
    Raises ResultsError, one line naming the file, if something is missing or unreadable.
    """
    folder = Path(path)
    frames = Frames(_read_recipe(folder), path=folder, columns=columns, where=where)
    _check_columns(frames._file("connections"), "connections", columns)
    return frames


def read_table(
    file: Path, table: str, columns: Sequence[str] | None = None, where: Where = None
) -> pd.DataFrame:
    """Return a Parquet table as a frame; raises ResultsError as `load` does."""
    _check_columns(file, table, columns)
    chosen = None if columns is None else list(columns)
    try:
        if where is None and not file.is_dir():
            return _in_turn(file, chosen)
        return _to_pandas(pq.read_table(file, columns=chosen, filters=where))
    except (OSError, pa.ArrowException) as error:
        raise ResultsError(f"{file}: {_first_line(error)}") from error


def _in_turn(file: Path, columns: list[str] | None) -> pd.DataFrame:
    """Return columns of a file, each read and converted before the next: none is there twice.

    With threads, most of the time would go to the system's giving them memory.
    """
    with pq.ParquetFile(file) as opened:
        names = opened.schema_arrow.names if columns is None else columns
        found = {
            name: opened.read([name], use_threads=False).to_pandas()[name]
            for name in dict.fromkeys(names)
        }
        rows = pd.RangeIndex(opened.metadata.num_rows)
    return pd.DataFrame(found, index=rows, copy=False)


def _to_pandas(table: pa.Table) -> pd.DataFrame:
    """Return an Arrow table, of which nothing is left, as a frame; never is all there twice."""
    # A column that is in one piece would share Arrow's memory, which cannot be written to.
    in_pieces = all(column.num_chunks > 1 for column in table.columns)
    frame: pd.DataFrame = table.to_pandas(split_blocks=in_pieces, self_destruct=True)
    return frame


def _check_columns(file: Path, table: str, columns: Sequence[str] | None) -> None:
    """Raise ResultsError unless the table is readable and has its columns and those asked for."""
    try:
        present = pq.read_schema(_example(file)).names
    except FileNotFoundError:
        raise ResultsError(f"{file}: no such table") from None
    except (OSError, pa.ArrowException) as error:
        raise ResultsError(f"{file}: not a readable table: {_first_line(error)}") from error
    missing = [column.name for column in TABLES[table] if column.name not in present]
    if missing:
        raise ResultsError(f"{file}: the column {missing[0]!r} is missing")
    for name in columns or ():
        if name not in present:
            near = difflib.get_close_matches(name, present, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ResultsError(f"{file}: no column {name!r}{hint}")


def _example(table: Path) -> Path:
    """Return a file that has the columns of a table: of a sweep's folder, any."""
    if table.name == "connections" and table.is_dir():
        files = sorted(table.glob("*.parquet"))
        if not files:
            raise ResultsError(f"{table}: no run of the sweep is complete")
        return files[0]
    return table


def _read_runs(folder: Path) -> pd.DataFrame:
    """Return the table of a sweep's runs; one whose connections are there by now is done."""
    file = folder / SWEEP / "runs.parquet"
    try:
        runs = pd.read_parquet(file, engine="pyarrow")
    except (OSError, pa.ArrowException) as error:
        raise ResultsError(f"{file}: {_first_line(error)}") from error
    present = {table.stem for table in (folder / "connections").glob("*.parquet")}
    runs["status"] = runs["status"].mask(runs["run"].isin(present), "done")
    return runs


def _read_recipe(folder: Path) -> dict[str, Any]:
    if not (folder / SWEEP).is_dir():
        return _read_json(folder, folder / "run.json")
    recipe = _read_json(folder, folder / SWEEP / "sweep.json")
    runs = _read_runs(folder)
    return recipe | {"complete": [int((runs["status"] == "done").sum()), len(runs)]}


def _read_json(folder: Path, file: Path) -> dict[str, Any]:
    try:
        recipe = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        missing = f"no {file.name} in it: not the folder of a run"
        what = missing if folder.is_dir() else "no such folder"
        raise ResultsError(f"{folder}: {what}") from None
    except OSError as error:
        raise ResultsError(f"{file}: {error.strerror or error}") from error
    except ValueError as error:
        raise ResultsError(f"{file}: not JSON: {_first_line(error)}") from error
    if not isinstance(recipe, dict):
        raise ResultsError(f"{file}: not the recipe of a run: expected an object")
    return recipe


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
