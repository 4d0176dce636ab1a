from __future__ import annotations

import errno
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from scenarios import store
from scenarios.errors import UserError
from scenarios.store import open_results
from sim.records import Column, Enumeration

COLUMNS: dict[str, Column] = {
    "connection": np.arange(3),
    "client": Enumeration(np.array([0, 1, 0], np.int32), ["a", "b"]),
    "errno": Enumeration(np.array([-1, 0, -1], np.int32), ["ETIMEDOUT"]),
    "latency_s": np.array([0.04, np.nan, 1.05]),
}


def write(folder: Path, word: str = "new", force: bool = False) -> None:
    with open_results(folder, force) as results:
        results.write_table("connections", [COLUMNS])
        results.write_recipe({"word": word})
        results.publish()


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*")}


def test_tables_read_back_with_nulls_and_categories(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b")
    frame = pd.read_parquet(tmp_path / "a" / "b" / "connections.parquet")
    assert files(tmp_path / "a" / "b") == {"connections.parquet", "run.json"}
    assert frame["client"].tolist() == ["a", "b", "a"]
    assert frame["client"].dtype == "category"
    assert frame["errno"].isna().tolist() == [True, False, True]
    assert frame["latency_s"].isna().tolist() == [False, True, False]
    assert store.table(COLUMNS)["latency_s"].null_count == 1


def test_parts_are_written_one_after_the_other(tmp_path: Path) -> None:
    with open_results(tmp_path) as results:
        results.write_table("connections", iter([COLUMNS, COLUMNS]))
        results.write_recipe({})
        results.publish()
    frame = pd.read_parquet(tmp_path / "connections.parquet")
    assert frame["client"].tolist() == ["a", "b", "a"] * 2
    assert pq.ParquetFile(tmp_path / "connections.parquet").num_row_groups == 2


def test_same_columns_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        write(tmp_path / name)
    tables = [(tmp_path / name / "connections.parquet").read_bytes() for name in "ab"]
    assert tables[0] == tables[1]


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    write(tmp_path, "old")
    with pytest.raises(UserError, match="holds a run already; --force replaces it"):
        write(tmp_path)
    assert json.loads((tmp_path / "run.json").read_text()) == {"word": "old"}


def test_force_replaces_what_the_run_left_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, "old")
    (tmp_path / "packets.parquet").touch()
    (tmp_path / "plots").mkdir()
    (tmp_path / "plots" / "ecdf.png").touch()
    (tmp_path / "notes.txt").touch()
    write(tmp_path, "new", force=True)
    assert files(tmp_path) == {"connections.parquet", "run.json", "notes.txt"}
    assert json.loads((tmp_path / "run.json").read_text()) == {"word": "new"}


def test_the_old_run_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    write(tmp_path, "old")
    with pytest.raises(TypeError), open_results(tmp_path, force=True) as results:
        results.write_recipe({"word": object()})
    assert files(tmp_path) == {"connections.parquet", "run.json"}
    assert json.loads((tmp_path / "run.json").read_text()) == {"word": "old"}


def test_a_failed_run_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    with pytest.raises(ZeroDivisionError), open_results(folder):
        raise ZeroDivisionError
    assert not (tmp_path / "a").exists()


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "_flush", full)
    with pytest.raises(UserError) as error:
        write(tmp_path / "a")
    assert str(error.value) == f"{tmp_path}/a: cannot be written: No space left on device"
    assert files(tmp_path) == set()


def test_a_read_only_disk_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(**_: Any) -> str:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkdtemp", read_only)
    refused = pytest.raises(UserError, match="cannot be written: Read-only file system")
    with refused, open_results(tmp_path / "a"):
        pytest.fail("the run began")
    assert files(tmp_path) == set()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(UserError, match="a: not a folder"):
        write(tmp_path / "a")
    with pytest.raises(UserError, match="cannot be written: Not a directory"):
        write(tmp_path / "a" / "b")
