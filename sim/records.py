"""What is collected while a simulation runs: a row for each connect() attempt.

Rows are integers in one flat array, nanoseconds and codes; `Records.columns` makes the columns of
`connections.parquet` of them: seconds as floats, names as enumerations.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

PATH, SERVER_PORT, STARTED, CLIENT_PORT, FINISHED, RESULT, SYNS, SYNACKS, REPEATED, ACCEPTED = (
    range(10)
)
WIDTH = 10
MISSING = -1
PENDING, ESTABLISHED, FIRST_ERROR = 0, 1, 2
"""Values of RESULT; from FIRST_ERROR on they number the errnos that occurred."""

OUTCOMES = ("pending", "established", "refused", "timed_out", "unreachable", "reset", "error")
"""How an attempt can end; pending: the simulation ended first."""

OUTCOME_OF_ERRNO = {
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


Column = npt.NDArray[np.float64] | npt.NDArray[np.int64] | Enumeration


class Records:
    """The attempts of one simulation."""

    def __init__(self) -> None:
        self.hosts: dict[str, str] = {}
        """Host name -> its operating system."""
        self.started = 0
        """connect() calls so far."""
        self.finished = 0
        """Those that have returned."""
        self._rows = array("q")
        self._paths: list[tuple[int, int, int, int]] = []
        self._errnos: list[str] = []

    def add_host(self, name: str, system: str) -> None:
        """Take note of a host and its operating system."""
        self.hosts[name] = system

    def add_path(self, client: str, server: str | None, hops: int, delay: int) -> int:
        """Take note of a way between two hosts, `delay` in ns; returns its number.

        `server` None: there is no way.
        """
        names = list(self.hosts)
        number = MISSING if server is None else names.index(server)
        self._paths.append((names.index(client), number, hops, delay))
        return len(self._paths) - 1

    def start(self, path: int, port: int, now: int) -> int:
        """Add the row of a connect() called at `now` (ns); returns its number."""
        row = self.started
        self.started = row + 1
        self._rows.extend((path, port, now, 0, MISSING, PENDING, 0, 0, 0, MISSING))
        return row

    def finish(self, row: int, now: int, client_port: int, error: str = "") -> None:
        """Complete a row: connect() returned at `now`, or raised `error` (an errno's name)."""
        self.finished += 1
        rows = self._rows
        base = row * WIDTH
        rows[base + CLIENT_PORT] = client_port
        rows[base + FINISHED] = now
        rows[base + RESULT] = FIRST_ERROR + self._errno(error) if error else ESTABLISHED

    def _errno(self, name: str) -> int:
        if name not in self._errnos:
            self._errnos.append(name)
        return self._errnos.index(name)

    def syn_sent(self, row: int) -> None:
        """Count a SYN; `row` may be NOT_OBSERVED."""
        if row >= 0:
            self._rows[row * WIDTH + SYNS] += 1

    def synack_sent(self, row: int, retransmission: bool) -> None:
        """Count a SYN-ACK; `row` may be NOT_OBSERVED."""
        if row >= 0:
            base = row * WIDTH
            self._rows[base + SYNACKS] += 1
            if retransmission:
                self._rows[base + REPEATED] += 1

    def accepted(self, row: int, now: int) -> None:
        """Take note that the server's accept() returned the connection at `now` (ns)."""
        if row >= 0:
            self._rows[row * WIDTH + ACCEPTED] = now

    def columns(self) -> dict[str, Column]:
        """Return the columns of `connections.parquet`, each of shape (attempts,), by name."""
        rows = np.array(self._rows, dtype=np.int64).reshape(-1, WIDTH)
        paths = np.array(self._paths, dtype=np.int64).reshape(-1, 4)[rows[:, PATH]]
        names = list(self.hosts)
        systems = sorted(set(self.hosts.values()))
        system = np.array([systems.index(s) for s in self.hosts.values()] + [MISSING], np.int32)
        errnos = sorted(self._errnos)
        client, server = paths[:, 0].astype(np.int32), paths[:, 1].astype(np.int32)
        outcomes = [OUTCOMES.index(OUTCOME_OF_ERRNO.get(e, "error")) for e in self._errnos]
        outcome = np.array([PENDING, ESTABLISHED, *outcomes], np.int32)
        error = np.array([MISSING] * FIRST_ERROR + [errnos.index(e) for e in self._errnos])
        return {
            "connection": np.arange(len(rows), dtype=np.int64),
            "client": Enumeration(client, names),
            "server": Enumeration(server, names),
            "client_port": rows[:, CLIENT_PORT].copy(),
            "server_port": rows[:, SERVER_PORT].copy(),
            "client_os": Enumeration(system[client], systems),
            "server_os": Enumeration(system[server], systems),
            "started_s": seconds(rows[:, STARTED]),
            "finished_s": seconds(rows[:, FINISHED]),
            "latency_s": np.where(
                rows[:, FINISHED] == MISSING,
                np.nan,
                (rows[:, FINISHED] - rows[:, STARTED]) / 1e9,
            ),
            "outcome": Enumeration(outcome[rows[:, RESULT]], list(OUTCOMES)),
            "errno": Enumeration(error[rows[:, RESULT]].astype(np.int32), errnos),
            "syn_sent": rows[:, SYNS].copy(),
            "syn_retransmits": np.maximum(rows[:, SYNS] - 1, 0),
            "synack_sent": rows[:, SYNACKS].copy(),
            "synack_retransmits": rows[:, REPEATED].copy(),
            "accepted_s": seconds(rows[:, ACCEPTED]),
            "path_hops": paths[:, 2].copy(),
            "path_delay_s": seconds(paths[:, 3]),
        }


def seconds(times: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return nanoseconds as seconds, MISSING as NaN."""
    return np.where(times == MISSING, np.nan, times / 1e9)
