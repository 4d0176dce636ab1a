"""A run or a sweep as one HTML page that needs nothing else (`analysis.html`).

It answers the scenario's question: recipe, outcomes and latencies, what the time went to, plots,
theory against simulation, the slowest connects and those that failed; of a sweep its points.  It
follows the reader's choice of light or dark, fits a phone and prints.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Final

import pandas as pd

from analysis import causes, connects, frames, html, recipe, summary, sweep_report, theory
from analysis.files import beside
from analysis.frames import Frames
from analysis.plots import TITLES, kinds
from analysis.quantities import count, duration, percent

ADVICE: Final = "* "
"""What begins a line of a scenario's answer that is a sentence, not a row of a table."""

SLOWEST: Final = 10
LADDERS: Final = 3
"""So many of the slowest connects are drawn."""


def write(path: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of the run or sweep in folder `path`, and return its file.

    It is `report.html` there (of a sweep: below `_sweep`) unless `out` is given.
    Raises ResultsError for an unreadable folder, OSError if the file cannot be written.
    """
    loaded = frames.load(path)
    beneath = frames.SWEEP if loaded.is_sweep else ""
    file = Path(path) / beneath / "report.html" if out is None else Path(out)
    text = page(loaded)
    with beside(file) as partial:
        partial.write_text(text, encoding="utf-8")
    return file


def page(loaded: Frames) -> str:
    """Return the report of a run or a sweep as HTML."""
    made = loaded.recipe
    sections = sweep_report.sections(loaded) if loaded.is_sweep else _of_run(loaded)
    recipe_too = chain(sections, html.section("Recipe", _recipe(made)))
    return html.page(str(made.get("scenario", "run")), str(made.get("question", "")), recipe_too)


def _of_run(loaded: Frames) -> Iterator[str]:
    connections, made = loaded.connections, loaded.recipe
    yield from html.section("Answer", _answer(made))
    yield from html.section("Outcome", _outcomes(connections))
    yield from html.section("What the time went to", _causes(connections))
    yield from html.section("Theory and simulation", _theory(made, connections))
    yield from html.section("Pictures", _pictures(loaded))
    yield from html.section(f"The {SLOWEST} slowest connects", _slowest(loaded))
    yield from html.section("Connects that failed", _failures(connections))


def _answer(made: dict[str, Any]) -> Iterator[str]:
    """Yield the scenario's answer: tables as they stand, advice as a list whose lines wrap."""
    for advice, lines in groupby(recipe.answer(made), lambda line: line.startswith(ADVICE)):
        if advice:
            yield html.bullets(line.removeprefix(ADVICE) for line in lines)
        else:
            yield html.preformatted("\n".join(lines).strip("\n"))


def _outcomes(connections: pd.DataFrame) -> Iterator[str]:
    table = summary.summarise(connections)
    if connections.empty:
        yield "<p>There were no connects.</p>"
        return
    established = (connections["outcome"] == "established").mean()
    p50, p99 = (table[name]["all"] for name in ("p50_s", "p99_s"))
    yield (
        f"<p>{percent(established)} of {count(len(connections))} connects were established. "
        f"Half of all returned within {duration(p50)}, 99 % within {duration(p99)}.</p>"
    )
    quantiles = ["mean", *summary.QUANTILES, "max"]
    yield html.table(
        ["connect()", "count", "share", *quantiles],
        (
            [str(name), count(row["count"]), percent(row["share"])]
            + [duration(row[f"{column}_s"]) for column in quantiles]
            for name, row in (table if len(table) > 2 else table.iloc[:-1]).iterrows()
        ),
    )
    yield html.table(
        ["packets", "sent", "retransmissions", "per connect()"],
        (
            [label, count(sent), count(repeated), f"{repeated / len(connections):.4f}"]
            for label, sent, repeated in summary.retransmissions(connections)
        ),
    )


def _causes(connections: pd.DataFrame) -> Iterator[str]:
    parts = causes.table(connections)
    if not parts.empty:
        yield html.table(*causes.cells(parts))


def _theory(made: dict[str, Any], connections: pd.DataFrame) -> Iterator[str]:
    latency = theory.of_run(made, connections)
    if latency is None:
        return
    yield html.paragraph(theory.KNOWS)
    waited = connections["latency_s"].where(connections["outcome"] == "established", float("inf"))
    found = summary.quantiles(waited.to_numpy(), list(summary.QUANTILES.values()))
    yield html.table(
        ["quantile", "theory", "simulation"],
        (
            [name, duration(latency.quantile(share)), duration(float(value))]
            for (name, share), value in zip(summary.QUANTILES.items(), found, strict=True)
        ),
    )


def _pictures(loaded: Frames) -> Iterator[str]:
    for kind, draw in kinds(loaded).items():
        yield html.picture(draw(loaded), TITLES[kind])


def _slowest(loaded: Frames) -> Iterator[str]:
    connections = loaded.connections
    rows = connections[connections["outcome"] == "established"].nlargest(SLOWEST, "latency_s")
    if not rows.empty:
        yield _connections(rows)
        yield from _ladders(loaded, rows["connection"].head(LADDERS).tolist())


def _ladders(loaded: Frames, numbers: list[int]) -> Iterator[str]:
    """Draw the message sequences of some connections, or say how to get them."""
    if loaded.path is None or not loaded.has("packets"):
        yield html.paragraph("To see what each of them sent and waited for, trace the run:")
        yield html.code(f"{recipe.command(loaded.recipe)} --trace")
        return
    from analysis import ladder as model  # noqa: PLC0415 (only traced runs have them)
    from analysis.plots import ladder as drawing  # noqa: PLC0415

    for number in numbers:
        figure = drawing.ladder(model.load(loaded.path, number))
        yield html.picture(figure, f"Message sequence of connection {number}")


def _failures(connections: pd.DataFrame) -> Iterator[str]:
    failed = connections[~connections["outcome"].isin(["established", "pending"])]
    if failed.empty:
        return
    if len(failed) > SLOWEST:
        yield f"<p>The first {SLOWEST} of {count(len(failed))}.</p>"
    yield _connections(failed.head(SLOWEST))


def _connections(rows: pd.DataFrame) -> str:
    return html.table(list(connects.HEAD), map(connects.cells, rows.to_dict("records")))


def _recipe(made: dict[str, Any]) -> Iterator[str]:
    yield html.code(recipe.command(made))
    yield html.table(
        ["parameter", "value"],
        ([name, value] for name, value in recipe.parameters(made).items()),
    )
    versions = ", ".join(f"{name} {version}" for name, version in made.get("versions", {}).items())
    yield f"<p>{escape(versions)}</p>"
    for note in made.get("notes", []):
        yield f"<p>{escape(str(note))}</p>"
