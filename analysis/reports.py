"""A run as one HTML page that needs nothing else: no script, no font, no picture from outside.

It answers the scenario's question: recipe, outcomes and latencies, plots, theory against
simulation, the slowest connects and those that failed.  It follows the reader's choice of light or
dark, fits a phone and prints.
"""

from __future__ import annotations

import os
import shlex
from base64 import b64encode
from collections.abc import Iterable, Iterator
from html import escape
from io import BytesIO
from pathlib import Path
from string import Template
from typing import Any, Final

import pandas as pd

from analysis import frames, recipe, summary, theory
from analysis.frames import Frames
from analysis.plots import kinds, style
from analysis.quantities import count, duration, percent

SLOWEST: Final = 10

_TITLES: Final = {
    "ecdf": "Share of connects established within a time",
    "ccdf": "Share of connects not yet established after a time",
    "timeline": "Every connect() as a line from call to return",
    "over_time": "Latency of every connect() by the time of the call",
    "retransmissions": "Connects by the number of SYN and SYN-ACK retransmissions",
    "queues": "SYN queue and accept queue of the listeners over time",
}


def write(path: str | Path, out: str | Path | None = None) -> Path:
    """Write the report of the run in folder `path`, into its `report.html` unless `out` is given.

    Raises ResultsError for an unreadable run, OSError if the file cannot be written.
    """
    loaded = frames.load(path)
    file = Path(path) / "report.html" if out is None else Path(out)
    beside = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        beside.write_text(page(loaded), encoding="utf-8")
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)
    return file


def page(loaded: Frames) -> str:
    """Return the report of a run as HTML."""
    connections = loaded.connections
    made = loaded.recipe
    return _PAGE.substitute(
        title=escape(str(made.get("scenario", "run"))),
        question=escape(str(made.get("question", ""))),
        body="\n".join(
            [
                *_section("Outcome", _outcomes(connections)),
                *_section("Theory and simulation", _theory(made, connections)),
                *_section("Pictures", _pictures(loaded)),
                *_section(f"The {SLOWEST} slowest connects", _slowest(connections)),
                *_section("Connects that failed", _failures(connections)),
                *_section("Recipe", _recipe(made)),
            ]
        ),
    )


def command(made: dict[str, Any]) -> str:
    """Return the command that repeats a run.

    >>> command({"scenario": "two_hosts", "parameters": {"loss": 0.01}, "seed": 7})
    'connectsim run two_hosts --set loss=0.01 --seed 7'
    """
    words = ["connectsim", "run", str(made.get("scenario", ""))]
    for name, value in made.get("parameters", {}).items():
        words += ["--set", f"{name}={value}"]
    return shlex.join([*words, "--seed", str(made.get("seed", 0))])


def _section(title: str, content: Iterable[str]) -> Iterator[str]:
    """Yield a section, or nothing if there is nothing to say."""
    parts = list(content)
    if parts:
        yield f"<section><h2>{escape(title)}</h2>"
        yield from parts
        yield "</section>"


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
    yield _table(
        ["connect()", "count", "share", *quantiles],
        (
            [str(name), count(row["count"]), percent(row["share"])]
            + [duration(row[f"{column}_s"]) for column in quantiles]
            for name, row in table.iterrows()
        ),
    )
    yield _table(
        ["packets", "sent", "retransmissions", "per connect()"],
        (
            [label, count(sent), count(repeated), f"{repeated / len(connections):.4f}"]
            for label, sent, repeated in summary.retransmissions(connections)
        ),
    )


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
    yield _table(
        ["quantile", "theory", "simulation"],
        (
            [name, duration(latency.quantile(share)), duration(float(value))]
            for (name, share), value in zip(summary.QUANTILES.items(), found, strict=True)
        ),
    )


def _pictures(loaded: Frames) -> Iterator[str]:
    for kind, draw in kinds(loaded).items():
        drawn = BytesIO()
        with style.context({"svg.fonttype": "path"}):
            draw(loaded).savefig(drawn, format="svg", metadata={"Date": None})
        data = b64encode(drawn.getvalue()).decode("ascii")
        alt = escape(_TITLES[kind])
        yield f'<figure><img alt="{alt}" src="data:image/svg+xml;base64,{data}"></figure>'


def _slowest(connections: pd.DataFrame) -> Iterator[str]:
    rows = connections[connections["outcome"] == "established"].nlargest(SLOWEST, "latency_s")
    if not rows.empty:
        yield _connections(rows)


def _failures(connections: pd.DataFrame) -> Iterator[str]:
    failed = connections[~connections["outcome"].isin(["established", "pending"])]
    if failed.empty:
        return
    if len(failed) > SLOWEST:
        yield f"<p>The first {SLOWEST} of {count(len(failed))}.</p>"
    yield _connections(failed.head(SLOWEST))


def _connections(rows: pd.DataFrame) -> str:
    return _table(
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
    yield f'<pre tabindex="0"><code>{escape(command(made))}</code></pre>'
    yield _table(
        ["parameter", "value"],
        ([name, value] for name, value in recipe.parameters(made).items()),
    )
    versions = ", ".join(f"{name} {version}" for name, version in made.get("versions", {}).items())
    yield f"<p>{escape(versions)}</p>"
    for note in made.get("notes", []):
        yield f"<p>{escape(str(note))}</p>"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    heading = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "\n".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="table" tabindex="0"><table><thead><tr>{heading}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


_PAGE: Final = Template("""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ink: #1a1a1a; --quiet: #555; --page: #fff; --line: #ddd; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --quiet: #aaa; --page: #191919; --line: #444; }
  img { filter: invert(0.9) hue-rotate(180deg); }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 56rem; font: 1rem/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--page); overflow-wrap: anywhere; }
h1 { margin: 0.5rem 0 0; font-size: 1.6rem; }
h2 { margin: 2rem 0 0.5rem; font-size: 1.2rem; }
.question { margin: 0; color: var(--quiet); font-size: 1.1rem; }
.table, pre { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: right;
  border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; }
thead th { color: var(--quiet); font-weight: 600; }
tbody th { font-weight: 400; }
figure { margin: 1rem 0; }
img { display: block; width: 100%; height: auto; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .table, pre { overflow: visible; }
  pre { white-space: pre-wrap; }
  table { font-size: 8pt; }
  figure, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
</style>
</head>
<body>
<main>
<h1>$title</h1>
<p class="question">$question</p>
$body
</main>
</body>
</html>
""")
