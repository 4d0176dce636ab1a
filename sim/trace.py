"""What a traced simulation records: every packet at every place, every socket at every event.

The rows of two tables, `PacketRow` and `SocketRow`, from which captures, ladders and socket
tables are made.  Rows are handed on in batches, so that a trace of any length takes bounded
memory.  `sim.tapped` has the hosts, links and sockets that call this; a simulation built without
them records none of it and pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

from sim import capture, icmp
from sim.icmp import IcmpPacket
from sim.packet import Flow, Packet
from sim.tcp import header

Name = Annotated[str, "one of few"]
"""Text of which a table has few different values: a dictionary column."""


class PacketRow(NamedTuple):
    """A packet at a place: a row of `packets.parquet`."""

    time_s: float
    packet: int
    """Number of the packet, the same at every place that it passes."""
    place: Name
    """A host's name, or a link's: "a > b"."""
    direction: Name
    """At a host "out" or "in"; on a link, and where a node lets a packet go, "over"."""
    event: Name
    """sent (by a host, or put on a link), received, dropped, duplicated (the copy) or corrupted.

    A corrupted packet is dropped at the far end of its link.
    """
    reason: Name
    """Why it was dropped, or empty."""
    connection: int
    """Row of the connect() in `connections.parquet`; -1 for none."""
    protocol: Name
    """tcp or icmp."""
    src: Name
    dst: Name
    sport: int
    dport: int
    flags: Name
    """Control bits as tcpdump writes them: "S.", "F."; empty for ICMP."""
    seq: int
    ack: int
    win: int
    """The header's window field, not scaled."""
    len: int
    """Bytes of data."""
    options: str
    """TCP options as tcpdump writes them; what an ICMP error says."""
    datagram: bytes
    """The packet as it stands on the wire, from the IP header on."""


class SocketRow(NamedTuple):
    """A socket after something happened to it: a row of `sockets.parquet`.

    Columns from `iss` on are the control block's, under RFC 9293's names; null while the socket
    has none or does not know yet.
    """

    time_s: float
    host: Name
    socket: int
    """Number of the socket; a connection has the same before and after accept()."""
    connection: int
    """Row of the connect() in `connections.parquet`; -1 for none."""
    event: Name
    """call, waiting (in the call), return, raise, received (a packet), timer (expired), reboot."""
    detail: str
    """The call with its arguments, what it returned or raised, the packet's flags, the timer."""
    state: Name
    local_address: Name
    local_port: int
    peer_address: Name
    """Empty before connect() and while listening."""
    peer_port: int
    recv_q: int
    """Bytes received and not read yet; of a listener, connections not accepted yet."""
    send_q: int
    """Bytes sent and not acknowledged; of a listener, its backlog."""
    timer: Name
    """What the running timer will do, or empty."""
    timer_expires_s: float | None
    memory: int
    """Bytes of buffer memory that the socket holds."""
    retransmits: int | None
    iss: int | None
    irs: int | None
    snd_una: int | None
    snd_nxt: int | None
    snd_wnd: int | None
    """The peer's window, bytes."""
    rcv_nxt: int | None
    rcv_wnd: int | None
    """The own window, bytes."""
    mss: int | None
    """Largest segment that it sends, bytes."""
    snd_wscale: int | None
    rcv_wscale: int | None
    sack_ok: bool | None
    ts_recent: int | None
    """The peer's latest timestamp; -1 if the option is not agreed."""
    srtt_s: float | None
    """Smoothed round-trip time."""
    rto_s: float | None
    """Retransmission timeout."""


TABLES: dict[str, type[NamedTuple]] = {"packets": PacketRow, "sockets": SocketRow}
"""The tables of a trace: name of the file, and what a row is."""

Sink = Callable[[str, Sequence[Any]], None]
"""Takes a table's name and some of its rows."""


class _InFlight:
    """A packet that was seen and may be seen again."""

    __slots__ = ("datagram", "header", "number", "options", "packet")

    def __init__(self, number: int, packet: Packet | IcmpPacket) -> None:
        self.number = number
        self.packet = packet
        self.header: tuple[Flow, int, int] | None = None
        """What nodes on the way change of it: addresses and ports, time to live, ECN bits."""
        self.datagram = b""
        self.options = ""


class Trace:
    """Collects rows and hands them to `sink` in batches of about `batch`."""

    def __init__(self, sink: Sink, batch: int = 16384) -> None:
        self._sink = sink
        self._batch = batch
        self._rows: dict[str, list[Any]] = {name: [] for name in TABLES}
        self._in_flight: dict[int, _InFlight] = {}
        """By id(), which nobody else can have while the packet is held here."""
        self._packets = 0
        self._sockets = 0

    def packet(
        self,
        now: int,
        place: str,
        direction: str,
        event: str,
        packet: Packet | IcmpPacket,
        reason: str = "",
    ) -> None:
        """Record a packet seen at `now` (ns)."""
        seen = self._seen(packet)
        src, sport, dst, dport = packet.flow
        protocol, flags, seq, ack, window, length = "icmp", "", 0, 0, 0, 0
        if isinstance(packet, Packet):
            protocol, flags = "tcp", capture.flags_text(packet.flags)
            seq, ack, window = packet.seq, packet.ack, packet.window
            length = len(packet.payload)
        row = PacketRow(
            now / 1e9,
            seen.number,
            place,
            direction,
            event,
            reason,
            packet.connection,
            protocol,
            src,
            dst,
            sport,
            dport,
            flags,
            seq,
            ack,
            window,
            length,
            seen.options,
            seen.datagram,
        )
        self._add("packets", row)

    def forget(self, packet: Packet | IcmpPacket) -> None:
        """Take note that a packet was delivered or dropped: nobody will see it again."""
        self._in_flight.pop(id(packet), None)

    def new_socket(self) -> int:
        """Return the number of a socket not seen before."""
        self._sockets += 1
        return self._sockets - 1

    def socket(self, row: SocketRow) -> None:
        """Record a socket."""
        self._add("sockets", row)

    def flush(self) -> None:
        """Hand over the rows collected so far."""
        for name, rows in self._rows.items():
            self._sink(name, rows)
            self._rows[name] = []

    def _seen(self, packet: Packet | IcmpPacket) -> _InFlight:
        """Return what is known of a packet; its bytes are made anew when they change."""
        seen = self._in_flight.get(id(packet))
        if seen is None:
            seen = self._in_flight[id(packet)] = _InFlight(self._packets, packet)
            self._packets += 1
        changeable = packet.flow, packet.ttl, packet.tos
        if seen.header != changeable:
            seen.header = changeable
            if isinstance(packet, IcmpPacket):
                seen.datagram, seen.options = icmp.encode(packet), capture.icmp_text(packet)
            else:
                seen.datagram, seen.options = header.encode(packet), capture.options_text(packet)
        return seen

    def _add(self, table: str, row: NamedTuple) -> None:
        rows = self._rows[table]
        rows.append(row)
        if len(rows) >= self._batch:
            self._sink(table, rows)
            self._rows[table] = []
