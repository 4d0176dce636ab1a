"""The message sequence of one connection, made from the tables of a traced run.

A ladder has two sides, client and server.  Between them go the packets; beside each stands what
happened there: calls and their returns, changes of state, timers and their expiry.  It is drawn
by `analysis.plots.ladder` and written as text by `analysis.ladder_text`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from analysis import frames
from analysis.errors import ResultsError
from analysis.quantities import duration

Side = Literal[0, 1]
"""0: the client, 1: the server."""

FLAG_NAMES = {"S": "SYN", "F": "FIN", "R": "RST", "P": "PSH", ".": "ACK", "U": "URG"}
FLAG_NAMES |= {"E": "ECE", "W": "CWR"}
CONTROL = {"SYN", "FIN", "RST"}
OTHER: dict[Side, Side] = {0: 1, 1: 0}
MASK = 0xFFFF_FFFF

CLOSED = "CLOSED"

Kind = Literal["call", "state", "timer"]

Row = dict[Any, Any]


@dataclass(frozen=True, slots=True)
class Arrow:
    """A packet on its way; times in s since the run began."""

    sender: Side
    sent_s: float
    arrived_s: float | None
    """None: lost, or still on its way when the run ended."""
    label: str
    lost: str = ""
    """Why and where it was lost."""
    router: str = ""
    """The router between the two that sent it, in the direction of a packet of `sender`."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that happened at one side."""

    side: Side
    time_s: float
    text: str
    kind: Kind = "call"
    """A call, its return or an error; a new state; the start of a timer or its expiry."""


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer from its start to its expiry, or until it was stopped."""

    side: Side
    started_s: float
    due_s: float
    ended_s: float
    name: str
    expired: bool

    @property
    def duration_s(self) -> float:
        """How long it was to run."""
        return self.due_s - self.started_s


@dataclass(slots=True)
class Moment:
    """What happened at one time: packets sent and arrived, and the notes of both sides."""

    time_s: float
    arrows: list[Arrow] = field(default_factory=list)
    """Those sent."""
    arrived: list[Arrow] = field(default_factory=list)
    notes: tuple[list[Note], list[Note]] = field(default_factory=lambda: ([], []))

    def sent(self, side: Side) -> list[Arrow]:
        """Return the packets that left a side."""
        return [arrow for arrow in self.arrows if arrow.sender == side and not arrow.router]

    def received(self, side: Side) -> list[Arrow]:
        """Return the packets that arrived at a side."""
        return [arrow for arrow in self.arrived if arrow.sender != side]


@dataclass(slots=True)
class Ladder:
    """All that is known of one connection's exchange."""

    connection: int
    hosts: tuple[str, str]
    addresses: tuple[str, str]
    outcome: str
    flight_s: float
    """One-way delay of the path."""
    states: tuple[str, str]
    """State of each side before the first event."""
    arrows: list[Arrow] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    timers: list[Timer] = field(default_factory=list)
    recipe: dict[str, Any] = field(default_factory=dict)

    def moments(self) -> list[Moment]:
        """Return what happened, gathered by time and in its order."""
        found: dict[float, Moment] = {}

        def at(time: float) -> Moment:
            return found.setdefault(time, Moment(time))

        for arrow in self.arrows:
            at(arrow.sent_s).arrows.append(arrow)
            if arrow.arrived_s is not None:
                at(arrow.arrived_s).arrived.append(arrow)
        for note in self.notes:
            at(note.time_s).notes[note.side].append(note)
        for timer in self.timers:
            at(timer.started_s)
            at(timer.ended_s)
        return [found[time] for time in sorted(found)]


def load(path: str | Path, connection: int) -> Ladder:
    """Return the ladder of connection number `connection` of the traced run in folder `path`.

    Raises ResultsError if there is no such connection or the run was not traced.
    """
    folder = Path(path)
    run = frames.load(folder, where=[("connection", "==", connection)])
    if run.connections.empty:
        raise ResultsError(f"{folder}: no connection {connection}")
    row = run.connections.iloc[0]
    numbers = [connection, *_crossing(folder, row)]
    packets = _table(folder, "packets", [("connection", "in", numbers)])
    own = _table(folder, "sockets", [("connection", "in", numbers)])
    sockets = _table(
        folder,
        "sockets",
        [("socket", "in", sorted(set(own.socket)))] if len(own) else [("socket", "==", -1)],
    )
    sockets = sockets[sockets.connection.isin((*numbers, -1))]
    hosts = (str(row.client), str(row.server))
    ladder = Ladder(
        connection,
        hosts,
        _addresses(packets, hosts),
        _outcome(row),
        flight_s=float(row.path_delay_s),
        states=(CLOSED, _passive_state(folder, row)),
        recipe=run.recipe,
    )
    ladder.arrows = list(_arrows(packets, hosts))
    sides: tuple[Side, Side] = (0, 1)
    for side in sides:
        events = _records(sockets[sockets.host == hosts[side]])
        timers = list(_timers(events, side))
        ladder.timers += timers
        ladder.notes += _notes(events, side, ladder.states[side])
        ladder.notes += (
            Note(side, timer.started_s, f"{timer.name}, {duration(timer.duration_s)}", "timer")
            for timer in timers
        )
    ladder.notes.sort(key=lambda note: note.time_s)
    return ladder


def _crossing(folder: Path, row: Any) -> list[int]:
    """Return the number of the connect() that the other side made meanwhile, if it did.

    Two that call each other between the same ports open one connection (RFC 9293, figure 8).
    """
    mirrored = [
        ("client", "==", str(row.server)),
        ("server", "==", str(row.client)),
        ("client_port", "==", int(row.server_port)),
        ("server_port", "==", int(row.client_port)),
    ]
    others = frames.load(folder, where=mirrored).connections
    finished = others.finished_s.fillna(math.inf)
    end = math.inf if pd.isna(row.finished_s) else float(row.finished_s)
    meanwhile = (others.started_s <= end) & (finished >= row.started_s)
    return [int(number) for number in others.connection[meanwhile]]


def _table(folder: Path, table: str, where: Any) -> pd.DataFrame:
    file = folder / f"{table}.parquet"
    if not file.exists():
        raise ResultsError(f"{folder}: no {file.name} in it: the run was not traced (run --trace)")
    return frames.read_table(file, table, where=where)


def _outcome(row: Any) -> str:
    outcome = str(row.outcome).replace("_", " ")
    return outcome if pd.isna(row.errno) else f"{outcome} ({row.errno})"


def _addresses(packets: pd.DataFrame, hosts: tuple[str, str]) -> tuple[str, str]:
    """Return address and port of both sides, as far as a packet told them."""
    sent = packets[(packets.direction == "out") & (packets.place == hosts[0])]
    if sent.empty:
        return "", ""
    first = sent.iloc[0]
    return f"{first.src}:{first.sport}", f"{first.dst}:{first.dport}"


def _passive_state(folder: Path, row: Any) -> str:
    """Return the server's state when connect() was called: LISTEN if anybody listens."""
    where = [
        ("host", "==", str(row.server)),
        ("local_port", "==", int(row.server_port)),
        ("peer_address", "==", ""),
        ("time_s", "<=", float(row.started_s)),
    ]
    before = _table(folder, "sockets", where)
    return CLOSED if before.empty else str(before.iloc[-1].state)


def _arrows(packets: pd.DataFrame, hosts: tuple[str, str]) -> Iterator[Arrow]:
    """Yield an arrow for each packet that one of the hosts sent, and for each copy of one.

    A copy begins where a link made it, an ICMP error of a router at that router.
    """
    name = _Names()
    sides: dict[str, Side] = {}
    for rows in _by_packet(packets):
        sent, last = rows[0], rows[-1]
        if sent["direction"] == "out" and sent["place"] in hosts:
            sides[sent["src"]] = 0 if sent["place"] == hosts[0] else 1
        arrived = last["time_s"] if last["event"] == "received" else None
        if sent["src"] in sides:
            side = sides[sent["src"]]
            lost = "".join([_loss(row, hosts) for row in rows if row["event"] == "dropped"][-1:])
            yield Arrow(side, sent["time_s"], arrived, name(sent, side), lost)
        elif arrived is not None and last["place"] in hosts:
            side = 1 if last["place"] == hosts[0] else 0
            router = sent["place"].partition(" > ")[0]
            yield Arrow(side, sent["time_s"], arrived, name(sent, side), router=router)


def _by_packet(packets: pd.DataFrame) -> list[list[Row]]:
    """Return the rows of each packet, in the order in which the packets were first seen."""
    places: dict[int, list[Row]] = {}
    for row in _records(packets):
        places.setdefault(row["packet"], []).append(row)
    return list(places.values())


def _loss(row: Row, hosts: tuple[str, str]) -> str:
    """Say why a packet was lost, and where if that is not plain."""
    direct = row["place"] in {" > ".join(hosts), " > ".join(reversed(hosts))}
    return str(row["reason"]) if direct else f"{row['reason']}, {row['place']}"


class _Names:
    """Names packets as a text book does: control bits, relative numbers, bytes of data."""

    def __init__(self) -> None:
        self._first: dict[Side, int] = {}
        """Initial sequence number of each side."""
        self._seen: dict[tuple[Any, ...], int] = {}
        """How often each side has sent a segment again."""

    def __call__(self, row: Row, side: Side) -> str:
        """Return the name of a packet that `side` sent."""
        if row["protocol"] != "tcp":
            return str(row["options"]).partition(":")[0]
        seq, length = row["seq"], row["len"]
        flags = [FLAG_NAMES[letter] for letter in row["flags"] if letter in FLAG_NAMES]
        if "SYN" in flags:
            self._first[side] = seq
        parts = [f"{'+'.join(flags) or 'no flags'} seq {(seq - self._first.get(side, seq)) & MASK}"]
        if "ACK" in flags:
            parts.append(f"ack {(row['ack'] - self._first.get(OTHER[side], 0)) & MASK}")
        if length:
            parts.append(f"{length} bytes")
        if row["event"] != "sent":
            parts.append("copy")
        elif length or not CONTROL.isdisjoint(flags):
            key = (side, row["flags"], seq, length)
            again = self._seen[key] = self._seen.get(key, -1) + 1
            if again:
                parts.append(f"again {again}")
        return ", ".join(parts)


def _notes(events: list[Row], side: Side, state: str) -> Iterator[Note]:
    """Yield the calls, the timers' expiry and the changes of state at one side."""
    for row in events:
        time, detail = row["time_s"], row["detail"]
        name = detail.partition("(")[0]
        if row["event"] == "timer":
            yield Note(side, time, f"{detail} expires", "timer")
        if row["state"] != state:
            state = row["state"]
            yield Note(side, time, state, "state")
        if row["event"] == "call":
            yield Note(side, time, f"{name}() called")
        elif row["event"] == "return" and name in {"connect", "accept"}:
            yield Note(side, time, f"{name}() returns")
        elif row["event"] == "raise":
            yield Note(side, time, f"{name}(): {detail.split()[-1]}")


def _timers(events: list[Row], side: Side) -> Iterator[Timer]:
    """Yield the timers that ran at one side, but for those set anew at once."""
    running: tuple[float, float, str] | None = None
    for row in events:
        time, expires = row["time_s"], row["timer_expires_s"]
        if running is not None and expires != running[1]:
            started, due, name = running
            if time > started:
                yield Timer(side, started, due, time, name, expired=time >= due)
            running = None
        if running is None and not math.isnan(expires):
            running = time, expires, row["timer"]


def _records(frame: pd.DataFrame) -> list[Row]:
    return frame.to_dict("records")
