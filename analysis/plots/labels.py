"""Places labels along lines so that none covers another, and few lie on a line.

Coordinates are a drawing's, y growing downwards; they are measured on paper, in inches.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from matplotlib.textpath import TextPath

Point = tuple[float, float]
Shape = np.ndarray[Any, np.dtype[np.float64]]
"""Corners of a convex shape in their order, n x 2, inches."""

MARGIN = 0.08
"""Between a label and x 0 or 1, inches."""

HEIGHT = 0.14
"""Height of a line of text, inches."""

GAPS = (0.085, -0.085, 0.225, -0.225, 0.31, -0.31)
"""From a line up to the middle of its label, inches, the best first."""

ALONG = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82, 0.1, 0.9)
"""Where along its line a label may stand, the best first."""

COVERED = 100
"""How many lines below a label are as bad as another label."""

ROUNDS = 6
"""How often each label gives way to the others."""


class Place(NamedTuple):
    """Where a label stands."""

    x: float
    y: float
    angle: float
    """Degrees, as matplotlib counts them."""


class Label(NamedTuple):
    """A text that is to stand at a line between x 0 and 1."""

    start: Point
    end: Point
    text: str
    along: Sequence[float] = ALONG
    gaps: Sequence[float] = GAPS
    drawn: bool = True
    """Whether the line is drawn, so that other labels keep off it."""


def place(
    labels: Sequence[Label],
    texts: Iterable[tuple[float, float, str]],
    strokes: Iterable[tuple[Point, Point]],
    scale: Point,
    size: float,
) -> list[Place | None]:
    """Return a place for each label, between x 0 and 1; None if there is no room for it.

    `texts` stand around their points already, `strokes` are lines without a label.  A unit of the
    drawing is `scale` inches wide and high; all text has `size` points.
    """
    unit = np.array(scale)
    taken = [_box(unit * (x, y), _width(text, size), 0.0) for x, y, text in texts]
    lines = [unit * np.array((label.start, label.end)) for label in labels]
    signs = [unit * np.array(stroke) for stroke in strokes]
    choices = [_choices(label, unit, size) for label in labels]
    chosen: list[Shape] = [boxes[0] for boxes in choices]
    for _ in range(ROUNDS):
        for number, boxes in enumerate(choices):
            own = boxes[0][:, 1].min() - 1, boxes[0][:, 1].max() + 1
            others = _near(taken + chosen[:number] + chosen[number + 1 :], *own)
            drawn = (line for line, label in zip(lines, labels, strict=True) if label.drawn)
            crossed = _near((line for line in (*drawn, *signs) if line is not lines[number]), *own)
            chosen[number] = min(
                boxes, key=lambda box: COVERED * _met(box, others) + _met(box, crossed)
            )
    kept = list(taken)
    places: list[Place | None] = []
    for box in chosen:
        free = not _met(box, kept)
        places.append(_placed(box, unit) if free else None)
        if free:
            kept.append(box)
    return places


def _choices(label: Label, unit: Shape, size: float) -> list[Shape]:
    """Return the boxes that a label may take, the best first."""
    start, end = unit * np.array((label.start, label.end))
    run = end - start
    slope = math.atan(run[1] / run[0])
    above = np.array([math.sin(slope), -math.cos(slope)])
    width = _width(label.text, size)
    half = 0.5 * width * math.cos(slope) + MARGIN
    left, right = half, max(half, unit[0] - half)
    return [
        _box(start + _within(along, start, run, left, right) * run + gap * above, width, slope)
        for gap, along in product(label.gaps, label.along)
    ]


def _within(along: float, start: Shape, run: Shape, left: float, right: float) -> float:
    """Return how far along its line a label stands, moved so that it is between two x."""
    x = min(max(start[0] + along * run[0], left), right)
    return float((x - start[0]) / run[0])


def _placed(box: Shape, unit: Shape) -> Place:
    x, y = box.mean(axis=0) / unit
    across, down = box[1] - box[0]
    return Place(float(x), float(y), -math.degrees(math.atan2(down, across)))


def _width(text: str, size: float) -> float:
    """Return the width of a text, inches."""
    return float(TextPath((0, 0), text, size=size).get_extents().width) / 72 + 0.07


def _box(centre: Any, width: float, slope: float) -> Shape:
    along = 0.5 * width * np.array([math.cos(slope), math.sin(slope)])
    across = 0.5 * HEIGHT * np.array([-math.sin(slope), math.cos(slope)])
    corners = (-along - across, along - across, along + across, across - along)
    return np.array([centre + corner for corner in corners])


def _near(shapes: Iterable[Shape], top: float, bottom: float) -> list[Shape]:
    """Return the shapes that reach into a strip of the drawing."""
    return [one for one in shapes if one[:, 1].min() < bottom and one[:, 1].max() > top]


def _met(shape: Shape, others: Iterable[Shape]) -> int:
    """Return how many of the others a shape meets."""
    return sum(_meet(shape, other) for other in others)


def _meet(one: Shape, other: Shape) -> bool:
    """Whether two convex shapes meet: no side of either has them apart."""
    for shape in (one, other):
        for side in np.diff(shape, axis=0):
            normal = np.array([-side[1], side[0]])
            ours, theirs = one @ normal, other @ normal
            if ours.max() <= theirs.min() or theirs.max() <= ours.min():
                return False
    return True
