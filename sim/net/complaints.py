"""What a node says about packets that it cannot forward: ICMP errors, at a limited rate.

Implements RFC 1812 sections 4.3 and 5.3, RFC 4443 section 2.4 and RFC 1191 as a Linux router
follows them: `icmp_msgs_per_sec` and `icmp_msgs_burst` for all errors together,
`icmp_ratelimit` for each destination, and neither for "fragmentation needed" (kernel measurement
E4: of 50 SYNs in a burst 6 draw an error).  The quoted packet is as it arrived.  Left out: the few
random messages by which recent kernels hide the common limit.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sim import ip
from sim.calendar import Calendar
from sim.icmp import IcmpPacket
from sim.packet import Packet
from sim.units import S


class Complaint(NamedTuple):
    """What an ICMP error says: type and code in ICMP and in ICMPv6."""

    v4: tuple[int, int]
    v6: tuple[int, int]


NET_UNREACHABLE = Complaint((3, 0), (1, 0))
HOST_UNREACHABLE = Complaint((3, 1), (1, 3))
PROTOCOL_UNREACHABLE = Complaint((3, 2), (4, 1))
PORT_UNREACHABLE = Complaint((3, 3), (1, 4))
PROHIBITED = Complaint((3, 13), (1, 1))
TOO_BIG = Complaint((3, 4), (2, 0))
TIME_EXCEEDED = Complaint((11, 0), (3, 0))

BY_ERRNO: Final = {
    errno.ENETUNREACH: NET_UNREACHABLE,
    errno.EHOSTUNREACH: HOST_UNREACHABLE,
    errno.EACCES: PROHIBITED,
}
"""What is said where a route says no; of the errnos of routes EINVAL (blackhole) is silent."""

MESSAGES_PER_SECOND: Final = 1000
"""Of all destinations together (net.ipv4.icmp_msgs_per_sec)."""
BURST: Final = 50
"""net.ipv4.icmp_msgs_burst."""
INTERVAL: Final = S
"""Between errors to one destination (net.ipv4.icmp_ratelimit), ns."""
INTERVALS_SAVED: Final = 6
"""A destination that got none for long gets so many at once (XRLIM_BURST_FACTOR)."""


class Bucket:
    """A token bucket that fills with time: an error costs `cost` ns, at most `depth` ns are saved.

    It begins full.
    """

    __slots__ = ("_at", "_cost", "_depth", "_saved")

    def __init__(self, cost: int, depth: int) -> None:
        self._cost = cost
        self._depth = depth
        self._saved = depth
        self._at = 0

    def ready(self, now: int) -> bool:
        """Whether there is enough for an error at `now` (ns)."""
        self._saved = min(self._saved + now - self._at, self._depth)
        self._at = now
        return self._saved >= self._cost

    def take(self, now: int) -> bool:
        """Spend what an error at `now` (ns) costs, and return True, if there is enough."""
        if not self.ready(now):
            return False
        self._saved -= self._cost
        return True


class Complaints:
    """Sends a node's ICMP errors.

    `address(dst)` returns the node's own address of the version of `dst`; `send` takes the error;
    `dropped` hears of each packet that is let go, and why.  A node that `forwards` has taken 1
    off the time to live of what it complains about, and limits the rate; a host tells itself.
    """

    __slots__ = ("_address", "_all", "_calendar", "_each", "_forwards", "_send", "dropped")

    def __init__(
        self,
        calendar: Calendar,
        address: Callable[[str], str],
        send: Callable[[IcmpPacket], None],
        dropped: Callable[[Any, str], None],
        *,
        forwards: bool = True,
    ) -> None:
        self._calendar = calendar
        self._forwards = forwards
        self._address = address
        self._send = send
        self.dropped = dropped
        self._all = Bucket(S // MESSAGES_PER_SECOND, BURST * S // MESSAGES_PER_SECOND)
        self._each: dict[str, Bucket] = {}

    def unroutable(self, number: int, packet: Any) -> None:
        """Let go of a packet without a way; the errno says why."""
        said = BY_ERRNO.get(number)
        if said is None or not self._forwards:
            self.dropped(packet, "no route")
        else:
            self.about(packet, said, "no route")

    def too_big(self, packet: Any, mtu: int) -> None:
        """Let go of a packet that is too big for a link that takes `mtu` bytes."""
        self.about(packet, TOO_BIG, "too big", mtu)

    def about(self, packet: Any, said: Complaint, reason: str, mtu: int = 0) -> None:
        """Let go of a packet that was to be sent on, and tell its sender."""
        packet.ttl += self._forwards
        self.dropped(packet, reason)
        self.send(packet, said, mtu)

    def send(self, packet: Any, said: Complaint, mtu: int = 0) -> None:
        """Send an error about a packet to its sender, unless the rate forbids it."""
        if not isinstance(packet, Packet):  # no error about an error (RFC 1122 section 3.2.2)
            return
        dst = packet.flow.src
        if self._forwards and said is not TOO_BIG and not self._allowed(dst):
            return
        kind, code = said.v6 if ip.is_ipv6(dst) else said.v4
        src = self._address(dst)
        self._send(IcmpPacket(src, dst, kind, code, packet, mtu=mtu, connection=packet.connection))

    def _allowed(self, dst: str) -> bool:
        now = self._calendar.now
        if not self._all.ready(now):
            return False
        each = self._each.get(dst)
        if each is None:
            each = self._each[dst] = Bucket(INTERVAL, INTERVALS_SAVED * INTERVAL)
        return each.take(now) and self._all.take(now)
