"""What is collected while a simulation runs: a row for each connect() attempt.

Rows are integers, nanoseconds and codes; `Records.columns` makes the columns of
`connections.parquet` of them: seconds as floats, names as enumerations.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, final

import numpy as np
import numpy.typing as npt
from mypy_extensions import i32, i64, mypyc_attr

from sim.calendar import Calendar
from sim.packet import NOT_OBSERVED, SYN, SYN_ACK
from sim.tcp.interfaces import Observer
from sim.waits import CAUSES, Attempt, Mark, waits

PART: Final = 1 << 18
"""Rows of which columns are made at once, where there are many."""
MISSING: Final = -1
PENDING: Final = 0
ESTABLISHED: Final = 1
FIRST_ERROR: Final = 2
"""Values of `Row.result`; from FIRST_ERROR on they number the errnos that occurred."""

OUTCOMES: Final = (
    *("pending", "established", "refused", "timed_out", "unreachable", "reset", "error"),
)
"""How an attempt can end; pending: the simulation ended first."""

OUTCOME_OF_ERRNO: Final = {
    "ECONNREFUSED": "refused",
    "ETIMEDOUT": "timed_out",
    "ENETUNREACH": "unreachable",
    "EHOSTUNREACH": "unreachable",
    "ECONNRESET": "reset",
}


class Enumeration(NamedTuple):
    """A column of names: `codes` (int32, shape (rows,)) index `categories`; -1 is null."""

    codes: npt.NDArray[np.int32]
    categories: list[str]


Column: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.int64] | Enumeration


@final
@mypyc_attr(acyclic=True)
class Row:
    """A connect() attempt; times in ns, MISSING for what has not happened."""

    __slots__ = (
        *("accepted", "answered", "client_port", "finished", "path", "repeated"),
        *("result", "server_port", "started", "synacks", "syns"),
    )

    def __init__(self, path: i32, server_port: i32, started: i64) -> None:
        self.started: i64 = started
        self.finished: i64 = MISSING
        self.answered: i64 = MISSING
        """When the server sent its first SYN-ACK."""
        self.accepted: i64 = MISSING
        """When its accept() returned the connection."""
        self.path: i32 = path
        """The number of the way between the hosts."""
        self.server_port: i32 = server_port
        self.client_port: i32 = 0
        self.result: i32 = PENDING
        self.syns: i32 = 0
        self.synacks: i32 = 0
        self.repeated: i32 = 0
        """SYN-ACKs that were sent again, of those."""

    def fields(self) -> tuple[int, ...]:
        """Return them all, in the order of `FIELDS`."""
        return (
            self.path,
            self.server_port,
            self.started,
            self.client_port,
            self.finished,
            self.result,
            self.syns,
            self.synacks,
            self.repeated,
            self.accepted,
            self.answered,
        )


FIELDS: Final = (
    *("path", "server_port", "started", "client_port", "finished"),
    *("result", "syns", "synacks", "repeated", "accepted", "answered"),
)


class Records(Observer):
    """The attempts of one simulation, whose clock `calendar` is."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self.hosts: dict[str, str] = {}
        """Host name -> its operating system."""
        self._numbers: dict[str, int] = {}
        """Host name -> its place among the hosts."""
        self.listening: dict[int, str] = {}
        """The hosts that have ever listened: their places, and names."""
        self.started = 0
        """connect() calls so far."""
        self.finished = 0
        """Those that have returned."""
        self._rows: list[Row] = []
        self._log = array("q")
        self._waits: list[tuple[Sequence[int], Sequence[int]]] = []
        self._paths: list[tuple[int, int, int, int]] = []
        self._errnos: list[str] = []

    def add_host(
        self,
        name: str,
        system: str,
        syn_waits: Sequence[int],
        synack_waits: Sequence[int],
    ) -> None:
        """Take note of a host, its operating system, and the waits of its schedules (ns)."""
        self._numbers[name] = len(self.hosts)
        self.hosts[name] = system
        self._waits.append((syn_waits, synack_waits))

    def listens(self, name: str) -> None:
        """Take note that a host listens."""
        self.listening[self._numbers[name]] = name

    def add_path(self, client: str, server: str | None, hops: int, delay: int) -> int:
        """Take note of a way between two hosts, `delay` in ns; returns its number.

        `server` None: there is no way.
        """
        number = MISSING if server is None else self._numbers[server]
        self._paths.append((self._numbers[client], number, hops, delay))
        return len(self._paths) - 1

    def start(self, path: int, port: int, now: int) -> int:
        """Add the row of a connect() called at `now` (ns); returns its number."""
        row = self.started
        self.started = row + 1
        self._rows.append(Row(path, port, now))
        return row

    def finish(self, row: int, now: int, client_port: int, error: str = "") -> None:
        """Complete a row: connect() returned at `now`, or raised `error` (an errno's name)."""
        self.finished += 1
        attempt = self._rows[row]
        attempt.client_port = client_port
        attempt.finished = now
        attempt.result = FIRST_ERROR + self._errno(error) if error else ESTABLISHED

    def _errno(self, name: str) -> int:
        if name not in self._errnos:
            self._errnos.append(name)
        return self._errnos.index(name)

    def syn_sent(self, row: int) -> None:
        """Count a SYN; `row` may be NOT_OBSERVED."""
        if row >= 0:
            attempt = self._rows[row]
            attempt.syns += 1
            if attempt.syns > 1:
                self._mark(row, Mark.SYN)

    def synack_sent(self, row: int, retransmission: bool) -> None:
        """Count a SYN-ACK; `row` may be NOT_OBSERVED."""
        if row >= 0:
            attempt = self._rows[row]
            if attempt.synacks:
                self._mark(row, Mark.SYN_ACK)
            else:
                attempt.answered = self._calendar.now
            attempt.synacks += 1
            if retransmission:
                attempt.repeated += 1

    def synack_timeout(self, row: int) -> None:
        """Take note that the next SYN-ACK is the SYN-ACK timer's; `row` may be NOT_OBSERVED."""
        if row >= 0:
            self._mark(row, Mark.TIMEOUT)

    def cookie_sent(self, row: int) -> None:
        """Take note that the last SYN-ACK was a cookie; `row` may be NOT_OBSERVED."""
        if row >= 0:
            self._mark(row, Mark.COOKIE)

    def turned_away(self, row: int) -> None:
        """Take note that a full queue has turned a SYN away; `row` may be NOT_OBSERVED."""
        if row >= 0:
            self._mark(row, Mark.TURNED_AWAY)

    def lost(self, packet: Any) -> None:
        """Take note of a packet that is lost: by a link, or as a node lets it go."""
        row = getattr(packet, "connection", NOT_OBSERVED)
        if row >= 0 and getattr(packet, "flags", 0) & SYN:
            both = packet.flags & SYN_ACK == SYN_ACK
            self._mark(row, Mark.SYN_ACK_LOST if both else Mark.SYN_LOST)

    def _mark(self, row: int, mark: int) -> None:
        self._log.extend((row, self._calendar.now, mark))

    def accepted(self, row: int, now: int) -> None:
        """Take note that the server's accept() returned the connection at `now` (ns)."""
        if row >= 0:
            self._rows[row].accepted = now

    def columns(self) -> dict[str, Column]:
        """Return the columns of `connections.parquet`, each of shape (attempts,), by name."""
        return self._columns(0, self.started)

    def parts(self, size: int = PART) -> Iterator[dict[str, Column]]:
        """Yield the columns in parts of `size` rows: as few of many attempts as need be at once."""
        for first in range(0, max(self.started, 1), size):
            yield self._columns(first, min(first + size, self.started))

    def _columns(self, first: int, end: int) -> dict[str, Column]:
        """Return the columns of the rows from `first` on, up to `end`."""
        rows = self._fields(first, end)
        paths = np.array(self._paths, dtype=np.int64).reshape(-1, 4)[rows["path"]]
        names = list(self.hosts)
        systems = sorted(set(self.hosts.values()))
        system = np.array([systems.index(s) for s in self.hosts.values()] + [MISSING], np.int32)
        errnos = sorted(self._errnos)
        client, server = paths[:, 0].astype(np.int32), paths[:, 1].astype(np.int32)
        outcomes = [OUTCOMES.index(OUTCOME_OF_ERRNO.get(e, "error")) for e in self._errnos]
        outcome = np.array([PENDING, ESTABLISHED, *outcomes], np.int32)
        error = np.array([MISSING] * FIRST_ERROR + [errnos.index(e) for e in self._errnos])
        return {
            "connection": np.arange(first, end, dtype=np.int64),
            "client": Enumeration(client, names),
            "server": Enumeration(server, names),
            "client_port": rows["client_port"],
            "server_port": rows["server_port"],
            "client_os": Enumeration(system[client], systems),
            "server_os": Enumeration(system[server], systems),
            "started_s": seconds(rows["started"]),
            "finished_s": seconds(rows["finished"]),
            "latency_s": np.where(
                rows["finished"] == MISSING,
                np.nan,
                (rows["finished"] - rows["started"]) / 1e9,
            ),
            "outcome": Enumeration(outcome[rows["result"]], list(OUTCOMES)),
            "errno": Enumeration(error[rows["result"]].astype(np.int32), errnos),
            "syn_sent": rows["syns"],
            "syn_retransmits": np.maximum(rows["syns"] - 1, 0),
            "synack_sent": rows["synacks"],
            "synack_retransmits": rows["repeated"],
            "accepted_s": seconds(rows["accepted"]),
            "answered_s": seconds(rows["answered"]),
            "path_hops": paths[:, 2].copy(),
            "path_delay_s": seconds(paths[:, 3]),
            **self._spent(rows, paths, self._marks(first, end)),
        }

    def _fields(self, first: int, end: int) -> dict[str, npt.NDArray[np.int64]]:
        """Return the fields of the rows from `first` on, up to `end`, by name."""
        flat = array("q")
        for row in self._rows[first:end]:
            flat.extend(row.fields())
        columns = np.array(flat, np.int64).reshape(-1, len(FIELDS)).T
        return dict(zip(FIELDS, np.ascontiguousarray(columns), strict=True))

    def _marks(self, first: int, end: int) -> array[int]:
        """Return the log of the rows from `first` on, up to `end`, which it counts from 0."""
        log = np.array(self._log, np.int64).reshape(-1, 3)
        chosen = log[(log[:, 0] >= first) & (log[:, 0] < end)] - (first, 0, 0)
        return array("q", chosen.tobytes())

    def _spent(
        self, rows: dict[str, npt.NDArray[np.int64]], paths: npt.NDArray[np.int64], log: array[int]
    ) -> dict[str, npt.NDArray[np.float64]]:
        """Return what each latency consists of, NaN where connect() has not returned."""
        times = [rows[name] for name in ("started", "finished", "answered", "result")]
        waited = np.zeros((len(paths), len(CAUSES)), dtype=np.int64)
        timed_out = {FIRST_ERROR + n for n, name in enumerate(self._errnos) if name == "ETIMEDOUT"}

        def attempt(row: int) -> Attempt:
            started, finished, answered, result = (int(field[row]) for field in times)
            client, server = paths[row, :2].tolist()
            return Attempt(
                started,
                finished,
                answered,
                result in timed_out,
                self._waits[client][0],
                self._waits[server][1] if server >= 0 else (0,),
            )

        for row, found in waits(log, attempt):
            waited[row] = found
        rest = rows["finished"] - rows["started"] - waited.sum(axis=1)
        travelled = np.minimum(rest, 2 * paths[:, 3])
        finished = rows["finished"] != MISSING
        parts = {"propagation_s": travelled, "queueing_s": rest - travelled}
        parts |= {f"{cause}_s": waited[:, n] for n, cause in enumerate(CAUSES)}
        return {name: np.where(finished, part / 1e9, np.nan) for name, part in parts.items()}


def seconds(times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return nanoseconds as seconds, MISSING as NaN."""
    return np.where(times == MISSING, np.nan, times / 1e9)
