from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from analysis.plots import sweep
from tests.analysis import synthetic

FRAMES = synthetic.frames(synthetic.connections(0))
UNITS = {"loss": "%", "p99": "s", "delay": "s", "queue": "packets"}

POINTS = pd.DataFrame(
    [
        {"loss": loss, "client_os": system, "backlog": backlog, "p99": 0.04 + 10 * loss}
        for loss, system, backlog in product((0.0, 0.1, 0.2), ("linux", "windows"), (16, 128))
    ]
).assign(low=lambda points: points["p99"] * 0.9, high=lambda points: points["p99"] * 1.1)


def test_lines_by_hue_and_facet() -> None:
    figure = sweep.lines(
        FRAMES, POINTS, x="loss", y="p99", hue="client_os", facet="backlog", units=UNITS
    )
    figure.draw_without_rendering()
    assert figure.get_suptitle() == "p99 by loss"
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["backlog 16", "backlog 128"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "client_os linux",
        "client_os windows",
    ]
    for axes in figure.axes:
        assert [line.get_label() for line in axes.lines] == [
            "client_os linux",
            "client_os windows",
        ]
        assert np.asarray(axes.lines[0].get_ydata()).tolist() == pytest.approx([0.04, 1.04, 2.04])
        assert len(axes.collections) == 2
        assert axes.get_yscale() == "log"
    assert "10 %" in [label.get_text() for label in figure.axes[0].get_xticklabels()]


def test_one_line_needs_no_name_and_other_units_stand_in_the_label() -> None:
    points = pd.DataFrame({"loss": [0.1], "queue": [3.0], "low": [np.nan], "high": [np.nan]})
    figure = sweep.lines(FRAMES, points, x="loss", y="queue", units=UNITS)
    figure.draw_without_rendering()
    assert figure.axes[0].get_legend() is None
    assert figure.axes[0].get_ylabel() == "queue (packets)"


def test_a_parameter_that_spans_much_is_drawn_logarithmically() -> None:
    points = pd.DataFrame({"loss": [1e-4, 1e-2, 1e-1], "p99": [0.04, 1.0, 1.0]})
    bounds = {"low": points["p99"], "high": points["p99"]}
    figure = sweep.lines(FRAMES, points.assign(**bounds), x="loss", y="p99", units=UNITS)
    assert figure.axes[0].get_xscale() == "log"


def test_what_never_passes_stands_last() -> None:
    points = pd.DataFrame(
        {"delay": [np.nan, 0.02, 0.01], "p99": [3.0, 2.0, 1.0], "low": np.nan, "high": np.nan}
    )
    figure = sweep.lines(FRAMES, points, x="delay", y="p99", units=UNITS)
    figure.draw_without_rendering()
    [axes] = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["10 ms", "20 ms", "never"]
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == [1.0, 2.0, 3.0]


def test_heatmap_writes_its_values() -> None:
    points = pd.DataFrame(
        {"loss": [0.0, 0.1, 0.0], "delay": [0.01, 0.01, 0.02], "p99": [0.02, 1.0612, 0.04]}
    )
    figure = sweep.heatmap(FRAMES, points, x="loss", y="delay", value="p99", units=UNITS)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert {text.get_text() for text in axes.texts} == {"20 ms", "1.06 s", "40 ms"}
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0 %", "10 %"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["10 ms", "20 ms"]


def test_a_sweep_without_runs_says_so() -> None:
    empty = POINTS.iloc[:0]
    for figure in (
        sweep.lines(FRAMES, empty, x="loss", y="p99", hue="client_os", facet="backlog"),
        sweep.heatmap(FRAMES, empty, x="loss", y="backlog", value="p99"),
    ):
        figure.draw_without_rendering()
        assert figure.axes[0].texts[-1].get_text() == "no runs"
