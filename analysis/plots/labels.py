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

HEIGHT = 0.14
"""Height of a line of text, inches."""

GAPS = (0.085, -0.085, 0.225, -0.225)
"""From a line up to the middle of its label, inches, the best first."""

ALONG = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82)
"""Where along its line a label may stand, the best first."""

COVERED = 100
"""How many lines below a label are as bad as another label."""

ROUNDS = 3
"""How often each label gives way to the others."""


class Place(NamedTuple):
    """Where a label stands."""

    x: float
    y: float
    angle: float
    """Degrees, as matplotlib counts them."""


class Label(NamedTuple):
    """A text that is to stand at a line, from x 0 or 1 towards the other."""

    start: Point
    end: Point
    text: str


def place(
    labels: Sequence[Label], texts: Iterable[tuple[float, float, str]], scale: Point, size: float
) -> list[Place]:
    """Return a place for each label, between x 0 and 1.

    `texts` stand around their points already.  A unit of the drawing is `scale` inches wide and
    high; all text has `size` points.
    """
    unit = np.array(scale)
    taken = [_box(unit * (x, y), _width(text, size), 0.0) for x, y, text in texts]
    lines = [unit * np.array((label.start, label.end)) for label in labels]
    choices = [_choices(label, unit, size) for label in labels]
    chosen = [boxes[0] for boxes in choices]
    for _ in range(ROUNDS):
        for number, boxes in enumerate(choices):
            own = boxes[0][:, 1].min() - 1, boxes[0][:, 1].max() + 1
            others = _near(taken + chosen[:number] + chosen[number + 1 :], *own)
            crossed = _near(lines[:number] + lines[number + 1 :], *own)
            chosen[number] = min(
                boxes, key=lambda box: COVERED * _met(box, others) + _met(box, crossed)
            )
    return [_placed(box, unit) for box in chosen]


def _choices(label: Label, unit: Shape, size: float) -> list[Shape]:
    """Return the boxes that a label may take, the best first."""
    start, end = unit * np.array((label.start, label.end))
    run = end - start
    slope = math.atan(run[1] / run[0])
    above = np.array([math.sin(slope), -math.cos(slope)])
    width = _width(label.text, size)
    least = 0.5 * width / math.hypot(*run)
    most = max(least, unit[0] / abs(run[0]) - least)
    return [
        _box(start + min(max(along, least), most) * run + gap * above, width, slope)
        for gap, along in product(GAPS, ALONG)
    ]


def _placed(box: Shape, unit: Shape) -> Place:
    x, y = box.mean(axis=0) / unit
    across, down = box[1] - box[0]
    return Place(float(x), float(y), -math.degrees(math.atan2(down, across)))


def _width(text: str, size: float) -> float:
    """Return the width of a text, inches."""
    return float(TextPath((0, 0), text, size=size).get_extents().width) / 72 + 0.03


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
