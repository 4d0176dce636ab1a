"""What happens to a network while a simulation runs: a timeline of failures, repairs and changes.

Events are made in a scenario, or read from a CSV file (header `time,event,where,value,converge`) or
a JSON file (a list of objects with the same keys).  `where` names a link ("A - B"), a host, or a
set of nodes ("A, B"):

=============  ==============  ===================================================================
event          where           what
=============  ==============  ===================================================================
link down, up  link            both ends see it at once
latency, loss  link            `value` holds from then on, in both directions
partition      set of nodes    links between the set and all else lose everything, unseen by any;
                               hosts are on the side of the routers that they are linked to
heal           set of nodes    undoes that partition
crash          host            the host loses power: it forgets all, and neither takes nor sends
reboot         host            the host is up again, without a memory; no program runs on it
reroute                        every node works out its routes anew
=============  ==============  ===================================================================

Routes stay as they are until `converge` after an event; without a `converge` they stay.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim import units
from sim.net.link import FOREVER

if TYPE_CHECKING:
    from sim.simulation import Simulation

COLUMNS: Final = ("time", "event", "where", "value", "converge")


class TimelineError(ValueError):
    """A timeline that cannot be followed; the message is one line that names what and where."""


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a timeline."""

    time: int
    """When it happens, ns."""
    event: str
    where: str = ""
    value: float = 0
    """The new latency (ns) or loss (0..1)."""
    converge: int | None = None
    """How long (ns) after it every node has worked out its routes anew."""


def follow(sim: Simulation, changes: Iterable[Change]) -> None:
    """Let events happen while a simulation runs.

    Raises TimelineError if the simulation has no such event, link, host or node.
    """
    for number, change in enumerate(changes, 1):
        try:
            act = _action(sim, change)
        except TimelineError as error:
            raise TimelineError(f"event {number}: {error}") from None
        _at(sim, change.time, act)
        if change.converge is not None:
            _at(sim, change.time + change.converge, sim.network.converge)


def read(path: str | Path) -> list[Change]:
    """Return the events of a CSV file, or of one that ends in .json.

    Raises TimelineError, one line naming the file, the event and the word at fault.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
        rows = _json(text) if file.suffix.lower() == ".json" else _csv(text)
        return [_change(where, row) for where, row in rows]
    except OSError as error:
        raise TimelineError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise TimelineError(f"{path}: not text in UTF-8") from None
    except ValueError as error:
        raise TimelineError(f"{path}: {' '.join(str(error).split())}") from None


def _csv(text: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    lines = csv.reader(text.splitlines(), strict=True)
    try:
        rows = list(lines)
    except csv.Error as error:
        raise TimelineError(f"line {lines.line_num}: {error}") from None
    if not rows:
        raise TimelineError(f"line 1: expected the header {','.join(COLUMNS)}")
    names = [name.strip().lower() for name in rows[0]]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TimelineError(f"line 1: the name {twice!r} is there twice")
    for number, row in enumerate(rows[1:], 2):
        if len(row) > len(names):
            raise TimelineError(f"line {number}: {len(row)} values under {len(names)} names")
        if any(cell.strip() for cell in row):
            yield f"line {number}", dict(zip(names, row, strict=False))


def _json(text: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
    try:
        rows = json.loads(text)
    except RecursionError:
        raise TimelineError("nested too deeply") from None
    if not isinstance(rows, list):
        raise TimelineError("not a list of events")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise TimelineError(f"event {number}: not an object with time and event")
        yield f"event {number}", row


def _change(where: str, row: Mapping[str, Any]) -> Change:
    """Return the event that a row says; ValueError naming it by `where`."""
    values = {name: "" if value is None else str(value).strip() for name, value in row.items()}
    unknown = next((name for name in values if name not in COLUMNS), None)
    if unknown is not None:
        raise TimelineError(f"{where}: unknown name {unknown!r}; known: {', '.join(COLUMNS)}")
    event = " ".join(values.get("event", "").lower().split())
    if event not in EVENTS:
        raise TimelineError(f"{where}: event {event!r} is not one of {', '.join(EVENTS)}")
    if bool(values.get("value")) != (event in VALUES):
        takes = "a value" if event in VALUES else f"no value, such as {values['value']!r}"
        raise TimelineError(f"{where}: {event} takes {takes}")

    def quantity(name: str, parse: Callable[[str], float] = units.duration) -> Any:
        try:
            return parse(values.get(name, ""))
        except ValueError as error:
            raise TimelineError(f"{where}: {name} {error}") from None

    return Change(
        quantity("time"),
        event,
        values.get("where", ""),
        quantity("value", VALUES[event]) if event in VALUES else 0,
        quantity("converge") if values.get("converge") else None,
    )


VALUES: Final[dict[str, Callable[[str], float]]] = {
    "latency": units.duration,
    "loss": units.probability,
}
"""How the value of an event is read, of those that have one."""


def _action(sim: Simulation, change: Change) -> Callable[[], None]:
    """Return what an event does; raises TimelineError for what the simulation does not have."""
    if change.event not in EVENTS:
        raise TimelineError(f"{change.event!r} is not one of {', '.join(EVENTS)}")
    return EVENTS[change.event](sim, change)


def _link_state(sim: Simulation, change: Change) -> Callable[[], None]:
    a, b = _ends(sim, change.where)
    down = change.event == "link down"
    return lambda: sim.network.set_down(a, b, down=down)


def _latency(sim: Simulation, change: Change) -> Callable[[], None]:
    a, b = _ends(sim, change.where)

    def act() -> None:
        for ends in ((a, b), (b, a)):
            sim.network.link(*ends).delay = int(change.value)

    return act


def _loss(sim: Simulation, change: Change) -> Callable[[], None]:
    a, b = _ends(sim, change.where)

    def act() -> None:
        for ends in ((a, b), (b, a)):
            sim.network.link(*ends).change_loss(change.value)

    return act


def _partition(sim: Simulation, change: Change) -> Callable[[], None]:
    named = _nodes(sim, change)
    cut = change.event == "partition"

    def act() -> None:
        links = sim.network.links
        elsewhere = {a for a, b in links if a in sim.hosts and (b not in named or b in sim.hosts)}
        inside = named | (sim.hosts.keys() - elsewhere)
        for (a, b), link in links.items():
            if (a in inside) != (b in inside):
                link.cut = cut

    return act


def _host_state(sim: Simulation, change: Change) -> Callable[[], None]:
    host = sim.hosts.get(change.where)
    if host is None:
        raise TimelineError(f"{change.event}: no host {change.where!r}")
    downtime = FOREVER if change.event == "crash" else 0
    return lambda: host.reboot(downtime)


def _reroute(sim: Simulation, _: Change) -> Callable[[], None]:
    return sim.network.converge


EVENTS: Final[dict[str, Callable[[Any, Change], Callable[[], None]]]] = {
    "link down": _link_state,
    "link up": _link_state,
    "latency": _latency,
    "loss": _loss,
    "partition": _partition,
    "heal": _partition,
    "crash": _host_state,
    "reboot": _host_state,
    "reroute": _reroute,
}
"""What each event does."""


def _ends(sim: Simulation, where: str) -> tuple[str, str]:
    """Return the ends of the link called "A - B"; a name may have a hyphen of its own."""
    parts = where.split(" - ")
    for cut in range(1, len(parts)):
        a, b = (" - ".join(part).strip() for part in (parts[:cut], parts[cut:]))
        if (a, b) in sim.network.links and (b, a) in sim.network.links:
            return a, b
    raise TimelineError(f"no link {where!r}; a link is called by its ends: 'A - B'")


def _nodes(sim: Simulation, change: Change) -> set[str]:
    """Return the nodes that an event names; a name may have a comma of its own."""
    parts, found = change.where.split(","), set[str]()
    while parts:
        names = (",".join(parts[:end]).strip() for end in range(1, len(parts) + 1))
        name = next((name for name in names if name in sim.network), None)
        if name is None:
            raise TimelineError(f"{change.event}: no node {parts[0].strip()!r}")
        found.add(name)
        del parts[: name.count(",") + 1]
    return found


def _at(sim: Simulation, time: int, act: Callable[[], None]) -> None:
    """Let something be done at a time (ns)."""
    sim.env.timeout(time - sim.env.now).callbacks.append(lambda _: act())
