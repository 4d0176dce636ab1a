"""What is collected while a simulation runs: a row for each connect() attempt.

Rows are integers in one flat array, nanoseconds and codes; `Records.columns` makes the columns of
`connections.parquet` of them: seconds as floats, names as enumerations.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

(
    CLIENT,
    SERVER,
    CLIENT_PORT,
    SERVER_PORT,
    STARTED,
    FINISHED,
    OUTCOME,
    ERRNO,
    SYN_SENT,
    SYN_RETRANSMITS,
    SYNACK_SENT,
    SYNACK_RETRANSMITS,
    ACCEPTED,
    PATH_HOPS,
    PATH_DELAY,
) = range(15)
WIDTH = 15
MISSING = -1

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
        self.hosts: list[str] = []
        """Host names, by the number that rows hold."""
        self.systems: list[str] = []
        """Their operating systems, in the same order."""
        self.started = 0
        """connect() calls so far."""
        self.finished = 0
        """Those that have returned."""
        self._rows = array("q")
        self._errnos: dict[str, int] = {}

    def add_host(self, name: str, system: str) -> int:
        """Take note of a host; returns its number."""
        self.hosts.append(name)
        self.systems.append(system)
        return len(self.hosts) - 1

    def start(self, client: int, server: int, port: int, now: int, hops: int, delay: int) -> int:
        """Add the row of a connect() called at `now` (ns); returns its number."""
        row = self.started
        self.started = row + 1
        self._rows.extend(
            (client, server, 0, port, now, MISSING, 0, MISSING, 0, 0, 0, 0, MISSING, hops, delay)
        )
        return row

    def finish(self, row: int, now: int, client_port: int, error: str = "") -> None:
        """Complete a row: connect() returned at `now`, or raised `error` (an errno's name)."""
        self.finished += 1
        rows = self._rows
        base = row * WIDTH
        rows[base + FINISHED] = now
        rows[base + CLIENT_PORT] = client_port
        if error:
            rows[base + OUTCOME] = OUTCOMES.index(OUTCOME_OF_ERRNO.get(error, "error"))
            rows[base + ERRNO] = self._errnos.setdefault(error, len(self._errnos))
        else:
            rows[base + OUTCOME] = 1

    def syn_sent(self, row: int, retransmission: bool) -> None:
        """Count a SYN; `row` may be NOT_OBSERVED."""
        if row >= 0:
            base = row * WIDTH
            self._rows[base + SYN_SENT] += 1
            if retransmission:
                self._rows[base + SYN_RETRANSMITS] += 1

    def synack_sent(self, row: int, retransmission: bool) -> None:
        """Count a SYN-ACK; `row` may be NOT_OBSERVED."""
        if row >= 0:
            base = row * WIDTH
            self._rows[base + SYNACK_SENT] += 1
            if retransmission:
                self._rows[base + SYNACK_RETRANSMITS] += 1

    def accepted(self, row: int, now: int) -> None:
        """Take note that the server's accept() returned the connection at `now` (ns)."""
        if row >= 0:
            self._rows[row * WIDTH + ACCEPTED] = now

    def columns(self) -> dict[str, Column]:
        """Return the columns of `connections.parquet`, each of shape (attempts,), by name."""
        rows = np.array(self._rows, dtype=np.int64).reshape(-1, WIDTH)
        system_names = sorted(set(self.systems))
        system_of_host = np.array(
            [system_names.index(system) for system in self.systems] + [MISSING], dtype=np.int32
        )

        def seconds(column: int) -> npt.NDArray[np.float64]:
            values = rows[:, column]
            return np.where(values == MISSING, np.nan, values / 1e9)

        client, server = (rows[:, column].astype(np.int32) for column in (CLIENT, SERVER))
        finished = rows[:, FINISHED]
        latency = np.where(finished == MISSING, np.nan, (finished - rows[:, STARTED]) / 1e9)
        columns: dict[str, Column] = {
            "connection": np.arange(len(rows), dtype=np.int64),
            "client": Enumeration(client, self.hosts),
            "server": Enumeration(server, self.hosts),
            "client_port": rows[:, CLIENT_PORT].copy(),
            "server_port": rows[:, SERVER_PORT].copy(),
            "client_os": Enumeration(system_of_host[client], system_names),
            "server_os": Enumeration(system_of_host[server], system_names),
            "started_s": seconds(STARTED),
            "finished_s": seconds(FINISHED),
            "latency_s": latency,
            "outcome": Enumeration(rows[:, OUTCOME].astype(np.int32), list(OUTCOMES)),
            "errno": Enumeration(rows[:, ERRNO].astype(np.int32), list(self._errnos)),
            "syn_sent": rows[:, SYN_SENT].copy(),
            "syn_retransmits": rows[:, SYN_RETRANSMITS].copy(),
            "synack_sent": rows[:, SYNACK_SENT].copy(),
            "synack_retransmits": rows[:, SYNACK_RETRANSMITS].copy(),
            "accepted_s": seconds(ACCEPTED),
            "path_hops": rows[:, PATH_HOPS].copy(),
            "path_delay_s": seconds(PATH_DELAY),
        }
        return columns
