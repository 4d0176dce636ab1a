from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

import analysis
from analysis import plots
from analysis.plots import groups, latency, timeline
from tests.analysis import synthetic

CITIES = {f"city{number}": 0.002 * (12 - number) for number in range(11)}

TABLES = {
    "none": synthetic.connections(0),
    "one": synthetic.connections(1, loss=0.0),
    "all fail": synthetic.connections(20, loss=1.0),
    "no loss": synthetic.connections(100, loss=0.0),
    "systems": synthetic.connections(500, loss=0.3, systems=("linux", "windows")),
    "cities": synthetic.connections(500, loss=0.1, clients=CITIES),
}


def texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(mpl.text.Text))


@pytest.mark.parametrize("kind", plots.KINDS)
@pytest.mark.parametrize("case", TABLES)
def test_every_plot_draws_every_table(kind: str, case: str) -> None:
    figure = plots.KINDS[kind](synthetic.frames(TABLES[case]))
    figure.draw_without_rendering()
    for axes in figure.axes:
        assert axes.get_xlabel()
    assert figure.axes[0].get_ylabel()
    assert "two_hosts: delay 20 ms, loss 1 %" in texts(figure)
    assert "seed 1" in texts(figure)
    assert ("no connections" in texts(figure)) == (case == "none")


def test_drawing_leaves_global_state_alone() -> None:
    before = dict(mpl.rcParams)
    latency.ecdf(synthetic.frames(TABLES["systems"]))
    assert dict(mpl.rcParams) == before
    assert (
        "matplotlib.pyplot"
        not in subprocess.run(
            [sys.executable, "-c", "import analysis.plots, sys; print(*sys.modules)"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
    )


def test_steps_are_the_empirical_distribution() -> None:
    times, shares = latency.steps(np.array([3.0, 1.0, 1.0, 2.0]), total=5)
    assert list(times) == [1.0, 2.0, 3.0]
    assert list(shares) == [0.4, 0.6, 0.8]


def test_selected_steps_lie_on_all_steps() -> None:
    latencies = np.random.default_rng(1).exponential(size=100_000)
    times, shares = latency.steps(latencies, len(latencies), most=2_000)
    assert len(times) <= 2_000
    expected = np.searchsorted(np.sort(latencies), times, side="right") / len(latencies)
    assert np.array_equal(shares, expected)
    assert list(shares[-3:]) == [0.99998, 0.99999, 1.0]
    assert np.diff(shares).max() < 0.002


def test_ccdf_levels_off_at_the_share_that_failed() -> None:
    table = synthetic.connections(1000, loss=0.5, systems=("windows",))
    failed = (table["outcome"] != "established").mean()
    [line, cross] = latency.ccdf(synthetic.frames(table)).axes[0].lines
    assert np.asarray(line.get_ydata())[-1] == pytest.approx(failed)
    assert cross.get_marker() == "X"


def test_theory_is_drawn_where_it_speaks_of_the_run() -> None:
    table = synthetic.connections(2000, loss=0.1, systems=("windows",))
    table["path_hops"] = 1
    table["server_os"] = table["client_os"]
    lossy = {"loss": 0.1}
    for draw in (latency.ecdf, latency.ccdf):
        axes = draw(synthetic.frames(table, parameters=lossy)).axes[0]
        steps, theory = axes.lines
        assert theory.get_label() == "theory"
        at_half_a_second = [
            np.interp(0.5, np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))
            for line in (steps, theory)
        ]
        assert at_half_a_second[0] == pytest.approx(at_half_a_second[1], abs=0.03)
    table.loc[0, "path_delay_s"] = 0.5
    mixed = latency.ecdf(synthetic.frames(table, parameters=lossy))
    assert "theory" not in texts(mixed)


def test_groups_by_system_else_by_client_nearest_first() -> None:
    assert [name for name, _ in groups.split(TABLES["systems"])] == ["linux", "windows"]
    assert [name for name, _ in groups.split(TABLES["cities"])] == list(CITIES)[::-1]
    many = synthetic.connections(100, clients={f"host{number}": 0.01 for number in range(40)})
    assert [(name, len(group)) for name, group in groups.split(many)] == [("", 100)]


def test_timeline_puts_repeated_syns_on_the_schedule() -> None:
    table = synthetic.connections(1, loss=1.0)
    figure = timeline.timeline(synthetic.frames(table))
    [dots] = [found for found in figure.axes[0].collections if found.get_label() == "SYN repeated"]
    times = np.asarray(dots.get_offsets())[:, 0] - table.loc[0, "started_s"]
    measured = [1.016, 2.040, 3.064, 4.088, 5.112, 7.128, 11.28, 19.47, 35.60, 68.78]
    assert times == pytest.approx(measured, abs=0.04)


def test_many_points_are_rasterised() -> None:
    table = synthetic.connections(2, loss=0.0)
    big = pd.concat([table] * 30_000, ignore_index=True)
    figure = timeline.timeline(synthetic.frames(big))
    assert figure.axes[0].lines[0].get_rasterized()
    small = timeline.timeline(synthetic.frames(table))
    assert not small.axes[0].lines[0].get_rasterized()


def test_plot_writes_every_kind(run: Path) -> None:
    files = analysis.plot(run)
    assert [file.relative_to(run).as_posix() for file in files] == [
        f"plots/{kind}.png" for kind in plots.KINDS
    ]
    assert sorted((run / "plots").iterdir()) == sorted(files)
    assert imread(files[0]).shape[:2] == (1000, 1600)


@pytest.mark.parametrize(
    ("name", "magic"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF")]
)
def test_plot_writes_the_format_of_the_ending_the_same_bytes_each_time(
    run: Path, name: str, magic: bytes
) -> None:
    out = run.parent / name
    assert analysis.plot(run, "ecdf", out) == [out]
    first = out.read_bytes()
    assert first.startswith(magic)
    analysis.plot(run, "ecdf", out)
    assert out.read_bytes() == first


@pytest.mark.parametrize(
    ("kind", "out", "message"),
    [
        ("edcf", None, "unknown kind of plot 'edcf': did you mean 'ecdf'"),
        ("xyz", None, "unknown kind of plot 'xyz': one of ecdf, ccdf,"),
        ("ecdf", "plot.jpg", "plot.jpg: the ending must be one of .png, .svg, .pdf"),
        (None, "plot.png", "a kind of plot is needed to write plot.png"),
    ],
)
def test_plot_refuses(run: Path, kind: str | None, out: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        analysis.plot(run, kind, out)


def test_a_failed_write_leaves_nothing(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Figure, file: Path, **options: object) -> None:
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="No space left"):
        analysis.plot(run, "ecdf", run / "ecdf.png")
    assert sorted(file.name for file in run.iterdir()) == ["connections.parquet", "run.json"]
