"""The code in docs/networks.md runs, one block after the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sim import timeline

DOCUMENT = (Path(__file__).parents[1] / "docs/networks.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)


def test_code_runs() -> None:
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(block, names)
    assert names["sim"].records.finished == 1


def test_table_is_a_timeline(tmp_path: Path) -> None:
    (table,) = blocks("csv")
    file = tmp_path / "events.csv"
    file.write_text(table)
    assert [change.event for change in timeline.read(file)] == ["link down", "latency"]
