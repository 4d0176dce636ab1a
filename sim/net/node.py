"""A node of the network and its forwarding table.

Packets are forwarded by destination address.  A table's entry is the `send` of the link towards
the destination, worked out when the first packet for it comes by.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.packet import Packet

Send = Callable[[Packet], None]


class ForwardingTable(dict[str, Send]):
    """Destination address -> the send() of the next link; a missing entry is looked up once."""

    def __init__(self, node: str, next_hop: Callable[[str, str], Send]) -> None:
        super().__init__()
        self._node = node
        self._next_hop = next_hop

    def __missing__(self, address: str) -> Send:
        """Find the way; raises OSError (ENETUNREACH) if there is none."""
        send = self[address] = self._next_hop(self._node, address)
        return send


class Router:
    """A node that forwards and has no sockets."""

    __slots__ = ("forwarding", "name")

    def __init__(self, name: str, forwarding: ForwardingTable) -> None:
        self.name = name
        self.forwarding = forwarding

    def receive(self, packet: Packet) -> None:
        """Forward a packet towards its destination (RFC 1812 5.3.1: a dead one is discarded)."""
        packet.ttl -= 1
        if packet.ttl > 0:
            self.forwarding[packet.flow[2]](packet)
