"""The page: an index, and a section for each experiment."""

from __future__ import annotations

from pathlib import Path

from analysis.plots import style
from benchmarks.validation.comparison import Experiment

HEAD = ["quantity", "kernel", "simulation", "theory", "difference", "tolerance", "within"]

INTRODUCTION = """\
# Validation

Linux 6.18 (a jiffy of 4 ms) was measured between two network namespaces, joined by a relay in user
space that delays, drops and logs each packet: 20 ms one way, timestamps on and default sysctls
unless stated. The relay adds 15 to 60 µs, with rare stalls up to 45 ms. The figures are in
`tests/data`; the tests hold the simulator to them in more detail than this page shows.

Theory is `analysis.theory`, which knows both schedules and the loss and samples nothing, averaged
over the phases of two clocks; the measurement's client and server shared one.

This page is written by `make validation`, which fails if a difference is beyond its tolerance.
"""


def write(experiments: list[Experiment], file: Path) -> None:
    """Write the page, and beside it the plots."""
    lines = [INTRODUCTION, *_table(["experiment", "question", "compared", "within tolerance"])]
    for one in experiments:
        held = sum(row.holds for row in one.rows)
        cells = [f"[{one.name}](#{_anchor(one)})", one.title, str(len(one.rows)), str(held)]
        lines.append(_row(cells))
    for one in experiments:
        lines += ["", f"## {one.name}. {one.title}", "", one.setup, ""]
        lines += [*_table(HEAD), *(_row(row.cells()) for row in one.rows)]
        lines += ["", f"Tolerance: {one.tolerance}"]
        if one.figure is not None:
            image = file.parent / "images" / f"validation_{one.name}.svg"
            image.parent.mkdir(parents=True, exist_ok=True)
            style.save(one.figure, image)
            lines += ["", f"![{one.title}](images/{image.name})"]
        lines += [text for note in one.notes for text in ("", note)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _anchor(one: Experiment) -> str:
    kept = "".join(c for c in f"{one.name} {one.title}".lower() if c.isalnum() or c in " -()")
    return kept.replace("(", "").replace(")", "").replace(" ", "-")


def _table(head: list[str]) -> list[str]:
    return [_row(head), _row(["---"] * len(head))]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
