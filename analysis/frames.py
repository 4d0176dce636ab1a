"""Results folders as pandas frames.

A folder holds `run.json`, the recipe, and Parquet tables described in `analysis.columns`.
A table is read when it is first asked for, and only as much of it as was asked for.
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

Where = Any
"""A filter pushed down to the file: a `pyarrow.dataset` expression, or (column, op, value) tuples
as `pandas.read_parquet` takes them."""


class Frames:
    """The tables of one run."""

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
        """The contents of run.json."""
        self.path = path
        """The folder they came from, if any."""
        self._columns = columns
        self._where = where
        if connections is not None:
            self.connections = connections

    @cached_property
    def connections(self) -> pd.DataFrame:
        """One row per connect() call."""
        return self._read("connections", self._columns, self._where)

    @cached_property
    def counters(self) -> pd.DataFrame:
        """One row per host and counter that is not 0."""
        return self._read("counters")

    @cached_property
    def queues(self) -> pd.DataFrame:
        """One row per listening port and sample; none if the run did not sample its queues."""
        if self.path is None or not (self.path / "queues.parquet").exists():
            return pd.DataFrame({column.name: [] for column in TABLES["queues"]})
        return self._read("queues")

    def select(self, columns: Sequence[str]) -> pd.DataFrame:
        """Return some columns of `connections`, reading no others if it has not been read yet."""
        if "connections" in self.__dict__:
            return self.connections[list(columns)]
        return self._read("connections", columns, self._where)

    def _read(
        self, table: str, columns: Sequence[str] | None = None, where: Where = None
    ) -> pd.DataFrame:
        if self.path is None:
            raise ResultsError(f"no table {table!r}: these frames were not read from a folder")
        return read_table(self.path / f"{table}.parquet", table, columns, where)


def load(path: str | Path, columns: Sequence[str] | None = None, where: Where = None) -> Frames:
    """Return the tables of the run in folder `path`.

    `columns` and `where` choose columns and rows of `connections`; the rest is never in memory.
    Raises ResultsError, one line naming the file, if something is missing or unreadable.
    """
    folder = Path(path)
    frames = Frames(_read_recipe(folder), path=folder, columns=columns, where=where)
    _check_columns(folder / "connections.parquet", "connections", columns)
    return frames


def read_table(
    file: Path, table: str, columns: Sequence[str] | None = None, where: Where = None
) -> pd.DataFrame:
    """Return a Parquet table as a frame; raises ResultsError as `load` does."""
    _check_columns(file, table, columns)
    try:
        return pd.read_parquet(
            file,
            engine="pyarrow",
            columns=None if columns is None else list(columns),
            filters=where,
        )
    except (OSError, pa.ArrowException) as error:
        raise ResultsError(f"{file}: {_first_line(error)}") from error


def _check_columns(file: Path, table: str, columns: Sequence[str] | None) -> None:
    """Raise ResultsError unless the table is readable and has its columns and those asked for."""
    try:
        present = pq.read_schema(file).names
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


def _read_recipe(folder: Path) -> dict[str, Any]:
    file = folder / "run.json"
    try:
        recipe = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        what = "no run.json in it: not the folder of a run" if folder.is_dir() else "no such folder"
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
