from __future__ import annotations

import pytest

from analysis import causes
from analysis.columns import CONNECTIONS, PARTS
from tests.analysis import synthetic


def test_every_part_has_a_name() -> None:
    assert set(causes.NAMES) == set(PARTS)
    assert set(PARTS) < {column.name for column in CONNECTIONS}


def test_parts_add_up_to_the_latency() -> None:
    table = synthetic.connections(500, loss=0.3)
    found = causes.table(table)
    assert list(found.index) == ["propagation_s", "syn_lost_s"]
    assert found["share"].sum() == pytest.approx(1.0)
    assert found["mean_s"].sum() == pytest.approx(table["latency_s"].mean())
    assert found.loc["syn_lost_s", "connects"] == (table["syn_lost_s"] > 0).sum()


def test_no_connects_no_parts() -> None:
    assert causes.lines(synthetic.connections(0)) == []
