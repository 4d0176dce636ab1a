"""`analysis.columns` is complete, and so is its page."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis import columns
from analysis.errors import ResultsError
from scenarios.cli import main
from scenarios.parameters import declared
from scenarios.two_hosts import Parameters
from tests.analysis import sweeping

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def names(table: str) -> list[str]:
    return [column.name for column in columns.TABLES[table]]


@pytest.fixture
def traced(tmp_path: Path) -> Path:
    """A run with all tables that there are."""
    folder = tmp_path / "run"
    settings = ("--set", "connections=2", "--set", "flood_size=20", "--trace")
    assert main(["run", "syn_flood", *settings, "--out", str(folder)]) == 0
    return folder


def test_every_column_of_a_run_is_explained(traced: Path) -> None:
    written = {file.stem for file in traced.glob("*.parquet")}
    assert written == set(columns.TABLES) - {"runs"}
    for table in written:
        assert list(pd.read_parquet(traced / f"{table}.parquet").columns) == names(table)
    frames = analysis.load(traced)
    assert set(frames.runs.columns) - set(frames.recipe["parameters"]) <= set(names("runs"))


def test_every_column_of_a_sweep_is_explained(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    options = ("--set", "connections=5", "--executor", "serial", "--out", str(folder))
    assert main(["sweep", "two_hosts", "--vary", "loss=1%,2%", *options]) == 0
    frames = analysis.load(folder)
    parameters = set(declared(Parameters))
    assert set(frames.runs.columns) == {*names("runs"), *parameters}
    beside = {f"{name}_parameter" if name in names("connections") else name for name in parameters}
    assert set(frames.connections.columns) == {
        *names("connections"),
        *columns.OF_SWEEPS,
        *beside,
    }


def test_the_page_of_tables_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == columns.markdown()


def test_any_table_is_read_in_part(traced: Path) -> None:
    frames = analysis.load(traced)
    dropped = frames.read("packets", ["event", "flags"], [("event", "==", "dropped")])
    assert list(dropped.columns) == ["event", "flags"]
    assert set(dropped["event"]) <= {"dropped"}
    assert len(frames.dask("packets")) == len(frames.packets) > len(dropped)
    with pytest.raises(ResultsError, match="no column 'flag'; did you mean 'flags'"):
        frames.read("packets", ["flag"])


def test_what_is_read_can_be_written_to(traced: Path) -> None:
    connections = analysis.load(traced).connections
    connections.loc[0, "latency_s"] = 1.0
    assert connections["latency_s"].iloc[0] == 1.0


def test_a_sweep_has_no_packets(tmp_path: Path) -> None:
    frames = analysis.load(sweeping.write(tmp_path / "sweep"))
    with pytest.raises(ResultsError, match=r"packets\.parquet: no such table"):
        _ = frames.packets
