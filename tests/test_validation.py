"""The page that `make validation` writes, and the quicker ones of its experiments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.validation import losses, page, queues, rest
from benchmarks.validation.comparison import Comparison, Equality, Experiment


@pytest.mark.parametrize(
    "experiment",
    [queues.backlog, rest.simultaneous, rest.header_fields, rest.ports, rest.fast_open],
)
def test_within_tolerance(experiment: Callable[[], Experiment]) -> None:
    found = experiment()
    assert found.rows
    assert [row.what for row in found.rows if not row.holds] == []


def test_one_lost_packet_within_tolerance() -> None:
    assert all(row.holds for row in losses.chosen_losses().rows)


def test_what_is_beyond_its_tolerance_stands_out(tmp_path: Path) -> None:
    rows = [
        Comparison("mean", 1.0, 1.002, 0.001, theory=1.001),
        Comparison("share", 0.5, 0.5, 0.0, unit="%"),
        Equality("errno", "ETIMEDOUT", "ECONNREFUSED"),
    ]
    file = tmp_path / "validation.md"
    page.write([Experiment("E0", "Does it (not) hold?", "None.", rows, "small.")], file)
    text = file.read_text(encoding="utf-8")
    assert "| mean | 1.000 s | 1.002 s | 1.001 s | 2.00 ms | 1.00 ms | **NO** |" in text
    assert "| share | 50 % | 50 % |  | 0 % | 0 % | yes |" in text
    assert "| [E0](#e0-does-it-not-hold) | Does it (not) hold? | 3 | 1 |" in text
    assert text.count("**NO**") == 2
