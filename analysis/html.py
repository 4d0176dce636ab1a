"""Pieces of an HTML page that needs nothing else: no script, no font, no picture from outside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from html import escape
from io import BytesIO
from string import Template
from typing import Final

from matplotlib.figure import Figure

from analysis.plots import style


def page(title: str, question: str, sections: Iterable[str]) -> str:
    """Return a page of these sections."""
    return _PAGE.substitute(
        title=escape(title), question=escape(question), body="\n".join(sections)
    )


def section(title: str, content: Iterable[str]) -> Iterator[str]:
    """Yield a section, or nothing if there is nothing to say."""
    parts = list(content)
    if parts:
        yield f"<section><h2>{escape(title)}</h2>"
        yield from parts
        yield "</section>"


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def code(text: str) -> str:
    """Return what is to be typed, on several lines if it is long."""
    return f'<pre class="command"><code>{escape(text)}</code></pre>'


def preformatted(text: str) -> str:
    """Return text whose columns are aligned by spaces, which scrolls if it is wide."""
    return f'<pre tabindex="0">{escape(text)}</pre>'


def picture(figure: Figure, alternative: str) -> str:
    """Return a figure as SVG inside the page; `alternative` says what it shows."""
    drawn = BytesIO()
    with style.context({"svg.fonttype": "path"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    data = b64encode(drawn.getvalue()).decode("ascii")
    return (
        f'<figure><img alt="{escape(alternative)}" src="data:image/svg+xml;base64,{data}"></figure>'
    )


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """Return a table whose rows are headed by their first cells; it scrolls if it is wide."""
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
pre { font-size: 0.85rem; }
.command, .command code { white-space: pre-wrap; }
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
  pre { font-size: 6.5pt; }
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
