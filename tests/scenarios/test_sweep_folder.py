from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pandas as pd
import pytest

from scenarios.errors import UserError
from scenarios.sweeps.folder import open_sweep, read_journal
from scenarios.sweeps.worker import DONE, FAILED, Outcome


def test_what_is_added_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "a" / "sweep"
    with open_sweep(path) as folder:
        folder.begin({"k1", "k2", "k3"}, {"scenario": "x"})
        folder.add(Outcome("k1", DONE, wall_s=1.5, events=7, table=b"table"))
        folder.add(Outcome("k2", FAILED, "told to"))
        assert (folder.is_done("k1"), folder.is_done("k2"), folder.is_done("k3")) == (
            (True, False, False)
        )
    with open_sweep(path) as folder:
        assert folder.is_done("k1")
        assert folder.has_failed("k2")
        assert folder.outcomes["k1"] == Outcome("k1", DONE, wall_s=1.5, events=7)
    assert (path / "connections" / "k1.parquet").read_bytes() == b"table"
    assert json.loads((path / "_sweep" / "sweep.json").read_text()) == {"scenario": "x"}


def test_runs_are_a_table(tmp_path: Path) -> None:
    with open_sweep(tmp_path) as folder:
        folder.begin({"a", "b", "c"}, {})
        folder.add(Outcome("a", DONE, wall_s=1.5, events=7, peak_rss_bytes=9, table=b"x"))
        folder.add(Outcome("b", FAILED, "told to"))
        folder.write_runs((key, {"loss": 0.1, "run": key}) for key in "abc")
    frame = pd.read_parquet(tmp_path / "_sweep" / "runs.parquet")
    assert frame["run"].tolist() == ["a", "b", "c"]
    assert frame["status"].tolist() == ["done", "failed", "missing"]
    assert frame["cause"].tolist()[1] == "told to"
    assert frame["wall_s"].tolist()[0] == 1.5
    assert frame["events"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_cut_off_is_as_if_it_were_not_there(tmp_path: Path, cut: int) -> None:
    with open_sweep(tmp_path) as folder:
        folder.begin({"a", "b"}, {})
        folder.add(Outcome("a", DONE, table=b"x"))
        folder.add(Outcome("b", DONE, table=b"x"))
    journal = tmp_path / "_sweep" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])
    with open_sweep(tmp_path) as folder:
        folder.begin({"a", "b"}, {})
        assert (folder.is_done("a"), folder.is_done("b")) == (True, False)
        folder.add(Outcome("b", DONE, table=b"x"))
    assert list(read_journal(tmp_path)) == ["a", "b"]


def test_a_line_without_a_table_runs_again_and_leftovers_go(tmp_path: Path) -> None:
    with open_sweep(tmp_path) as folder:
        folder.begin({"a"}, {})
        folder.add(Outcome("a", DONE, table=b"x"))
    (tmp_path / "connections" / "a.parquet").rename(tmp_path / "connections" / ".a.parquet")
    with open_sweep(tmp_path) as folder:
        folder.begin({"a"}, {})
        assert not folder.is_done("a")
        assert not folder.has_failed("a")
    assert list((tmp_path / "connections").iterdir()) == []


def test_the_folder_of_another_sweep_is_left_alone(tmp_path: Path) -> None:
    with open_sweep(tmp_path) as folder:
        folder.begin({"a", "b"}, {"sweep": 1})
        folder.add(Outcome("a", DONE, table=b"x"))
    refused = pytest.raises(UserError, match="holds 1 runs of another sweep")
    with refused, open_sweep(tmp_path) as folder:
        folder.begin({"b", "c"}, {"sweep": 2})
    assert json.loads((tmp_path / "_sweep" / "sweep.json").read_text()) == {"sweep": 1}
    assert list(read_journal(tmp_path)) == ["a"]


def test_what_is_not_a_sweep_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run.json").touch()
    refused = pytest.raises(UserError, match="not the folder of a sweep, and not empty")
    with refused, open_sweep(tmp_path):
        pytest.fail("it was opened")
    assert [file.name for file in tmp_path.iterdir()] == ["run.json"]


def test_one_command_at_a_time(tmp_path: Path) -> None:
    with open_sweep(tmp_path) as folder:
        folder.begin({"a"}, {})
        refused = pytest.raises(UserError, match=r"another sweep works on it \(process [0-9]+\)")
        with refused, open_sweep(tmp_path):
            pytest.fail("it was opened twice")
        folder.add(Outcome("a", DONE, table=b"x"))
    with open_sweep(tmp_path) as folder:
        assert folder.is_done("a")


def test_nothing_is_left_of_a_sweep_that_never_began(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), open_sweep(tmp_path / "a" / "b"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    told = pytest.raises(UserError, match="cannot be written: No space left on device")
    with told, open_sweep(tmp_path) as folder:
        folder.begin({"a"}, {})
        monkeypatch.setattr(os, "fsync", full)
        folder.add(Outcome("a", DONE, table=b"x"))
    assert list((tmp_path / "connections").iterdir()) == []
