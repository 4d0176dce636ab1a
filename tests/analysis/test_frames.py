from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds
import pytest

import analysis
from analysis import ResultsError
from analysis.columns import CONNECTIONS
from analysis.frames import Frames
from tests.analysis import synthetic


def test_load_gives_recipe_and_connections_with_categories(run: Path) -> None:
    frames = analysis.load(run)
    assert frames.recipe["scenario"] == "two_hosts"
    assert len(frames.connections) == 300
    assert isinstance(frames.connections["outcome"].dtype, pd.CategoricalDtype)
    assert list(frames.connections.columns) == [column.name for column in CONNECTIONS]


def test_columns_and_where_choose_what_is_read(run: Path) -> None:
    frames = analysis.load(run, columns=["latency_s", "outcome"], where=ds.field("latency_s") > 3)
    assert list(frames.connections.columns) == ["latency_s", "outcome"]
    assert 0 < len(frames.connections) < 300
    assert frames.connections["latency_s"].min() > 3
    pairs = analysis.load(run, where=[("outcome", "==", "timed_out")])
    assert set(pairs.connections["outcome"]) == {"timed_out"}
    assert len(pairs.select(["outcome"])) == len(pairs.connections)


def test_select_reads_only_what_it_needs(run: Path) -> None:
    frames = analysis.load(run)
    assert list(frames.select(["latency_s"]).columns) == ["latency_s"]
    assert "connections" not in vars(frames)


def test_frames_without_a_folder_say_so() -> None:
    with pytest.raises(ResultsError, match="no table 'connections'"):
        _ = Frames(synthetic.recipe()).connections


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("no folder", "run: no such folder"),
        ("no recipe", "run: no run.json in it: not the folder of a run"),
        ("recipe not JSON", "run.json: not JSON: Expecting value"),
        ("recipe not UTF-8", "run.json: not JSON: 'utf-8' codec"),
        ("recipe a list", "run.json: not the recipe of a run"),
        ("no table", "connections.parquet: no such table"),
        ("table cut off", "connections.parquet: not a readable table"),
        ("table a folder", "connections.parquet: not a readable table"),
        ("column missing", "connections.parquet: the column 'errno' is missing"),
    ],
)
def test_damaged_folder_gives_one_line(run: Path, damage: str, message: str) -> None:
    recipe, table = run / "run.json", run / "connections.parquet"
    match damage:
        case "no folder":
            recipe.unlink()
            table.unlink()
            run.rmdir()
        case "no recipe":
            recipe.unlink()
        case "recipe not JSON":
            recipe.write_text("scenario: two_hosts")
        case "recipe not UTF-8":
            recipe.write_bytes(b"\xff\xfe")
        case "recipe a list":
            recipe.write_text(json.dumps([1]))
        case "no table":
            table.unlink()
        case "table cut off":
            table.write_bytes(table.read_bytes()[:1000])
        case "table a folder":
            table.unlink()
            table.mkdir()
        case "column missing":
            pd.read_parquet(table).drop(columns="errno").to_parquet(table)
    with pytest.raises(ResultsError) as raised:
        analysis.load(run)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_unknown_column_names_the_nearest(run: Path) -> None:
    with pytest.raises(ResultsError, match="no column 'latency'; did you mean 'latency_s'"):
        analysis.load(run, columns=["latency"])
