"""Packets as a host's network card hands them over: bytes, some of them malformed.

What is malformed is dropped and counted under nstat's names, as Linux counts it (ip_rcv,
tcp_v4_rcv, icmp_rcv).
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import NamedTuple

from sim import icmp, ip
from sim.icmp import IcmpPacket
from sim.ip import ChecksumError, MalformedError
from sim.packet import Packet
from sim.tcp import header


class _Protocol(NamedTuple):
    decode: Callable[[bytes], Packet | IcmpPacket]
    errors: str
    """The counter of what is malformed, a wrong checksum among it."""
    checksums: str


_PROTOCOLS = {
    ip.TCP: _Protocol(header.decode, "TcpInErrs", "TcpInCsumErrors"),
    ip.ICMP: _Protocol(icmp.decode, "IcmpInErrors", "IcmpInCsumErrors"),
    ip.ICMPV6: _Protocol(icmp.decode, "Icmp6InErrors", "Icmp6InCsumErrors"),
}


def decode(data: bytes, counters: MutableMapping[str, int]) -> Packet | IcmpPacket | None:
    """Return the packet that `data` is, None if it is malformed or of a protocol nobody speaks."""
    version = "Ip6" if data[:1] and data[0] >> 4 == 6 else "Ip"
    try:
        outer, _ = ip.decode(data)
    except MalformedError:
        counters[f"{version}InHdrErrors"] += 1
        return None
    protocol = _PROTOCOLS.get(outer.protocol)
    if protocol is None:
        counters[f"{version}InUnknownProtos"] += 1
        return None
    try:
        return protocol.decode(data)
    except MalformedError as error:
        counters[protocol.errors] += 1
        if isinstance(error, ChecksumError):
            counters[protocol.checksums] += 1
        return None
