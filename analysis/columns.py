"""The columns of the result tables: what each holds, in which unit.

Times are seconds of simulated time since the run began, as float64; a duration's name ends in
`_s` as well.  Names of few distinct values are dictionary columns (pandas: categories).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    unit: str
    """"s", "hops", "packets", ... or empty where there is none."""
    meaning: str


CONNECTIONS = (
    Column("connection", "", "number of the connect() call, from 0 in the order of the calls"),
    Column("client", "", "name of the host that called connect()"),
    Column("server", "", "name of the host it was to reach"),
    Column("client_port", "", "the client's port"),
    Column("server_port", "", "the port it was to reach"),
    Column("client_os", "", "operating-system profile of the client"),
    Column("server_os", "", "operating-system profile of the server"),
    Column("started_s", "s", "when connect() was called"),
    Column("finished_s", "s", "when connect() returned or raised; null while it is pending"),
    Column("latency_s", "s", "from call to return, of failures too; null while it is pending"),
    Column("outcome", "", "established, refused, timed_out, unreachable, reset, error, pending"),
    Column("errno", "", "name of the error that connect() raised, or null"),
    Column("syn_sent", "packets", "SYNs that the client sent"),
    Column("syn_retransmits", "packets", "those of them that were retransmissions"),
    Column("synack_sent", "packets", "SYN-ACKs that the server sent"),
    Column("synack_retransmits", "packets", "those of them that were retransmissions"),
    Column("accepted_s", "s", "when the server's accept() returned the connection, or null"),
    Column("path_hops", "hops", "links from client to server"),
    Column("path_delay_s", "s", "one-way propagation delay from client to server"),
)
"""`connections.parquet`: one row per connect() call."""

TABLES = {"connections": CONNECTIONS}
"""The tables of a results folder by name; the file is `NAME.parquet`."""


def unit(table: str, column: str) -> str:
    """Return the unit of a column.

    >>> unit("connections", "latency_s")
    's'
    """
    return next(known.unit for known in TABLES[table] if known.name == column)
