"""The packet in flight: an IP header and a TCP segment as one light object.

Implements the fields of RFC 791 section 3.1, RFC 8200 section 3 and RFC 9293 section 3.1 that a
simulation needs; bytes on the wire are made by `sim.tcp.header`.  A packet is its own entry in the
calendar: the link that carries it says who receives it and puts it there, so that a hop costs one
event and no other object.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, final

from mypy_extensions import mypyc_attr

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
URG: Final = 0x20
ECE: Final = 0x40
CWR: Final = 0x80
SYN_ACK: Final = SYN | ACK

NO_TIMESTAMP: Final = -1
"""Value of `Packet.ts_val` in a segment without the timestamps option."""

NOT_OBSERVED: Final = -1
"""Value of `Packet.connection` in a packet that belongs to no recorded connect()."""


@final
@mypyc_attr(acyclic=True)
class Flow:
    """A four-tuple, seen in the direction that the packet travels.

    Addresses are text ("10.0.0.1", "2001:db8::1"); two packets of one direction of one
    connection share one Flow, which is also the receiver's key in its connection table: it does
    not change.
    """

    __slots__ = ("_hash", "dport", "dst", "sport", "src")

    def __init__(self, src: str, sport: int, dst: str, dport: int) -> None:
        self.src = src
        self.sport = sport
        self.dst = dst
        self.dport = dport
        self._hash = hash((src, sport, dst, dport))

    def reverse(self) -> Flow:
        """Return the flow of the opposite direction."""
        return Flow(self.dst, self.dport, self.src, self.sport)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Flow):
            return NotImplemented
        return (
            self.sport == other.sport
            and self.dport == other.dport
            and self.src == other.src
            and self.dst == other.dst
        )

    def __iter__(self) -> Iterator[Any]:
        """Yield source address and port, destination address and port."""
        return iter((self.src, self.sport, self.dst, self.dport))

    def __repr__(self) -> str:
        return f"Flow({self.src!r}, {self.sport}, {self.dst!r}, {self.dport})"


class SynOptions(NamedTuple):
    """Options that travel only in a segment with SYN set (RFC 9293 3.2, RFC 7323, 2018, 7413).

    The timestamps option is in `Packet.ts_val` and `ts_ecr`; `layout` says where it stands.
    """

    mss: int = -1
    """Maximum segment size offered, bytes; -1: no option."""
    wscale: int = -1
    """Window scale shift, 0..14; -1: no option."""
    sack_permitted: bool = False
    fastopen: bytes | None = None
    """Fast Open cookie; empty: a request for one; None: no option."""
    layout: tuple[int, ...] = ()
    """Option kinds in the order they are written, NOPs (1) and end of list (0) among them."""


NO_SYN_OPTIONS: Final = SynOptions()


@mypyc_attr(acyclic=True, allow_interpreted_subclasses=True)
class Datagram:
    """What IP carries: its header's fields."""

    __slots__ = ("connection", "flow", "ident", "tos", "ttl")

    def __init__(
        self,
        flow: Flow,
        ttl: int = 64,
        connection: int = NOT_OBSERVED,
        ident: int = 0,
        tos: int = 0,
    ) -> None:
        self.flow = flow
        self.ttl = ttl
        """Time to live (IPv4) or hop limit (IPv6)."""
        self.connection = connection
        """What the observer knows and no protocol stack reads: the row of the connect()."""
        self.ident = ident
        """Identification field of IPv4; 0 in IPv6."""
        self.tos = tos
        """Type of service (IPv4) or traffic class (IPv6), with the ECN bits."""


@final
@mypyc_attr(acyclic=True)
class Packet(Datagram):
    """One IP packet that carries one TCP segment."""

    __slots__ = (
        "ack",
        "flags",
        "options",
        "payload",
        "sack",
        "seq",
        "ts_ecr",
        "ts_val",
        "window",
    )

    def __init__(
        self,
        flow: Flow,
        flags: int,
        seq: int,
        ack: int,
        window: int,
        options: SynOptions | None = None,
        ts_val: int = NO_TIMESTAMP,
        ts_ecr: int = 0,
        payload: bytes = b"",
        sack: tuple[tuple[int, int], ...] = (),
        ttl: int = 64,
        connection: int = NOT_OBSERVED,
        ident: int = 0,
        tos: int = 0,
    ) -> None:
        super().__init__(flow, ttl, connection, ident, tos)
        self.flags = flags
        self.seq = seq
        """Sequence number, 0 .. 2**32 - 1."""
        self.ack = ack
        """Acknowledgment number, 0 .. 2**32 - 1; 0 without the ACK bit."""
        self.window = window
        """The window field as it stands in the header: 16 bits, not scaled."""
        self.options = options
        """Options of a SYN; None in every other segment."""
        self.ts_val = ts_val
        self.ts_ecr = ts_ecr
        self.payload = payload
        self.sack = sack
        """SACK blocks as (left edge, right edge), RFC 2018 section 3."""

    def __copy__(self) -> Packet:
        """Return another packet with the same fields, not in flight."""
        return Packet(
            self.flow,
            self.flags,
            self.seq,
            self.ack,
            self.window,
            self.options,
            self.ts_val,
            self.ts_ecr,
            self.payload,
            self.sack,
            self.ttl,
            self.connection,
            self.ident,
            self.tos,
        )

    @property
    def length(self) -> int:
        """Sequence space that the segment occupies: data, SYN and FIN (RFC 9293 SEG.LEN)."""
        return len(self.payload) + (self.flags & SYN) // SYN + (self.flags & FIN)

    def __repr__(self) -> str:
        names = "".join(
            letter
            for bit, letter in ((SYN, "S"), (FIN, "F"), (RST, "R"), (PSH, "P"), (ACK, "."))
            if self.flags & bit
        )
        src, sport, dst, dport = self.flow
        return (
            f"<{src}:{sport} > {dst}:{dport} [{names}] seq {self.seq} ack {self.ack}"
            f" win {self.window} length {len(self.payload)}>"
        )
