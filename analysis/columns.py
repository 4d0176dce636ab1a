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
    Column("answered_s", "s", "when the server sent its first SYN-ACK, or null"),
    Column("path_hops", "hops", "links from client to server"),
    Column("path_delay_s", "s", "one-way propagation delay from client to server"),
    Column("propagation_s", "s", "of the latency: travel there and back, at path_delay_s"),
    Column("queueing_s", "s", "of the latency: what queues, jitter and detours added to that"),
    Column("syn_lost_s", "s", "of the latency: waits after SYNs that were lost"),
    Column("synack_lost_s", "s", "of the latency: waits after SYN-ACKs that were lost"),
    Column("queue_full_s", "s", "of the latency: waits after SYNs that a full queue turned away"),
    Column("cookie_s", "s", "of the latency: waits after lost cookies, which no server repeats"),
    Column("rounding_s", "s", "of the latency: what timers waited beyond their nominal time"),
)
"""`connections.parquet`: one row per connect() call.

The parts of the latency add up to it; they are null while connect() is pending.
"""

PARTS = tuple(column.name for column in CONNECTIONS if column.meaning.startswith("of the latency"))
"""Columns that a latency consists of."""

PACKETS = (
    Column("time_s", "s", "when the packet was there"),
    Column("packet", "", "number of the packet, the same at every place that it passes"),
    Column("place", "", "a host's name, or a link's: \"a > b\""),
    Column("direction", "", "at a host out or in, on a link over"),
    Column("event", "", "sent, received, dropped, duplicated, corrupted"),
    Column("reason", "", "why it was dropped, or empty"),
    Column("connection", "", "number of the connect() call it belongs to, -1 for none"),
    Column("protocol", "", "tcp or icmp"),
    Column("src", "", "source address"),
    Column("dst", "", "destination address"),
    Column("sport", "", "source port"),
    Column("dport", "", "destination port"),
    Column("flags", "", "control bits as tcpdump writes them; empty for ICMP"),
    Column("seq", "", "sequence number"),
    Column("ack", "", "acknowledgment number"),
    Column("win", "", "the header's window field, not scaled"),
    Column("len", "bytes", "data that it carries"),
    Column("options", "", "TCP options as tcpdump writes them; what an ICMP error says"),
    Column("datagram", "", "the packet as it stands on the wire, from the IP header on"),
)
"""`packets.parquet`: one row per packet and place that it passes."""

SOCKETS = (
    Column("time_s", "s", "when it happened"),
    Column("host", "", "name of the socket's host"),
    Column("socket", "", "number of the socket; a connection keeps its own through accept()"),
    Column("connection", "", "number of the connect() call it belongs to, -1 for none"),
    Column("event", "", "call, waiting, return, raise, received (a packet), timer (expired)"),
    Column("detail", "", "the call and what it raised, the packet's flags, the timer"),
    Column("state", "", "state of the connection, as RFC 9293 names it"),
    Column("local_address", "", "own address, empty for any"),
    Column("local_port", "", "own port, 0 for none"),
    Column("peer_address", "", "the peer's address, empty for none"),
    Column("peer_port", "", "the peer's port, 0 for none"),
    Column("recv_q", "bytes", "received and not read; of a listener: connections not accepted"),
    Column("send_q", "bytes", "sent and not acknowledged; of a listener: its backlog"),
    Column("timer", "", "what the running timer will do, or empty"),
    Column("timer_expires_s", "s", "when it will, or null"),
    Column("memory", "bytes", "buffer memory that the socket holds"),
    Column("retransmits", "", "how often the oldest segment in flight was sent again"),
    Column("iss", "", "initial send sequence number"),
    Column("irs", "", "initial receive sequence number"),
    Column("snd_una", "", "oldest sequence number sent and not acknowledged"),
    Column("snd_nxt", "", "next sequence number to send"),
    Column("snd_wnd", "bytes", "the peer's window"),
    Column("rcv_nxt", "", "next sequence number expected"),
    Column("rcv_wnd", "bytes", "the own window"),
    Column("mss", "bytes", "largest segment that it sends"),
    Column("snd_wscale", "", "shift of the windows that the peer sends"),
    Column("rcv_wscale", "", "shift of the windows that it sends"),
    Column("sack_ok", "", "whether selective acknowledgments are agreed"),
    Column("ts_recent", "", "the peer's latest timestamp, -1 if timestamps are not agreed"),
    Column("srtt_s", "s", "smoothed round-trip time"),
    Column("rto_s", "s", "retransmission timeout"),
)
"""`sockets.parquet`: one row per event at a socket, which says how it stood after it."""

COUNTERS = (
    Column("host", "", "name of the host that counted"),
    Column("counter", "", "name of the counter, as nstat prints it"),
    Column("value", "", "how much it counted; counters that stayed 0 have no row"),
)
"""`counters.parquet`: one row per host and counter."""

QUEUES = (
    Column("time_s", "s", "when the queues were looked at"),
    Column("host", "", "name of the listening host"),
    Column("port", "", "the port that it listens on"),
    Column("syn_queue", "", "requests in SYN-RECEIVED, of all sockets that share the port"),
    Column("accept_queue", "", "connections that wait for accept()"),
    Column("established", "", "connections of the port that are ESTABLISHED"),
)
"""`queues.parquet`: one row per listening port and sample, if a scenario samples them."""

RUNS = (
    Column("point", "", "number of the point that it belongs to; sweeps only"),
    Column("repetition", "", "number of the repetition of that point; sweeps only"),
    Column("seed", "", "seed of all its random streams"),
    Column("run", "", "name of the run, and of its file below connections; sweeps only"),
    Column("status", "", "done, failed or missing"),
    Column("cause", "", "why it failed, or null; sweeps only"),
    Column("wall_s", "s", "how long it took; null unless it is done"),
    Column("events", "", "events that it simulated; null unless it is done"),
    Column("peak_rss_bytes", "bytes", "most memory that its process held; null unless it is done"),
)
"""`frames.runs`: one row per run, and a column for each parameter, in base units, besides."""

OF_SWEEPS = ("repetition", "seed", "run")
"""Columns of `runs` that the connections of a sweep have too, beside those of the parameters."""

TABLES = {
    "connections": CONNECTIONS,
    "packets": PACKETS,
    "sockets": SOCKETS,
    "counters": COUNTERS,
    "queues": QUEUES,
    "runs": RUNS,
}
"""The tables of a results folder by name; the file is `NAME.parquet`."""


def unit(table: str, column: str) -> str:
    """Return the unit of a column.

    >>> unit("connections", "latency_s")
    's'
    """
    return next(known.unit for known in TABLES[table] if known.name == column)


def markdown() -> str:
    """Return all columns as the page docs/tables.md."""
    lines = [HEAD]
    for table, columns in TABLES.items():
        lines += [f"## {table}", "", "| column | unit | meaning |", "| --- | --- | --- |"]
        lines += [f"| `{one.name}` | {one.unit} | {one.meaning} |" for one in columns]
        lines.append("")
    return "\n".join(lines)


HEAD = """\
# Tables

What the tables of a results folder hold: `frames.NAME` of `analysis.load(DIR)`, or the file
`NAME.parquet`. Times are seconds of simulated time since the run began; a missing value is null.
A sweep's connections and runs also have a column for each parameter of the scenario, in base units:
seconds, bits per second, probabilities from 0 to 1. Its connections have `repetition`, `seed` and
`run` of `runs` besides, and a parameter that has the name of a column has `_parameter` behind it.

`python -m analysis.columns` writes this page.
"""

if __name__ == "__main__":
    print(markdown(), end="")
