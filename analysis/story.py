"""A traced run told step by step: who did what, what travelled, what each socket then knew.

For runs of one connection or few: everything is read at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import frames
from analysis.errors import ResultsError
from analysis.quantities import count, duration

Row = dict[Any, Any]

CAUSES = {"received", "timer"}
"""Events that come from outside the host's applications; they come before what they cause."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one socket knew of something before and after a step; "" for nothing."""

    name: str
    before: str
    after: str


@dataclass(slots=True)
class Step:
    """Something that happened at one host."""

    time_s: float
    host: str
    titles: list[str]
    sent: list[Row] = field(default_factory=list)
    """The packets that the host sent in it, as rows of `packets.parquet`."""
    sockets: dict[str, list[Change]] = field(default_factory=dict)
    """All that the latest socket of each host knew before and after it, by what it is called."""

    @property
    def changes(self) -> dict[str, list[Change]]:
        """What those sockets learnt or forgot."""
        return {
            socket: changes
            for socket, known in self.sockets.items()
            if (changes := [change for change in known if change.before != change.after])
        }


def load(path: str | Path) -> list[Step]:
    """Return the steps of the traced run in folder `path`; raises ResultsError."""
    tables = []
    for table in ("sockets", "packets"):
        file = Path(path) / f"{table}.parquet"
        if not file.exists():
            raise ResultsError(f"{path}: no {file.name} in it: the run was not traced")
        tables.append(frames.read_table(file, table).to_dict("records"))
    sockets, packets = tables
    sent: dict[tuple[float, str], list[Row]] = {}
    for row in packets:
        if row["direction"] == "out":
            sent.setdefault((row["time_s"], row["place"]), []).append(row)
    known: dict[int, Row] = {}
    steps = []
    for (time, host), group in groupby(sockets, lambda row: (row["time_s"], row["host"])):
        for part in _parts(list(group)):
            steps.append(_step(time, host, part, known))
        steps[-1].sent = sent.pop((time, host), [])
    return steps


def _parts(rows: list[Row]) -> Iterator[list[Row]]:
    """Divide what happened at one host at one time: calls apart, unless a packet caused them."""
    if any(row["event"] in CAUSES for row in rows):
        yield rows
        return
    part: list[Row] = []
    for row in rows:
        if part and (row["event"] == "call" or row["detail"] == "socket()"):
            yield part
            part = []
        part.append(row)
    yield part


def _step(time: float, host: str, rows: list[Row], known: dict[int, Row]) -> Step:
    """Return one step, and take note in `known` of what the sockets then know."""
    before = dict(known)
    known |= {row["socket"]: row for row in rows}
    begun = sorted(filter(_begins, rows), key=lambda row: row["event"] not in CAUSES)
    step = Step(time, host, list(dict.fromkeys(map(_title, begun))))
    latest = {row["host"]: number for number, row in sorted(known.items())}
    for _, number in sorted(latest.items()):
        old, new = before.get(number), known[number]
        step.sockets[_name(new)] = list(_changes(old, new))
    return step


def _begins(row: Row) -> bool:
    return row["event"] in CAUSES | {"call"} or row["detail"] in {
        "socket()",
        "accept()",
        "connect()",
    }


def _title(row: Row) -> str:
    event, detail = row["event"], str(row["detail"])
    if event == "received":
        return f"receives [{detail}]" if detail else "has a connection to accept"
    if event == "timer":
        return f"{detail} expires"
    if event == "return" and detail != "socket()":
        return f"{detail} returns"
    return f"{detail} waits" if event == "waiting" else detail


def _name(row: Row) -> str:
    """Call a socket by its host and its number, which a file descriptor would be."""
    return f"{row['host']}, socket {row['socket']}"


def _changes(old: Row | None, new: Row) -> Iterator[Change]:
    """Yield what a socket knew and knows, from two of its rows."""
    after = _facts(new)
    before = dict.fromkeys(after, "") if old is None else _facts(old)
    for name in after:
        yield Change(name, before[name], after[name])


def _facts(row: Row) -> dict[str, str]:
    """Return what a socket knows, in words."""
    facts = {"state": str(row["state"])}
    forgotten = row["state"] == "CLOSED" and row["peer_address"]
    for end in ("local", "peer"):
        address, port = row[f"{end}_address"], row[f"{end}_port"]
        facts[end] = f"{address or '*'}:{port}" if port and not forgotten else ""
    facts["buffer memory"] = f"{count(row['memory'])} bytes" if row["memory"] else ""
    expires = f"{row['timer'].removesuffix(' timer')} at {row['timer_expires_s']:.6f} s"
    facts["timer"] = expires if row["timer"] else ""
    for name in ("iss", "snd_una", "snd_nxt", "irs", "rcv_nxt"):
        facts[name] = _number(row[name])
    for name in ("snd_wnd", "rcv_wnd", "mss"):
        facts[name] = f"{_number(row[name])} bytes" if _number(row[name]) else ""
    for name in ("snd_wscale", "rcv_wscale"):
        facts[name] = _number(row[name])
    facts["SACK agreed"] = "yes" if row["sack_ok"] is True else ""
    facts["peer's clock"] = _number(row["ts_recent"]) if _number(row["ts_recent"]) != "-1" else ""
    facts["round trip"] = "" if pd.isna(row["srtt_s"]) else duration(row["srtt_s"])
    return facts


def _number(value: Any) -> str:
    return "" if pd.isna(value) else str(int(value))
