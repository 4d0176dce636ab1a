"""A node of the network: its forwarding table, and the router, which only forwards.

Packets are forwarded by destination address.  A table's entry is the `send` of the link towards
the destination, worked out when the first packet for it comes by.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from zlib import crc32

from mypy_extensions import mypyc_attr

from sim.net.complaints import PROTOCOL_UNREACHABLE, TIME_EXCEEDED, Complaints
from sim.net.wire import wire_size
from sim.packet import Datagram

Send = Callable[[Any], None]


class ForwardingTable(dict[str, Send]):
    """Destination address -> the send() of the next link; a missing entry is looked up once.

    `find` puts the entry into the table or raises OSError; `unroutable` takes a packet without a
    way, and the errno that says why.
    """

    def __init__(
        self,
        node: str,
        find: Callable[[str, str], None],
        unroutable: Callable[[int, Any], None],
    ) -> None:
        super().__init__()
        self.node = node
        self._find = find
        self._unroutable = unroutable
        self.paths: dict[str, int] = {}
        """What a host's records call the ways to the addresses it has connected to."""

    def __missing__(self, address: str) -> Send:
        """Find the way; where there is none, return what takes the packets that have none."""
        try:
            return self.route(address)
        except OSError as error:
            return partial(self._unroutable, error.errno or 0)

    def route(self, address: str) -> Send:
        """Return the send() of the next link; raises OSError if there is none."""
        if address not in self:
            self._find(self.node, address)
        return self[address]

    def forget(self) -> None:
        """Drop all entries: the routes have changed."""
        self.clear()
        self.paths.clear()


class EqualCost:
    """Sends each flow over one of several links, the same while the links are the same."""

    __slots__ = ("_links", "_salt")

    def __init__(self, node: str, links: list[Send]) -> None:
        self._links = links
        self._salt = crc32(node.encode())

    def __call__(self, packet: Any) -> None:
        """Send a packet over the link that the hash of its flow says (RFC 2992)."""
        flow = repr(tuple(packet.flow)).encode()
        self._links[crc32(flow, self._salt) % len(self._links)](packet)


class Narrow:
    """Sends packets of at most `mtu` bytes; what takes a larger one is told."""

    __slots__ = ("_mtu", "_send", "_too_big")

    def __init__(self, mtu: int, send: Send, too_big: Callable[[Any, int], None]) -> None:
        self._mtu = mtu
        self._send = send
        self._too_big = too_big

    def __call__(self, packet: Any) -> None:
        """Send a packet, or say that it is too big: every packet has DF set."""
        if wire_size(packet) > self._mtu:
            self._too_big(packet, self._mtu)
        else:
            self._send(packet)


@mypyc_attr(allow_interpreted_subclasses=True)
class Router:
    """A node that forwards and has no sockets."""

    __slots__ = ("complaints", "forwarding", "name")

    def __init__(self, name: str, forwarding: ForwardingTable, complaints: Complaints) -> None:
        self.name = name
        self.forwarding = forwarding
        self.complaints = complaints

    def receive(self, packet: Datagram) -> None:
        """Forward a packet towards its destination, unless its time to live is over."""
        packet.ttl -= 1
        if packet.ttl > 0:
            self.forwarding[packet.flow.dst](packet)
        else:
            self.complaints.about(packet, TIME_EXCEEDED, "time exceeded")

    def deliver(self, packet: Datagram) -> None:
        """Take a packet for the router itself, which speaks no TCP."""
        self.complaints.about(packet, PROTOCOL_UNREACHABLE, "no TCP here")
