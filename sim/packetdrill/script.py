"""What a packetdrill script says, as immutable values: options, events, packets, expressions.

Every value stands as it is written in the script: sequence numbers, timestamps and ports are not
yet translated to those of a connection, names like O_NONBLOCK not yet to numbers.  Times are
integer nanoseconds.  Left out of the language, and refused by the parser: UDP and SCTP packets,
encapsulation (IP in IP, GRE, MPLS, UDP), mutation of packets, accurate ECN.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class ScriptError(Exception):
    """A script that cannot be understood; `str()` is one line, "file:line: what is wrong"."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path = path
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Ellipsis:
    """`...`: any value will do, or the one that packetdrill chooses."""


@dataclass(frozen=True, slots=True)
class Integer:
    """A decimal or hexadecimal number."""

    value: int


@dataclass(frozen=True, slots=True)
class Name:
    """A symbol such as SOCK_STREAM."""

    text: str


@dataclass(frozen=True, slots=True)
class String:
    """Text between double quotes, its escapes resolved; or a hexadecimal `psk`."""

    value: bytes


@dataclass(frozen=True, slots=True)
class Or:
    """`a|b|c`: the bits of all terms."""

    terms: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """`[a, b]`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """`htons(80)`, `inet_addr("192.0.2.1")`."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a structure: `name=value`, `name(count)=value`, or just a value (name "")."""

    name: str
    value: Expression
    count: Expression | None = None


@dataclass(frozen=True, slots=True)
class Structure:
    """`{fd=3, events=POLLIN}`, `{onoff=1, linger=0}`, `{..., 100}`."""

    members: tuple[Member, ...]

    def get(self, name: str) -> Expression | None:
        """Return the member's value, or None."""
        return next((member.value for member in self.members if member.name == name), None)

    def names(self) -> tuple[str, ...]:
        """Return the names of the members in the order in which they are written."""
        return tuple(member.name for member in self.members)


Expression = Ellipsis | Integer | Name | String | Or | Array | Call | Structure


class TimeKind(Enum):
    """How an event's time is given."""

    ABSOLUTE = "1.5"
    RELATIVE = "+1.5"
    ANY = "*"
    ABSOLUTE_RANGE = "1~2"
    RELATIVE_RANGE = "+1~+2"


RANGES = (TimeKind.ABSOLUTE_RANGE, TimeKind.RELATIVE_RANGE)
RELATIVES = (TimeKind.RELATIVE, TimeKind.RELATIVE_RANGE, TimeKind.ANY)


@dataclass(frozen=True, slots=True)
class When:
    """When an event happens."""

    kind: TimeKind
    start: int = 0
    """ns after the start of the script, or after the previous event."""
    end: int = 0
    """End of a range, counted as `start` is."""


class Direction(Enum):
    """Which way a packet goes, seen from the host under test."""

    INBOUND = "<"
    OUTBOUND = ">"


class TosCheck(Enum):
    """Which bits of the type of service an expected packet must have."""

    NONE = 0
    TOS = 0xFF
    DSCP = 0xFC
    ECN = 0x03
    ECT01 = 0x02
    """ECT(0) or ECT(1), whichever."""


@dataclass(frozen=True, slots=True)
class IpInfo:
    """What stands in `[ect0]`, `(tos 0x20, flowlabel 0x1)`, `[ttl 64]`."""

    check: TosCheck = TosCheck.NONE
    tos: int = 0
    """Type of service or traffic class, 8 bits."""
    flow_label: int = 0
    """IPv6 flow label; 0: not given."""
    ttl: int = 0
    """Time to live or hop limit; 0: not given."""


@dataclass(frozen=True, slots=True)
class Option:
    """A TCP option as it is on the wire: kind and what follows its length byte."""

    kind: int
    data: bytes = b""

    @property
    def length(self) -> int:
        """Bytes on the wire; end of list (0) and no operation (1) have no length byte."""
        return 1 if self.kind <= 1 else 2 + len(self.data)


@dataclass(frozen=True, slots=True)
class TcpPacket:
    """`< S 0:0(0) win 65535 <mss 1460>`."""

    direction: Direction
    flags: int
    """FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128."""
    seq: int
    length: int
    """Payload, bytes."""
    ack: int = 0
    window: int | None = None
    """None: not compared; never None in a packet to inject."""
    urgent: int = 0
    options: tuple[Option, ...] | None = ()
    """None, written <...>: not compared."""
    sport: int = 0
    """0: that of the connection."""
    dport: int = 0
    ip: IpInfo = field(default_factory=IpInfo)
    any_seq: bool = False
    """`...(10)`: the sequence number is not compared."""
    absolute_seq: bool = False
    """`1:1(0)!`: the number goes on the wire as it is written."""
    any_ts_val: bool = False
    """`TS val ...`: not compared even where timestamps are."""
    absolute_ts_ecr: bool = False
    """`ecr 5!`: the number goes on the wire as it is written."""


@dataclass(frozen=True, slots=True)
class IcmpPacket:
    """`< icmp unreachable host_unreachable [0:0(0)]`."""

    direction: Direction
    type: str
    code: str | None = None
    mtu: int | None = None
    """Next-hop MTU, bytes."""
    seq: int = 0
    """Sequence number of the segment that is quoted."""
    length: int = 0
    """Payload of the segment that is quoted, bytes."""
    echo_id: int = 0
    ip: IpInfo = field(default_factory=IpInfo)


@dataclass(frozen=True, slots=True)
class SystemCall:
    """`socket(..., SOCK_STREAM, IPPROTO_TCP) = 3`."""

    name: str
    arguments: tuple[Expression, ...]
    result: Expression
    errno: str | None = None
    """Name of the error, "ECONNREFUSED"; None: not compared."""
    end: int | None = None
    """When a blocking call returns, ns, counted as the event's start is; None: does not block."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command for the shell, written between backquotes."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """Python over the connection's state, written between %{ and }%."""

    text: str


Action = TcpPacket | IcmpPacket | SystemCall | Command | Code


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the script: something to do or to expect."""

    line: int
    when: When
    action: Action


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of packetdrill, from the top of a script or its command line."""

    ip_version: str = "ipv4"
    """ipv4, ipv6 or ipv4-mapped-ipv6."""
    bind_port: int = 8080
    connect_port: int = 8080
    local_ip: str | None = None
    remote_ip: str | None = None
    mss: int | None = None
    """Bytes; the driver's limit for segments merged on their way out: nothing here merges."""
    mtu: int = 1500
    """Bytes, of the interface."""
    tolerance: int = 4_000_000
    """ns by which an event may be early or late."""
    tolerance_percent: float | None = None
    """Share of the time since the last event that is tolerated if it is more; None: the default."""
    ts_ecr_scaled: bool = False
    ts_tick: int = 0
    """ns between two timestamps; 0: TS val is not compared."""
    strict_segments: bool = False
    """Whether each segment is compared by itself, not joined until the expected length."""
    non_fatal: frozenset[str] = frozenset()
    """"packet", "syscall": mismatches that are only warned of."""
    defines: tuple[tuple[str, str], ...] = ()
    """Symbols of --define and what they stand for."""


@dataclass(frozen=True, slots=True)
class Script:
    """A whole script."""

    path: str
    settings: Settings
    init: tuple[int, Command] | None
    """Set-up command and its line."""
    events: tuple[Event, ...]
    cleanup: Command | None = None
