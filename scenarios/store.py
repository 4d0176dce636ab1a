"""Writes the folder of a run so that it is either whole or not there.

Everything is written into a folder of its own inside the results folder and then moved into place,
`run.json` last: a folder without it holds no run.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scenarios.errors import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from sim.records import Column

RECIPE = "run.json"


class Results:
    """A results folder being written; made by `open_results`."""

    def __init__(self, folder: Path, partial: Path) -> None:
        self.folder = folder
        self.partial = partial

    def write_table(self, name: str, parts: Iterable[Mapping[str, Column]]) -> None:
        """Write the table `NAME.parquet`, whose columns come in at least one part."""
        import pyarrow.parquet as pq  # noqa: PLC0415 (it takes long to import)

        file = self.partial / f"{name}.parquet"
        with ExitStack() as opened:
            writer = None
            for columns in parts:
                part = table(columns)
                if writer is None:
                    writer = pq.ParquetWriter(file, part.schema, compression="zstd")
                    opened.enter_context(writer)
                writer.write_table(part)
        _flush(file)

    def write_recipe(self, recipe: Mapping[str, Any]) -> None:
        """Write run.json."""
        file = self.partial / RECIPE
        file.write_text(_text(recipe), encoding="utf-8")
        _flush(file)

    def publish(self) -> None:
        """Put what was written in the place of what the folder held of an earlier run."""
        (self.folder / RECIPE).unlink(missing_ok=True)
        new = sorted(self.partial.iterdir(), key=lambda file: (file.name == RECIPE, file.name))
        names = {file.name for file in new}
        for old in self.folder.glob("*.parquet"):
            if old.name not in names:
                old.unlink()
        shutil.rmtree(self.folder / "plots", ignore_errors=True)
        for file in new:
            file.replace(self.folder / file.name)


@contextmanager
def open_results(folder: Path, force: bool = False) -> Iterator[Results]:
    """Open a folder for the results of a run, which `Results.publish` makes visible.

    Raises UserError at once if the folder holds a run, unless `force`, or cannot be written to;
    also for a disk that is full when the results are written.  If nothing was published, nothing
    is left behind.
    """
    if (folder / RECIPE).exists() and not force:
        raise UserError(f"{folder}: holds a run already; --force replaces it")
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
        except FileExistsError:
            raise UserError(f"{folder}: not a folder") from None
        try:
            yield Results(folder, partial)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        for path in created:
            with suppress(OSError):
                path.rmdir()


def amend(folder: Path, recipe: Mapping[str, Any]) -> None:
    """Replace the recipe of a run that is there; raises UserError if it cannot be written."""
    beside = folder / f".{RECIPE}.{os.getpid()}.part"
    try:
        beside.write_text(_text(recipe), encoding="utf-8")
        _flush(beside)
        beside.replace(folder / RECIPE)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)


def table(columns: Mapping[str, Column]) -> pa.Table:
    """Return columns as an Arrow table: NaN is null, names are dictionaries."""
    import pyarrow as pa  # noqa: PLC0415

    return pa.table({name: _array(column) for name, column in columns.items()})


def _text(recipe: Mapping[str, Any]) -> str:
    return json.dumps(recipe, indent=2, ensure_ascii=False) + "\n"


def _array(column: Column) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    if isinstance(column, tuple):
        codes = pa.array(column.codes, mask=column.codes < 0)
        return pa.DictionaryArray.from_arrays(codes, pa.array(column.categories, pa.string()))
    return pa.array(column, from_pandas=True)


def _flush(file: Path) -> None:
    with file.open("rb") as written:
        os.fsync(written.fileno())
