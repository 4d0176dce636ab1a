"""A traced run on disk: its tables written as it goes, and read back as text and captures.

`TraceFiles` is the sink of a `sim.tapped.TracedSimulation`; what reads the tables needs no more
memory than one batch of rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import NoneType, TracebackType
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.errors import ResultsError
from analysis.files import beside
from sim import anatomy, capture, icmp, ip, pcapng
from sim.ip import MalformedError
from sim.tcp import header
from sim.trace import TABLES

if TYPE_CHECKING:
    from sim.icmp import IcmpPacket
    from sim.packet import Packet

_TYPES: dict[Any, pa.DataType] = {
    float: pa.float64(),
    int: pa.int64(),
    bool: pa.bool_(),
    str: pa.string(),
    bytes: pa.binary(),
}
NANOSECONDS = 1_000_000_000


def schema(table: str) -> pa.Schema:
    """Return the Parquet schema of one of a trace's tables, made of its row's annotations."""
    hints = get_type_hints(TABLES[table], include_extras=True)
    return pa.schema([pa.field(name, _type(hint)) for name, hint in hints.items()])


def _type(hint: Any) -> pa.DataType:
    if get_origin(hint) is Annotated:
        return pa.dictionary(pa.int32(), pa.string())
    plain = [part for part in get_args(hint) or (hint,) if part is not NoneType]
    return _TYPES[plain[0]]


class TraceFiles:
    """Writes a trace's tables into `folder` as their rows come: a context manager.

    Raises OSError if the disk is full or read-only.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = ExitStack()
        self._writers: dict[str, pq.ParquetWriter] = {}

    def __enter__(self) -> TraceFiles:
        for table in TABLES:
            file = self._folder / f"{table}.parquet"
            writer = pq.ParquetWriter(file, schema(table), compression="zstd")
            self._writers[table] = self._open.enter_context(writer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()

    def __call__(self, table: str, rows: Sequence[Any]) -> None:
        """Append rows to a table."""
        fields = schema(table)
        columns = list(zip(*rows, strict=True)) or [()] * len(fields)
        arrays = [pa.array(c, type=f.type) for c, f in zip(columns, fields, strict=True)]
        self._writers[table].write_batch(pa.record_batch(arrays, schema=fields))


def _rows(folder: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of `packets.parquet` in the order in which they were recorded."""
    file = folder / "packets.parquet"
    try:
        with pq.ParquetFile(file) as table:
            for batch in table.iter_batches(columns=list(columns)):
                yield from batch.to_pylist()
    except FileNotFoundError:
        raise ResultsError(f"{file}: no such table: the run was not traced") from None
    except (OSError, pa.ArrowException, KeyError) as error:
        raise ResultsError(f"{file}: not a readable table: {error}") from error


def lines(
    folder: Path, connection: int | None = None, host: str | None = None, verbose: bool = False
) -> Iterator[str]:
    """Yield a traced run's packets as text, as tcpdump prints them.

    `connection` and `host` (or a link: "a > b") choose rows; without `host` it is every host, and
    of links what they lost or changed.  `verbose` spells out each header field.  Raises
    ResultsError if the run was not traced or nothing fits.
    """
    columns = ("time_s", "place", "direction", "event", "reason", "connection", "datagram")
    printer = capture.Printer()
    found = False
    for row in _rows(folder, columns):
        if connection not in {None, row["connection"]}:
            continue
        if host != row["place"] if host else (row["direction"], row["event"]) == ("over", "sent"):
            continue
        found = True
        packet = _decode(row["datagram"])
        text = str(packet) if isinstance(packet, MalformedError) else printer.line(packet)
        time = capture.seconds(round(row["time_s"] * NANOSECONDS))
        event = f"{row['event']} ({row['reason']})" if row["reason"] else row["event"]
        yield f"{time} {row['place']} {event} {text}"
        if verbose:
            yield from anatomy.lines(row["datagram"])
    if not found and (connection, host) != (None, None):
        wanted = "" if connection is None else f" of connection {connection}"
        where = "" if host is None else f" at a host {host!r}"
        raise ResultsError(f"{folder}: no packet{wanted}{where} in the trace")


def _decode(datagram: bytes) -> Packet | IcmpPacket | MalformedError:
    try:
        under, _ = ip.decode(datagram)
        return header.decode(datagram) if under.protocol == ip.TCP else icmp.decode(datagram)
    except MalformedError as error:
        return error


def write_captures(folder: Path, out: Path, comment: str = "") -> list[Path]:
    """Write what each host of a traced run saw as `out`/HOST.pcapng; returns the files.

    `comment` goes into each section's header.  Raises ResultsError, OSError.
    """
    out.mkdir(parents=True, exist_ok=True)
    directions = {"in": pcapng.INBOUND, "out": pcapng.OUTBOUND}
    writers: dict[str, pcapng.Writer] = {}
    files: list[Path] = []
    with ExitStack() as stack:
        for row in _rows(folder, ("time_s", "place", "direction", "datagram")):
            place, direction = row["place"], directions.get(row["direction"])
            if direction is None:
                continue
            if place not in writers:
                files.append(out / f"{file_name(place)}.pcapng")
                partial = stack.enter_context(beside(files[-1]))
                stream = stack.enter_context(partial.open("wb"))
                writers[place] = pcapng.Writer(stream, place, comment=comment)
            writers[place].packet(round(row["time_s"] * NANOSECONDS), row["datagram"], direction)
    return files


def file_name(host: str) -> str:
    """Return a host's name as one that any file system takes.

    >>> file_name("New York/1")
    'New_York_1'
    """
    return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in host)
