"""A ladder as text, for a terminal: time runs down, a line for each thing that happened."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from analysis.ladder import Arrow, Ladder, Moment
from analysis.quantities import duration

LEFT = 24
"""Columns of what happened at the client."""

MIDDLE = 40
"""Columns between the two sides."""

PAUSE = 3
"""A pause of more flights than this is written out."""


def lines(ladder: Ladder) -> Iterator[str]:
    """Yield the ladder line by line."""
    yield f"connection {ladder.connection}: {ladder.outcome}"
    client, server = (
        f"{host} {address}".rstrip()
        for host, address in zip(ladder.hosts, ladder.addresses, strict=True)
    )
    yield _line("seconds", client, "", server, " ")
    yield _line("", ladder.states[0], "", ladder.states[1])
    before: float | None = None
    for moment in ladder.moments():
        pause = 0.0 if before is None else moment.time_s - before
        if moment.lines and pause > PAUSE * ladder.flight_s:
            yield _line("", "", duration(pause), "", ":")
        before = moment.time_s
        yield from _moment(moment)


def _moment(moment: Moment) -> Iterator[str]:
    left, right = ([note.text for note in notes] for notes in moment.notes)
    arrows = [_arrow(arrow) for arrow in moment.arrows]
    time = f"{moment.time_s:.6f}"
    for at_client, between, at_server in zip_longest(left, arrows, right, fillvalue=""):
        yield _line(time, at_client, between, at_server)
        time = ""


def _line(time: str, left: str, middle: str, right: str, line: str = "|") -> str:
    return f"{time:>11} {left:<{LEFT}}{line}{middle:^{MIDDLE}}{line} {right}".rstrip()


def _arrow(arrow: Arrow) -> str:
    """Draw a packet from one side to the other; a lost one ends in an X, with the reason."""
    label = f"-- {arrow.label} "
    if arrow.lost:
        shaft = f"{label}-X {arrow.lost}"
    elif arrow.arrived_s is None:
        shaft = f"{label}- (under way)"
    else:
        shaft = label.ljust(MIDDLE - 1, "-") + ">"
    if arrow.sender == 0:
        return shaft.ljust(MIDDLE)
    if arrow.lost:
        return f"{arrow.lost} X- {arrow.label} --".rjust(MIDDLE)
    if arrow.arrived_s is None:
        return f"(under way) - {arrow.label} --".rjust(MIDDLE)
    return "<" + f" {arrow.label} --".rjust(MIDDLE - 1, "-")
