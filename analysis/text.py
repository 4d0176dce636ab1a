"""Tables of text for a terminal."""

from __future__ import annotations


def align(rows: list[list[str]]) -> list[str]:
    """Return rows of text as aligned lines: the first column to the left, the others to the right.

    >>> align([["a", "count"], ["total", "7"]])
    ['a      count', 'total      7']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            [cells[0].ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        ).rstrip()
        for cells in rows
    ]
