"""A ladder as text, for a terminal: time runs down, a line for each thing that happened.

A packet takes two lines, one where it leaves and one where it arrives; what happens while it is
under way stands between them.  The timers run beside the time lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from analysis.ladder import Arrow, Ladder, Moment, Side
from analysis.quantities import duration

LEFT = 24
"""Columns of what happened at the client, at least."""

MIDDLE = 40
"""Columns between the two sides, at least."""

SHAFT = "------"
"""What follows a packet's label."""

PAUSE = 3
"""A pause of more flights than this is written out."""

SET, RUNNING, STOPPED, EXPIRED, NONE = "+:-* "
"""The signs of a timer beside a time line."""


def lines(ladder: Ladder) -> Iterator[str]:
    """Yield the ladder line by line."""
    page = _Page(ladder)
    yield f"connection {ladder.connection}: {ladder.outcome}"
    client, server = (
        f"{host} {address}".rstrip()
        for host, address in zip(ladder.hosts, ladder.addresses, strict=True)
    )
    yield page.line("seconds", client, "", server, line=" ")
    yield page.line("", ladder.states[0], "", ladder.states[1])
    before: float | None = None
    for moment in ladder.moments():
        pause = 0.0 if before is None else moment.time_s - before
        if before is not None and pause > PAUSE * ladder.flight_s:
            text = duration(pause).center(page.middle)
            yield page.line("", "", text, "", page.bars(before, after=True), line="~")
        before = moment.time_s
        yield from page.moment(moment)
    if ladder.timers:
        yield f"timers beside the lines: {SET} set, {STOPPED} stopped, {EXPIRED} expired"


class _Page:
    """The columns of a ladder and what stands in them."""

    def __init__(self, ladder: Ladder) -> None:
        self._timers = ladder.timers
        left = (len(note.text) for note in ladder.notes if note.side == 0)
        self.left = max(LEFT, *left, len(f"{ladder.hosts[0]} {ladder.addresses[0]}"))
        self.middle = max(MIDDLE, *(len(_departure(arrow)) + 4 for arrow in ladder.arrows), 0)

    def line(
        self, time: str, left: str, middle: str, right: str, bars: str = "  ", line: str = "|"
    ) -> str:
        """Return a line of the page; `bars` are the signs of both sides' timers."""
        between = f"{bars[0]}{line}{middle:<{self.middle}}{line}{bars[1]}"
        return f"{time:>11} {left:<{self.left}} {between} {right}".rstrip()

    def moment(self, moment: Moment) -> Iterator[str]:
        """Yield the lines of one moment: what arrives, then what leaves, with the notes beside."""
        left, right = ([note.text for note in notes] for notes in moment.notes)
        between = [self._arrival(arrow) for arrow in moment.arrived]
        between += [
            _departure(arrow).rjust(self.middle if arrow.sender else 0) for arrow in moment.arrows
        ]
        time, bars = f"{moment.time_s:.6f}", self.bars(moment.time_s)
        for at_client, arrow, at_server in zip_longest(left, between, right, fillvalue=""):
            yield self.line(time, at_client, arrow, at_server, bars)
            time, bars = "", self.bars(moment.time_s, after=True)

    def bars(self, time: float, *, after: bool = False) -> str:
        """Return the signs of both sides' timers at a time, or just after it."""
        sides: tuple[Side, Side] = (0, 1)
        return "".join(self._bar(side, time, after) for side in sides)

    def _bar(self, side: Side, time: float, after: bool) -> str:
        own = [timer for timer in self._timers if timer.side == side]
        if not after:
            if any(timer.expired and timer.ended_s == time for timer in own):
                return EXPIRED
            if any(timer.started_s == time for timer in own):
                return SET
            if any(timer.ended_s == time for timer in own):
                return STOPPED
        return RUNNING if any(timer.started_s <= time < timer.ended_s for timer in own) else NONE

    def _arrival(self, arrow: Arrow) -> str:
        """Return the line on which a packet arrives; it begins beside where the other ended."""
        shaft = "-" * (self.middle - len(_departure(arrow)) - 2)
        if arrow.sender == 0:
            return f"`{shaft}>".rjust(self.middle)
        return f"<{shaft}'"


def _departure(arrow: Arrow) -> str:
    """Return the line on which a packet leaves; a lost one ends in an X, with the reason."""
    origin = f"({arrow.router})" if arrow.router else "--"
    if arrow.sender == 0:
        end = f"X {arrow.lost}" if arrow.lost else "."
        return f"{origin} {arrow.label} {SHAFT}{end}"
    end = f"{arrow.lost} X" if arrow.lost else "."
    return f"{end}{SHAFT} {arrow.label} {origin}"
