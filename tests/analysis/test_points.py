from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import analysis
from analysis import ResultsError, points
from analysis.plots import KINDS, of_sweep
from tests.analysis import sweeping


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return sweeping.write(tmp_path / "sweep")


def test_a_sweep_loads_as_one_table_of_connections_and_one_of_runs(folder: Path) -> None:
    frames = analysis.load(folder)
    assert frames.is_sweep
    assert frames.axes == ["loss", "client_os"]
    assert len(frames.connections) == 11 * 200
    assert len(frames.runs) == 12
    assert frames.recipe["complete"] == [11, 12]
    assert list(analysis.load(folder, columns=["loss"]).connections) == ["loss"]
    chosen = analysis.load(folder, where=[("loss", ">", 0.2)]).connections
    assert set(chosen["loss"]) == {0.3}


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask's own use of pandas
def test_dask_reads_the_same_connections(folder: Path) -> None:
    pytest.importorskip("dask.dataframe")
    frames = analysis.load(folder, columns=["loss", "latency_s"])
    assert frames.dask()["latency_s"].sum().compute() == pytest.approx(
        frames.connections["latency_s"].sum()
    )


def test_points_hold_all_repetitions(folder: Path) -> None:
    frames = analysis.load(folder)
    table = points.points(frames, "p99")
    assert table["repetitions"].tolist() == [2, 2, 2, 2, 2, 1]
    row = table[(table["loss"] == 0.1) & (table["client_os"] == "linux")].iloc[0]
    chosen = frames.connections.query("loss == 0.1 and client_os == 'linux'")
    latency = chosen.loc[chosen["outcome"] == "established", "latency_s"]
    assert row["p99"] == np.quantile(latency, 0.99, method="inverted_cdf")
    assert row["low"] <= row["p99"]


@pytest.mark.parametrize("value", ["mean", "max", "established", "failed", "syn_sent"])
def test_other_values(folder: Path, value: str) -> None:
    frames = analysis.load(folder)
    table = points.points(frames, value)
    assert len(table) == 6
    if value == "syn_sent":
        lossless = frames.connections.query("loss == 0")["syn_sent"].mean()
        assert table[value][0] == lossless == 1.0
    if value == "established":
        assert table[value][0] == 1.0
        assert (table["low"].dropna() <= table[value][table["low"].notna()]).all()


def test_what_there_is_not_is_said(folder: Path) -> None:
    frames = analysis.load(folder)
    with pytest.raises(ValueError, match="did you mean 'mean'"):
        points.points(frames, "meen")
    for given, message in (
        ({"x": "los"}, "x los: no axis of the sweep: did you mean 'loss'"),
        ({"x": "loss", "hue": "loss"}, "only once"),
    ):
        with pytest.raises(ValueError, match=message):
            of_sweep.lines(frames, **given)
    with pytest.raises(ValueError, match="neither hue nor facet"):
        of_sweep.write(folder, "heatmap", hue="loss")
    with pytest.raises(ValueError, match="no plot 'timeline'"):
        analysis.plot(folder, "timeline")


def test_plots_of_a_sweep_keep_out_of_its_table(folder: Path) -> None:
    before = len(pd.read_parquet(folder))
    files = [
        analysis.plot_sweep(folder, y="mean"),
        analysis.plot_sweep(folder, "heatmap", value="established"),
        *analysis.plot(folder),
    ]
    assert [file.name for file in files] == [
        "lines_mean.png",
        "heatmap_established.png",
        "ecdf.png",
        "ccdf.png",
    ]
    assert len(pd.read_parquet(folder)) == before


def test_curves_are_named_by_their_points_and_the_footer_counts_runs(folder: Path) -> None:
    figure = KINDS["ecdf"](analysis.load(folder))
    names = {str(line.get_label()) for line in figure.axes[0].lines}
    assert "loss 10 %, client_os windows" in names
    assert "complete: 11 of 12" in figure.get_supxlabel()
    assert "varied: loss, client_os" in figure.get_supxlabel()


def test_summary_of_a_sweep_has_a_line_a_point_with_intervals(folder: Path) -> None:
    recipe, _, _, head, *rows, _, note = analysis.summarise(folder).splitlines()
    assert "complete: 11 of 12" in recipe
    assert head.split() == ["loss", "client_os", "runs", "established", "p50", "p99", "p99.9"]
    assert len(rows) == 6
    assert re.split(r"  +", rows[0])[2:5] == ["2", "100 % (100–100)", "40.0 ms (40.0–40.0)"]
    assert re.split(r"  +", rows[-1])[:3] == ["30 %", "windows", "1 of 2"]
    assert note.startswith("In parentheses: 95 % confidence intervals over")


def test_intervals_follow_from_the_repetitions(tmp_path: Path) -> None:
    frames = analysis.load(sweeping.write(tmp_path / "sweep", repetitions=4, missing=0))
    table = points.points(frames, "p99").set_index(["loss", "client_os"])
    found = table.loc[(0.3, "windows")]
    chosen = frames.connections.query("loss == 0.3 and client_os == 'windows'")
    established = chosen[chosen["outcome"] == "established"]
    each = established.groupby("run", observed=True)["latency_s"].quantile(
        0.99, interpolation="higher"
    )
    half = stats.t.ppf(0.975, 3) * np.sqrt(((each - found["p99"]) ** 2).sum() / 12)
    assert half > 0
    assert found["high"] == pytest.approx(found["p99"] + half)
    assert found["low"] == pytest.approx(max(0.0, found["p99"] - half))


def test_a_point_whose_runs_all_failed_and_one_that_never_passes(tmp_path: Path) -> None:
    folder = sweeping.write(tmp_path / "sweep", repetitions=1, missing=1)
    runs = pd.read_parquet(folder / "_sweep" / "runs.parquet")
    never = runs["loss"].where(runs["loss"] > 0)
    runs.assign(loss=never).to_parquet(folder / "_sweep" / "runs.parquet")
    recipe = json.loads((folder / "_sweep" / "sweep.json").read_text())
    recipe["units"]["loss"] = "s"
    (folder / "_sweep" / "sweep.json").write_text(json.dumps(recipe))
    frames = analysis.load(folder)
    _, *rows = points.rows(frames)
    assert [row[:2] for row in rows[-2:]] == [["never", "linux"], ["never", "windows"]]
    assert rows[3][2:] == ["0 of 1", "–", "–", "–", "–"]
    of_sweep.lines(frames, x="loss").draw_without_rendering()


def test_what_came_since_runs_parquet_was_written_counts(folder: Path) -> None:
    file = folder / "_sweep" / "runs.parquet"
    pd.read_parquet(file).assign(status="missing").to_parquet(file)
    assert analysis.load(folder).recipe["complete"] == [11, 12]


def test_a_comparison_says_how_much_is_there(folder: Path) -> None:
    assert analysis.compare(folder, folder).startswith(f"{folder}: complete: 11 of 12\n")


def test_a_sweep_without_a_complete_run(tmp_path: Path) -> None:
    folder = sweeping.write(tmp_path / "sweep", missing=12)
    with pytest.raises(ResultsError, match="no run of the sweep is complete"):
        analysis.load(folder)
