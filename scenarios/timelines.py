"""The timeline that a scenario takes as a file: what happens to its network while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from scenarios.errors import UserError
from scenarios.parameters import NONE, text
from sim import Simulation
from sim.timeline import Change, TimelineError, follow, read
from sim.units import format_duration

SHOWN: Final = 5
"""A note names this many events."""

ENDS: Final = {
    "link down": "link up",
    "partition": "heal",
    "crash": "reboot",
    "latency": "latency",
    "loss": "loss",
}
"""What ends an event at the same place."""


def timeline(meaning: str = "a CSV or JSON file of events to happen") -> Any:
    """Declare the parameter: the name of a file."""
    return text(NONE, meaning)


def follow_file(sim: Simulation, name: str) -> None:
    """Let the events of a file happen, unless it is "none"; note them and mark how long they last.

    Raises UserError, one line naming the file, the event and the word at fault.
    """
    if name == NONE:
        return
    try:
        changes = read(name)
        follow(sim, changes)
    except TimelineError as error:
        where = "" if str(error).startswith(name) else f"{name}: "
        raise UserError(f"parameter timeline: {where}{error}") from None
    said = [f"{_name(change)} at {format_duration(change.time)}" for change in changes[:SHOWN]]
    more = f" and {len(changes) - SHOWN:,} more" if len(changes) > SHOWN else ""
    sim.notes.append(f"timeline {name}: {', '.join(said) or 'no events'}{more}")
    sim.marks += spans(changes)


def spans(changes: Sequence[Change]) -> Iterator[tuple[str, int, int]]:
    """Yield name, begin and end (ns) of each event that another one ends."""
    for change in changes:
        ends = [
            other.time
            for other in changes
            if (other.event, other.where) == (ENDS.get(change.event), change.where)
            and other.time > change.time
        ]
        if ends:
            yield _name(change), change.time, min(ends)


def _name(change: Change) -> str:
    return f"{change.event} {change.where}".strip()
