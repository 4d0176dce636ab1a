"""What the two ends of one connection have in common and what not, from a traced run.

What a system sends in its first segment, the schedules by which it repeats it, and what both
agreed on; for the first connection of a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from analysis import frames
from analysis.errors import ResultsError
from analysis.quantities import duration
from analysis.schedules import of_host

COUNTED = ("mss", "wscale")
"""Options whose value says something about the system."""


class Difference(NamedTuple):
    """A property of both ends."""

    name: str
    client: str
    server: str


def compare(path: str | Path) -> list[Difference]:
    """Return the properties of both ends; raises ResultsError if the run was not traced.

    Nothing if no handshake was completed.
    """
    folder = Path(path)
    run = frames.load(folder, where=[("connection", "==", 0)])
    if run.connections.empty or run.connections.outcome.iloc[0] != "established":
        return []
    row = run.connections.iloc[0]
    hosts = str(row.client), str(row.server)
    systems = str(row.client_os), str(row.server_os)
    segments = _first_segments(folder, hosts)
    blocks = _control_blocks(folder, hosts)
    schedules = [of_host(run.recipe, *side) for side in zip(hosts, systems, strict=True)]
    pairs: list[tuple[str, list[str]]] = [
        ("operating system", list(systems)),
        ("first segment", ["SYN", "SYN, ACK"]),
        ("  time to live", [str(_time_to_live(segment["datagram"])) for segment in segments]),
        ("  window", [f"{segment['win']} bytes" for segment in segments]),
        ("  options", [_options(segment["options"]) for segment in segments]),
        ("knows once connected", ["", ""]),
        ("  sends at most", [f"{block['mss']:.0f} bytes" for block in blocks]),
        ("  window scales", [_scales(block) for block in blocks]),
        ("  retransmits after", [duration(block["rto_s"]) for block in blocks]),
        ("without an answer", ["", ""]),
        ("  repeats a SYN after", [_waits(known["syn_timeouts_s"][:-1]) for known in schedules]),
        ("  gives it up after", [duration(sum(known["syn_timeouts_s"])) for known in schedules]),
        ("  repeats a SYN-ACK after", [_waits(one["synack_timeouts_s"][:-1]) for one in schedules]),
        ("  forgets it after", [duration(sum(known["synack_timeouts_s"])) for known in schedules]),
    ]
    return [Difference(name, *values) for name, values in pairs]


def _table(folder: Path, table: str, where: list[tuple[str, str, Any]]) -> pd.DataFrame:
    file = folder / f"{table}.parquet"
    if not file.exists():
        raise ResultsError(f"{folder}: no {file.name} in it: the run was not traced (run --trace)")
    return frames.read_table(file, table, where=where)


def _first_segments(folder: Path, hosts: tuple[str, str]) -> list[Any]:
    sent = _table(folder, "packets", [("connection", "==", 0), ("direction", "==", "out")])
    return [sent[sent.place == host].iloc[0] for host in hosts]


def _control_blocks(folder: Path, hosts: tuple[str, str]) -> list[Any]:
    where = [("connection", "==", 0), ("state", "==", "ESTABLISHED")]
    known = _table(folder, "sockets", where)
    return [known[known.host == host].iloc[0] for host in hosts]


def _time_to_live(datagram: bytes) -> int:
    """Return the field of that name, of IPv6 the hop limit."""
    return datagram[8] if datagram[0] >> 4 == 4 else datagram[7]


def _options(text: str) -> str:
    """Name a segment's options in their order, with values where these are the system's own.

    >>> _options("mss 1460,sackOK,TS val 3968084340 ecr 0,nop,wscale 10")
    'mss 1460, sackOK, TS, nop, wscale 10'
    """
    words = (option.split() for option in text.split(",") if option)
    return ", ".join(" ".join(one) if one[0] in COUNTED else one[0] for one in words)


def _scales(block: Any) -> str:
    return f"peer's {block['snd_wscale']:.0f}, own {block['rcv_wscale']:.0f}"


def _waits(seconds: list[float]) -> str:
    """Write waits one after the other.

    >>> _waits([1.0, 1.0, 2.0, 0.5])
    '1, 1, 2, 0.5 s'
    """
    return f"{', '.join(f'{wait:g}' for wait in seconds)} s"
