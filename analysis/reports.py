"""A run or a sweep as one HTML page that needs nothing else (`analysis.html`).

It answers the scenario's question: recipe, outcomes and latencies, what the time went to, plots,
theory against simulation, the slowest connects and those that failed; of a sweep its points.  It
follows the reader's choice of light or dark, fits a phone and prints.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, Final

import pandas as pd

from analysis import causes, frames, html, points, recipe, summary, theory
from analysis.files import beside
from analysis.frames import Frames
from analysis.plots import kinds, of_sweep
from analysis.plots.of_sweep import TooManyAxesError
from analysis.quantities import count, duration, percent

SLOWEST: Final = 10
LADDERS: Final = 3
"""So many of the slowest connects are drawn."""

_DRAWN: Final = ("p50", "p99", "established")
"""Values of a sweep that are drawn against its axes."""

_TITLES: Final = {
    "ecdf": "Share of connects established within a time",
    "ccdf": "Share of connects not yet established after a time",
    "timeline": "Every connect() as a line from call to return",
    "over_time": "Latency of every connect() by the time of the call",
    "retransmissions": "Connects by the number of SYN and SYN-ACK retransmissions",
    "queues": "SYN queue and accept queue of the listeners over time",
}


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
    sections = _of_sweep(loaded) if loaded.is_sweep else _of_run(loaded)
    return html.page(str(made.get("scenario", "run")), str(made.get("question", "")), sections)


def _of_run(loaded: Frames) -> Iterator[str]:
    connections, made = loaded.connections, loaded.recipe
    yield from html.section("Answer", _answer(made))
    yield from html.section("Outcome", _outcomes(connections))
    yield from html.section("What the time went to", _causes(connections))
    yield from html.section("Theory and simulation", _theory(made, connections))
    yield from html.section("Pictures", _pictures(loaded))
    yield from html.section(f"The {SLOWEST} slowest connects", _slowest(loaded))
    yield from html.section("Connects that failed", _failures(connections))
    yield from html.section("Recipe", _recipe(made))


def _of_sweep(loaded: Frames) -> Iterator[str]:
    yield from html.section("Points", _points(loaded))
    yield from html.section("Pictures", _pictures_of_sweep(loaded))
    yield from html.section("Runs that are missing or failed", _missing_runs(loaded))
    yield from html.section("Recipe", _recipe(loaded.recipe))


def command(made: dict[str, Any]) -> str:
    """Return the command that repeats a run or a sweep.

    >>> command({"scenario": "two_hosts", "parameters": {"loss": 0.01}, "seed": 7})
    'connectsim run two_hosts --set loss=0.01 --seed 7'
    """
    if "axes" in made:
        return _sweep_command(made)
    words = ["connectsim", "run", str(made.get("scenario", ""))]
    for name, value in made.get("parameters", {}).items():
        words += ["--set", f"{name}={value}"]
    return shlex.join([*words, "--seed", str(made.get("seed", 0))])


def _sweep_command(made: dict[str, Any]) -> str:
    spec = made.get("spec", {})
    words = ["connectsim", "sweep", str(made.get("scenario", ""))]
    for axis in spec.get("vary", []):
        words += ["--vary", str(axis)]
    for name, value in spec.get("settings", {}).items():
        words += ["--set", f"{name}={value}"]
    for together in spec.get("zip", []):
        words += ["--zip", str(together)]
    for option in ("where", "repeat", "sample", "sampling", "seed", "seeds"):
        if spec.get(option) is not None:
            words += [f"--{option}", str(spec[option])]
    for option in ("until", "ceiling"):
        if made.get(option) is not None:
            words += [f"--{option}", str(made[option])]
    return shlex.join(words)


def _answer(made: dict[str, Any]) -> Iterator[str]:
    lines = recipe.answer(made)
    if lines:
        yield html.preformatted("\n".join(lines))


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
    yield (
        "<p>Theory knows the loss of each packet, the delay and both schedules, and nothing of "
        "queues, backlogs and hosts. Shares are of all connects.</p>"
    )
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
        yield html.picture(draw(loaded), _TITLES[kind])


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
        yield html.code(f"{command(loaded.recipe)} --trace")
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


def _points(loaded: Frames) -> Iterator[str]:
    yield html.paragraph(f"Runs {recipe.complete(loaded.recipe)}.")
    if loaded.axes:
        yield html.paragraph(points.INTERVALS)
        head, *rows = points.rows(loaded)
        yield html.table(head, rows)


def _pictures_of_sweep(loaded: Frames) -> Iterator[str]:
    if not loaded.axes:
        return
    axes = ", ".join(loaded.axes)
    for value in _DRAWN:
        try:
            figure = of_sweep.lines(loaded, y=value)
        except TooManyAxesError as error:
            yield html.paragraph(f"{error}.")
            break
        yield html.picture(figure, f"{value} by {axes}")
    if len(loaded.axes) == 2:
        yield html.picture(of_sweep.heatmap(loaded), f"{of_sweep.DEFAULT} by {axes} as colours")
    yield from _pictures(loaded)


def _missing_runs(loaded: Frames) -> Iterator[str]:
    runs = loaded.runs
    missing = runs[runs["status"] != "done"]
    if missing.empty:
        return
    if len(missing) > SLOWEST:
        yield html.paragraph(f"The first {SLOWEST} of {count(len(missing))}.")
    causes_known = missing.reindex(columns=["run", *loaded.axes, "seed", "status", "cause"])
    yield html.table(
        list(causes_known.columns),
        causes_known.head(SLOWEST).astype(object).fillna("").astype(str).to_numpy().tolist(),
    )


def _connections(rows: pd.DataFrame) -> str:
    return html.table(
        ["connection", "from", "to", "called at", "latency", "outcome", "SYNs", "SYN-ACKs"],
        (
            [
                str(row["connection"]),
                str(row["client"]),
                str(row["server"]),
                duration(row["started_s"]),
                duration(row["latency_s"]),
                str(row["outcome"]),
                str(row["syn_sent"]),
                str(row["synack_sent"]),
            ]
            for _, row in rows.iterrows()
        ),
    )


def _recipe(made: dict[str, Any]) -> Iterator[str]:
    yield html.code(command(made))
    yield html.table(
        ["parameter", "value"],
        ([name, value] for name, value in recipe.parameters(made).items()),
    )
    versions = ", ".join(f"{name} {version}" for name, version in made.get("versions", {}).items())
    yield f"<p>{escape(versions)}</p>"
    for note in made.get("notes", []):
        yield f"<p>{escape(str(note))}</p>"
