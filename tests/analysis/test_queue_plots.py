"""Plots over time of a listener under pressure: queues with their limits, marks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from analysis.frames import Frames
from analysis.plots import kinds
from analysis.plots.queues import queues
from tests.analysis import synthetic

SAMPLES = pd.DataFrame(
    {
        "time_s": [0.0, 0.5, 1.0, 1.5, 2.0, 90.0],
        "host": "server",
        "port": 80,
        "syn_queue": [0, 17, 17, 3, 0, 0],
        "accept_queue": [0, 0, 9, 5, 0, 0],
        "established": [0, 0, 9, 9, 9, 9],
    }
)
LISTENER = {"host": "server", "port": 80, "syn_queue_limit": 17, "accept_queue_limit": 12}
MARK = {"name": "flood", "from_s": 0.25, "to_s": 1.25}


def sampled(**recipe: object) -> Frames:
    frames = synthetic.frames(synthetic.connections(5))
    frames.recipe |= recipe
    frames.queues = SAMPLES
    return frames


def horizontal(axes: Axes) -> list[float]:
    dashed = (line for line in axes.lines if line.get_linestyle() == "--")
    return [float(np.asarray(line.get_ydata())[0]) for line in dashed]


def test_each_queue_has_its_limit_and_the_flood_is_marked() -> None:
    figure = queues(sampled(listeners=[LISTENER], marks=[MARK]))
    for axes, name, limit in zip(figure.axes, ("syn_queue", "accept_queue"), (17, 12), strict=True):
        assert horizontal(axes) == [limit]
        (mark,) = axes.patches
        assert mark.get_label() == "flood"
        assert np.asarray(axes.lines[0].get_ydata()).tolist() == SAMPLES[name].tolist()
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["flood", "full"]


def test_the_plot_ends_soon_after_the_queues_are_empty_for_good() -> None:
    for axes in queues(sampled()).axes:
        assert axes.get_xlim()[1] == pytest.approx(1.5, abs=0.1)


def test_each_port_has_its_column() -> None:
    frames = sampled()
    frames.queues = pd.concat([SAMPLES, SAMPLES.assign(port=81)])
    upper_80, upper_81, lower_80, lower_81 = queues(frames).axes
    assert lower_80.get_xlabel() == "simulated time at server, port 80"
    assert lower_81.get_xlabel() == "simulated time at server, port 81"
    assert upper_80.get_ylabel() == upper_81.get_ylabel() == "SYN queue"


def test_only_a_run_that_sampled_its_queues_has_the_plot() -> None:
    assert "queues" in kinds(sampled())
    assert "queues" not in kinds(synthetic.frames(synthetic.connections(5)))


def test_latency_over_time_shows_the_mark() -> None:
    (axes,) = kinds(sampled(marks=[MARK]))["over_time"](sampled(marks=[MARK])).axes
    assert [patch.get_label() for patch in axes.patches] == ["flood"]
