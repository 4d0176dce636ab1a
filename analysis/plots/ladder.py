"""A ladder as a picture: two time lines, and the packets sloped between them.

Time runs down.  A packet's slope is its flight; a pause of many flights is cut short and marked
with its length.  Text never overlaps: a moment takes as much room at each side as its lines need
there, and the next one at that side stands below.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from analysis import recipe
from analysis.ladder import Arrow, Ladder, Moment, Side
from analysis.plots.labels import Label, Place, Point, place
from analysis.plots.style import BLUE, GREEN, ORANGE, PURPLE, VERMILLION, styled
from analysis.quantities import duration

LINE = 1.0
"""Height of a line of text: the unit of the drawing."""

FLIGHT = 1.9
"""Height of a packet's flight."""

PAUSE = 3.0
"""A pause of more flights than this is cut short."""

LOST = 0.62
"""How much of its way a lost packet is drawn."""

CUT = 2.2
"""Height of a pause that was cut short."""

INCHES = 0.235
"""Height of a line of text, inches."""

WIDTH = 8.0
"""Of the picture, inches."""

SMALL = 8.5
"""Size of the packets' labels, points."""

BEYOND = (0.2, 0.35, 0.5, 0.65, 0.8)
"""Where between its cross and the other side the reason of a loss may stand, the best first."""

BESIDE = (0.0, -0.085, 0.085, -0.225, 0.225, -0.31, 0.31)
"""How far beside the line of its packet it may stand, inches, the best first."""

EDGE = 0.76
"""How far the notes reach beyond the time lines; these are 1 apart."""

MARGIN = 0.03
"""Beyond the notes."""

MOST = 200
"""Moments that are drawn at most."""

SIDES: tuple[Side, Side] = (0, 1)
GREY = "#666666"
STATE_COLOURS = {
    "SYN-SENT": VERMILLION,
    "SYN-RECEIVED": VERMILLION,
    "ESTABLISHED": GREEN,
    "TIME-WAIT": PURPLE,
    "LISTEN": GREY,
    "CLOSED": GREY,
}
"""Colours of the states; those of closing are blue."""

COLOURS = {"call": "black", "timer": "#8a5f00"}
"""Colours of the notes that are no states."""


@styled
def ladder(ladder: Ladder) -> Figure:
    """Draw a connection's message sequence, of a long one its beginning."""
    ladder, left_out = _beginning(ladder)
    moments = ladder.moments()
    slots = _slots(moments)
    places = _places(moments, slots, ladder)
    bottom = max(places.values(), default=0.0) + 2 * LINE
    height = (bottom + 5.2 * LINE) * INCHES + 0.85
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0.0, 0.65 / height, 1.0, 1 - 0.7 / height))
    axes.set(xlim=(-EDGE - MARGIN, 1 + EDGE + MARGIN), ylim=(bottom, -5.2 * LINE))
    axes.axis("off")
    _heads(axes, ladder)
    _lifelines(axes, ladder, places, bottom)
    _timers(axes, ladder, places)
    cuts = _cuts(moments, places, ladder)
    for y, pause in cuts.items():
        _cut(axes, y, pause)
    for moment in moments:
        _notes(axes, ladder, moment, places)
    _arrows(axes, ladder, places, slots, cuts)
    _legend(figure, ladder)
    if left_out:
        end: dict[str, Any] = {"ha": "center", "va": "center", "color": GREY, "style": "italic"}
        axes.text(0.5, bottom - LINE, f"and {left_out} packets more", fontsize=8.5, **end)
    return figure


def _beginning(ladder: Ladder) -> tuple[Ladder, int]:
    """Return as much of a ladder as can be drawn, and how many packets are left out."""
    moments = ladder.moments()
    if len(moments) <= MOST:
        return ladder, 0
    end = moments[MOST].time_s
    arrows = [arrow for arrow in ladder.arrows if max(arrow.sent_s, arrow.arrived_s or 0.0) < end]
    notes = [note for note in ladder.notes if note.time_s < end]
    timers = [timer for timer in ladder.timers if timer.ended_s < end]
    beginning = replace(ladder, arrows=arrows, notes=notes, timers=timers)
    return beginning, len(ladder.arrows) - len(arrows)


def _flight(ladder: Ladder) -> float:
    """Return the time that is drawn `FLIGHT` high, s."""
    arrived = (arrow for arrow in ladder.arrows if arrow.arrived_s is not None)
    flights = [(arrow.arrived_s or 0.0) - arrow.sent_s for arrow in arrived]
    return max([*flights, ladder.flight_s]) or 1e-3


def _is_cut(pause: float, ladder: Ladder) -> bool:
    return pause > PAUSE * _flight(ladder)


def _slots(moments: list[Moment]) -> dict[tuple[int, bool], int]:
    """Return the line of its moment on which each packet, by id(), leaves and (True) arrives.

    Packets that leave or arrive together stand one below the other; an answer leaves below what
    it answers.  Of packets that left together some may be lost: the others stay parallel.
    """
    slots: dict[tuple[int, bool], int] = {}
    for moment in moments:
        slots |= {(id(arrow), False): 0 for arrow in moment.arrows}
        for side in SIDES:
            line = -1
            above: dict[float, int] = {}
            for arrow in moment.received(side):
                left = slots[id(arrow), False]
                gap = left - above.setdefault(arrow.sent_s, left)
                line = slots[id(arrow), True] = max(line + 1, gap)
            sent = moment.sent(side)
            slots |= {(id(arrow), False): line for line, arrow in enumerate(sent, max(0, line))}
    return slots


def _places(
    moments: list[Moment], slots: dict[tuple[int, bool], int], ladder: Ladder
) -> dict[float, float]:
    """Return how far down each moment stands.

    Below the lines that the moments before it take at its sides, and so that no packet arrives
    sooner than its flight takes.
    """
    places: dict[float, float] = {}
    unit = FLIGHT / _flight(ladder)
    place, free, crosses, before = 0.0, [0.0, 0.0], 0.0, 0.0
    for moment in moments:
        pause = moment.time_s - before
        lines = [_lines(moment, slots, side) for side in SIDES]
        if places and _is_cut(pause, ladder):
            place = max(*free, crosses) + CUT
        elif places:
            taken = [bottom for bottom, number in zip(free, lines, strict=True) if number]
            for arrow in moment.arrived:
                start = places[arrow.sent_s] + slots[id(arrow), False] * LINE
                flight = (moment.time_s - arrow.sent_s) * unit
                taken.append(start + flight - slots[id(arrow), True] * LINE)
            place = max([place + pause * unit, *taken])
        places[moment.time_s], before = place, moment.time_s
        free = [
            max(bottom, place + number * LINE) for bottom, number in zip(free, lines, strict=True)
        ]
        lost = [slots[id(arrow), False] for arrow in moment.arrows if arrow.arrived_s is None]
        crosses = max([crosses, *(place + (line + 1) * LINE + FLIGHT * LOST for line in lost)])
    return places


def _lines(moment: Moment, slots: dict[tuple[int, bool], int], side: Side) -> int:
    """Return how many lines a moment takes at a side."""
    lines = [slots[id(arrow), False] for arrow in moment.sent(side)]
    lines += [slots[id(arrow), True] for arrow in moment.received(side)]
    return max(len(moment.notes[side]), *(line + 1 for line in lines), 0)


def _heads(axes: Axes, ladder: Ladder) -> None:
    """Name both sides."""
    axes.text(
        *(-EDGE, -4.6 * LINE, f"Connection {ladder.connection}: {ladder.outcome}"),
        fontsize=13,
        fontweight="bold",
        va="center",
    )
    for x, host, address in zip((0, 1), ladder.hosts, ladder.addresses, strict=True):
        axes.text(x, -3.0 * LINE, host, ha="center", va="center", fontweight="bold")
        axes.text(x, -2.0 * LINE, address, ha="center", va="center", fontsize=8.5, color=GREY)


def _state_colour(state: str) -> str:
    return STATE_COLOURS.get(state, BLUE)


def _lifelines(axes: Axes, ladder: Ladder, places: dict[float, float], bottom: float) -> None:
    """Draw both time lines, coloured by state."""
    for side in SIDES:
        state, start = ladder.states[side], -LINE
        _text(axes, side, start, state, _state_colour(state), bold=True)
        changes = [note for note in ladder.notes if note.side == side and note.kind == "state"]
        for note in changes:
            axes.plot([side, side], [start, places[note.time_s]], color=_state_colour(state), lw=3)
            state, start = note.text, places[note.time_s]
        axes.plot([side, side], [start, bottom], color=_state_colour(state), lw=3)


def _timers(axes: Axes, ladder: Ladder, places: dict[float, float]) -> None:
    """Draw each timer outside its side's time line, with a dot where it expires."""
    for timer in ladder.timers:
        x = _outside(timer.side, 0.035)
        start, end = places[timer.started_s], places[timer.ended_s]
        axes.plot([x, x], [start, end], color=ORANGE, lw=1.6, solid_capstyle="butt")
        marker = "o" if timer.expired else "_"
        axes.plot([x], [end], marker=marker, color=ORANGE, ms=5, mew=1.6, zorder=4)


def _outside(side: Side, distance: float) -> float:
    return 1 + distance if side else -distance


def _text(axes: Axes, side: Side, y: float, text: str, colour: str, *, bold: bool = False) -> Text:
    return axes.text(
        *(_outside(side, 0.065), y, text),
        ha="left" if side else "right",
        va="center",
        fontsize=9,
        color=colour,
        fontweight="bold" if bold else "normal",
    )


def _notes(axes: Axes, ladder: Ladder, moment: Moment, places: dict[float, float]) -> None:
    """Write what happened at both sides, and when."""
    y = places[moment.time_s]
    for side in SIDES:
        for line, note in enumerate(moment.notes[side]):
            state = note.kind == "state"
            colour = _state_colour(note.text) if state else COLOURS[note.kind]
            _text(axes, side, y + line * LINE, note.text, colour, bold=state)
        if moment.notes[side] or moment.sent(side) or moment.received(side):
            axes.text(
                *(_outside(side, EDGE), y, _time(moment.time_s, _flight(ladder))),
                ha="right" if side else "left",
                va="center",
                fontsize=8,
                color=GREY,
            )


def _time(seconds: float, flight: float) -> str:
    """Write a time so exactly that a flight counts."""
    whole = len(str(int(seconds))) if seconds >= 1 else 0
    decimals = 3 if flight >= 1e-3 else 6 - whole
    return f"{seconds:.{decimals}f} s"


def _arrows(
    axes: Axes,
    ladder: Ladder,
    places: dict[float, float],
    slots: dict[tuple[int, bool], int],
    cuts: dict[float, str],
) -> None:
    """Draw the packets, each with its label, and why it was lost, where there is room for it."""
    shafts = [(arrow, *_shaft(arrow, places, slots)) for arrow in ladder.arrows]
    lost = [shaft for shaft in shafts if shaft[0].lost]
    scale = (WIDTH / (1 + 2 * EDGE + 2 * MARGIN), INCHES)
    texts = [(0.5, y, pause) for y, pause in cuts.items()]
    crosses = [stroke for _, _, tip in lost for stroke in _cross(tip)]
    labels = [Label(start, tip, arrow.label) for arrow, start, tip in shafts]
    for arrow, start, tip in lost:
        labels.append(Label(tip, _beyond(start, tip), arrow.lost, BEYOND, BESIDE, drawn=False))
    placed = place(labels, texts, crosses, scale, SMALL)
    for arrow, start, tip in shafts:
        _arrow(axes, arrow, start, tip)
    for (arrow, *_), at in zip(shafts, placed, strict=False):
        _label(axes, at, arrow.label, _colour(arrow))
    for (arrow, *_), at in zip(lost, placed[len(shafts) :], strict=True):
        _label(axes, at, arrow.lost, _colour(arrow))


def _shaft(
    arrow: Arrow, places: dict[float, float], slots: dict[tuple[int, bool], int]
) -> tuple[Point, Point]:
    """Return both ends of a packet's arrow; a lost one ends on its way, a router's begins there."""
    start = places[arrow.sent_s] + slots[id(arrow), False] * LINE
    x = float(arrow.sender)
    rightwards = 1.0 if arrow.sender == 0 else -1.0
    if arrow.arrived_s is None:
        return (x, start), (x + rightwards * LOST, start + FLIGHT * LOST)
    end = places[arrow.arrived_s] + slots[id(arrow), True] * LINE
    return (x + rightwards * (1 - LOST) * bool(arrow.router), start), (x + rightwards, end)


def _beyond(start: Point, tip: Point) -> Point:
    """Return where a lost packet would have arrived."""
    return start[0] + (tip[0] - start[0]) / LOST, start[1] + (tip[1] - start[1]) / LOST


def _cross(at: Point) -> Iterator[tuple[Point, Point]]:
    """Yield the strokes of the cross that ends a lost packet."""
    x, y = at
    for up in (0.24 * LINE, -0.24 * LINE):
        yield (x - 0.018, y - up), (x + 0.018, y + up)


def _colour(arrow: Arrow) -> str:
    return VERMILLION if arrow.lost else "black"


def _arrow(axes: Axes, arrow: Arrow, start: Point, tip: Point) -> None:
    """Draw a packet from side to side; a lost one as far as the cross that ends it."""
    colour = _colour(arrow)
    style = "-" if arrow.lost else "-|>"
    axes.annotate(
        "",
        tip,
        start,
        arrowprops={"arrowstyle": style, "color": colour, "lw": 1.3, "shrinkA": 2, "shrinkB": 2},
    )
    if arrow.lost:
        axes.plot(*([value] for value in tip), marker="x", color=colour, ms=8, mew=2.2, zorder=4)


def _label(axes: Axes, at: Place | None, text: str, colour: str) -> None:
    if at is None:  # among many packets that cross; the text has them all
        return
    axes.text(
        *(at.x, at.y, text),
        fontsize=SMALL,
        color=colour,
        ha="center",
        va="center",
        rotation=at.angle,
        rotation_mode="anchor",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85},
    )


def _cuts(moments: list[Moment], places: dict[float, float], ladder: Ladder) -> dict[float, str]:
    """Return where time is cut short, and how long the pause is."""
    pauses = ((after, after.time_s - before.time_s) for before, after in pairwise(moments))
    return {
        places[after.time_s] - CUT / 2: duration(pause)
        for after, pause in pauses
        if _is_cut(pause, ladder)
    }


def _cut(axes: Axes, y: float, text: str) -> None:
    """Mark where time was cut short."""
    for x in (0.0, 1.0):
        axes.plot([x, x], [y - 0.2, y + 0.2], color="white", lw=6, zorder=5)
        for edge in (y - 0.2, y + 0.2):
            slash = ([x - 0.02, x + 0.02], [edge + 0.12, edge - 0.12])
            axes.plot(*slash, color=GREY, lw=1.2, zorder=6)
    axes.text(0.5, y, text, ha="center", va="center", fontsize=8.5, color=GREY, style="italic")


def _legend(figure: Figure, ladder: Ladder) -> None:
    """Say what the signs mean, and how to make the picture again."""
    made = recipe.one_line(ladder.recipe)
    handles = [
        Line2D([], [], color=ORANGE, lw=1.6, marker="|", mew=1.6, label="timer, stopped"),
        Line2D([], [], color=ORANGE, lw=1.6, marker="o", ms=5, label="timer, expired"),
        Line2D([], [], color=VERMILLION, lw=0, marker="x", mew=2.2, label="packet lost"),
    ]
    height = figure.get_figheight()
    figure.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.0, 0.22 / height),
        ncols=3,
        fontsize=8,
        borderaxespad=0.3,
    )
    small: dict[str, Any] = {"fontsize": 7, "color": GREY, "va": "bottom"}
    figure.text(0.01, 0.06 / height, "\n".join(textwrap.wrap(made, 132)), **small)
