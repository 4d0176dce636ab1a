"""The sockets of a traced run at one moment, as `ss -tanoi` shows those of a real host.

With `verbose`, the whole control block: what this side knows and the other cannot see.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import frames
from analysis.errors import ResultsError
from analysis.quantities import count, duration

STATES = {"CLOSED": "UNCONN", "SYN-RECEIVED": "SYN-RECV", "ESTABLISHED": "ESTAB"}
"""States that ss calls by other names than RFC 9293."""

TIMERS = {
    "SYN timer": "on",
    "SYN-ACK timer": "on",
    "FIN timer": "on",
    "TIME-WAIT timer": "timewait",
}
"""Timers by the names of ss; all others retransmit, which it calls "on"."""

HEADINGS = ("Host", "State", "Recv-Q", "Send-Q", "Local Address:Port", "Peer Address:Port", "")
RIGHT = {2, 3}
"""Columns of numbers."""

MASK = 0xFFFF_FFFF

Row = dict[Any, Any]


def text(path: str | Path, at_s: float, host: str | None = None, *, verbose: bool = False) -> str:
    """Return the table of the sockets of the traced run in folder `path`, `at_s` seconds in it.

    Raises ResultsError if the run was not traced or has no such host.
    """
    rows = load(path, at_s, host).to_dict("records")
    cells = [HEADINGS, *(_cells(row, at_s) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = []
    for line, row in zip(cells, [None, *rows], strict=True):
        padded = (
            cell.rjust(width) if column in RIGHT else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        lines.append("  ".join(padded).rstrip())
        if verbose and row is not None:
            lines += [f"    {detail}" for detail in _control_block(row)]
    return "\n".join(lines)


def load(path: str | Path, at_s: float, host: str | None = None) -> pd.DataFrame:
    """Return the last row of each socket that existed `at_s` seconds into the run.

    Columns as in `sockets.parquet`.  Raises ResultsError as `text` does.
    """
    file = Path(path) / "sockets.parquet"
    if not file.exists():
        raise ResultsError(f"{path}: no {file.name} in it: the run was not traced (run --trace)")
    where: list[tuple[str, str, Any]] = [("time_s", "<=", at_s)]
    if host is not None:
        where.append(("host", "==", host))
    rows = frames.read_table(file, "sockets", where=where)
    if rows.empty and host is not None:
        raise ResultsError(f"{path}: no socket of a host {host!r} until {duration(at_s)}")
    last = rows.drop_duplicates("socket", keep="last")
    last = last.sort_values(["host", "socket"], key=lambda column: column.astype(object))
    unconnected = last.event.isin(("call", "return")) & (last.detail != "close()")
    return last[(last.state != "CLOSED") | unconnected].reset_index(drop=True)


def _cells(row: Row, at_s: float) -> tuple[str, ...]:
    timer = ""
    if row["timer"]:
        name = TIMERS.get(row["timer"], "on")
        left = duration(max(0.0, row["timer_expires_s"] - at_s)).replace(" ", "")
        timer = f"timer:({name},{left},{_whole(row['retransmits'], '0')})"
    return (
        str(row["host"]),
        STATES.get(row["state"], str(row["state"])),
        str(row["recv_q"]),
        str(row["send_q"]),
        _endpoint(row["local_address"], row["local_port"]),
        _endpoint(row["peer_address"], row["peer_port"]),
        timer,
    )


def _endpoint(address: str, port: int) -> str:
    """Write address and port as ss does.

    >>> _endpoint("", 0), _endpoint("2001:db8::1", 80)
    ('*:*', '[2001:db8::1]:80')
    """
    name = f"[{address}]" if ":" in address else address or "*"
    return f"{name}:{port or '*'}"


def _control_block(row: Row) -> Iterator[str]:
    """Yield what the socket knows, under RFC 9293's names."""
    if pd.isna(row["iss"]):
        yield "no peer, no sequence numbers yet"
        return
    scales = (_whole(row["snd_wscale"], "0"), _whole(row["rcv_wscale"], "0"))
    yield (
        f"send     iss {_whole(row['iss'])}  snd_una {_relative(row, 'snd_una', 'iss')}"
        f"  snd_nxt {_relative(row, 'snd_nxt', 'iss')}  snd_wnd {_whole(row['snd_wnd'])}"
        f"  scale {scales[0]}"
    )
    yield (
        f"receive  irs {_whole(row['irs'])}  rcv_nxt {_relative(row, 'rcv_nxt', 'irs')}"
        f"  rcv_wnd {_whole(row['rcv_wnd'])}  scale {scales[1]}"
    )
    agreed = {
        "timestamps": not pd.isna(row["ts_recent"]) and row["ts_recent"] >= 0,
        "SACK": row["sack_ok"] is True,
        "window scaling": scales != ("0", "0"),
    }
    options = ", ".join(name for name, yes in agreed.items() if yes) or "none yet"
    times = f"rtt {_time(row['srtt_s'])}  rto {_time(row['rto_s'])}"
    yield f"mss {_whole(row['mss'])}  {times}  options agreed: {options}"
    yield f"retransmits {_whole(row['retransmits'], '0')}  memory {count(row['memory'])} bytes"


def _relative(row: Row, name: str, first: str) -> str:
    """Write a sequence number, and how far it is from the initial one."""
    if pd.isna(row[name]):
        return "?"
    return f"{int(row[name])} (+{(int(row[name]) - int(row[first])) & MASK})"


def _whole(value: Any, unknown: str = "?") -> str:
    return unknown if pd.isna(value) else str(int(value))


def _time(seconds: Any) -> str:
    return "?" if pd.isna(seconds) else duration(seconds)
