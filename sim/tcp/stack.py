"""The TCP of one host: its connections, its listening sockets, its ports and its buffer memory.

Implements the demultiplexing of RFC 9293 section 3.10.7 (which connection a segment belongs to),
the CLOSED state (RST generation, section 3.10.7.1) and the OPEN call.  No I/O: `now` is passed in,
segments go out by the `routes` that it was constructed with, timers to its `timers`, and what an
observer wants to know to its `observer`.
"""

from __future__ import annotations

import errno
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

from sim.packet import ACK, RST, Flow, Packet
from sim.tcp import cookies
from sim.tcp.connection import Connection
from sim.tcp.errors import os_error
from sim.tcp.icmp import HEADERS, IPV6_EXCESS, icmp_arrives
from sim.tcp.interfaces import Endpoint, Observer
from sim.tcp.isn import address_key
from sim.tcp.listener import Listener, ListenerGroup
from sim.tcp.peer import Offers, Peer
from sim.tcp.ports import Ports
from sim.tcp.profile import Profile
from sim.tcp.request import Request
from sim.tcp.seq import MASK
from sim.tcp.states import State
from sim.tcp.time_wait import TimeWait
from sim.timers import Timers

ANY: Final = ""
"""The wildcard address of a socket bound to no particular one, as in Python's socket module."""


class Peers:
    """Remote address -> what is kept about it; a missing one is made when first asked for."""

    def __init__(
        self, profile: Profile, source: Callable[[str], str], secret: int, mss: int
    ) -> None:
        self._profile = profile
        self._source = source
        self._secret = secret
        self._mss = mss
        self._offers: dict[int, Offers] = {}
        """By the MSS that a way takes."""
        self.known: dict[str, Peer] = {}

    def __getitem__(self, address: str) -> Peer:
        """Return what is kept about an address from now on."""
        peer = self.known.get(address)
        if peer is None:
            peer = self.known[address] = self._make(address)
        return peer

    def passing(self, address: str) -> Peer:
        """Return what is known of an address, and keep nothing new: a flood has many."""
        peer = self.known.get(address)
        return self._make(address) if peer is None else peer

    def keep(self, address: str, peer: Peer) -> Peer:
        """Return what is kept about an address; `peer`, if nothing was."""
        kept = self.known.get(address)
        if kept is None:
            kept = self.known[address] = peer
        return kept

    def configure(self, profile: Profile) -> None:
        """Let peers be talked to as another profile says, known ones included."""
        self._profile = profile
        self._offers.clear()
        for peer in self.known.values():
            peer.offers = self._offered(peer.mss)

    def _offered(self, mss: int) -> Offers:
        offers = self._offers.get(mss)
        if offers is None:
            offers = self._offers[mss] = Offers(self._profile, mss)
        return offers

    def _make(self, address: str) -> Peer:
        src = self._source(address)
        key = address_key(self._secret, src, address)
        mss = self._mss - (IPV6_EXCESS if ":" in address else 0)
        return Peer(self._offered(mss), src, key)


class Stack:
    """The TCP layer of a host.

    `routes[dst](packet)` sends a packet to `dst`; `source(dst)` returns the local address that it
    carries; both raise OSError (ENETUNREACH) if there is no way.  `mtu` in bytes; `secret` 64
    random bits.
    """

    def __init__(
        self,
        profile: Profile,
        routes: Mapping[str, Callable[[Packet], None]],
        timers: Timers,
        observer: Observer,
        source: Callable[[str], str],
        secret: int,
        mtu: int = 1500,
    ) -> None:
        self.profile = profile
        self.routes = routes
        self.timers = timers
        self.observer = observer
        self.connections: dict[Flow, Endpoint] = {}
        """By the flow in which the peer's segments arrive."""
        self.listeners: dict[tuple[str, int], Listener | ListenerGroup] = {}
        """By local address and port; the address is ANY for a wildcard."""
        self.established: dict[int, int] = {}
        """Connections in ESTABLISHED by local port, of those that anybody has ever listened on."""
        self.ports = Ports(profile.local_ports, profile.port_step)
        self.peers = Peers(profile, source, secret, mtu - HEADERS)
        self.counters: dict[str, int] = defaultdict(int)
        """SNMP and TcpExt counters, by the names of `nstat`."""
        self.memory_used = 0
        """Bytes of buffer memory that sockets hold."""
        self.orphans = 0
        """Connections that are still to be closed though their users have given them up."""
        self.secret = secret
        """64 bits that nobody else knows."""
        self.cookie_phase = secret % cookies.CLOCK
        """How far the cookies' clock was when the simulation began, ns."""
        self.reserve = profile.write_reserve + profile.read_reserve
        """Bytes that a socket holds from connect() or accept() on."""

    def configure(self, profile: Profile) -> None:
        """Change the host's knobs while it runs; buffers and ports stay as they are."""
        self.profile = profile
        self.peers.configure(profile)

    # What a user asks for.

    def connect(
        self,
        connection: Connection,
        dst: str,
        dport: int,
        now: int,
        sport: int = 0,
        early: bytes | None = None,
    ) -> None:
        """OPEN a connection actively (RFC 9293 3.10.1): choose a port, reserve memory, send a SYN.

        `early`: data for Fast Open, None without.  Raises OSError: ENETUNREACH without a route,
        EADDRNOTAVAIL without a free port, ENOBUFS without memory.
        """
        peer = self.peers[dst]
        connections = self.connections
        key: Flow | None
        reuse = False
        if sport:
            key = Flow(dst, dport, peer.src, sport)
            holder = connections.get(key)
            if holder is not None and not (isinstance(holder, TimeWait) and holder.lockable()):
                key = None
        else:
            reuse = self.profile.reuses_time_wait(peer.src == dst)
            key = self.ports.choose(peer.src, dst, dport, peer.key, connections, now, reuse)
        if key is None:
            raise os_error(errno.EADDRNOTAVAIL)
        self.reserve_memory()
        predecessor = None
        holder = connections.get(key) if sport or reuse else None
        if isinstance(holder, TimeWait):
            predecessor = holder if holder.reusable(now) else None
            holder.kill()
        connections[key] = connection
        self.counters["TcpActiveOpens"] += 1
        connection.open(key, peer, now, early, predecessor)

    def listen(self, listener: Listener, address: tuple[str, int]) -> None:
        """OPEN passively: let `listener` take the SYNs to an address and port.

        Listeners with SO_REUSEPORT share them.  Raises OSError (EADDRINUSE) if another listens.
        """
        port = address[1]
        if port not in self.established:
            self.established[port] = sum(
                key.dport == port and endpoint.state == State.ESTABLISHED
                for key, endpoint in self.connections.items()
            )
        other = self.listeners.get(address)
        if other is None:
            self.listeners[address] = listener
        elif listener.settings.reuse_port and other.settings.reuse_port:
            group = other if isinstance(other, ListenerGroup) else ListenerGroup(other)
            group.members.append(listener)
            self.listeners[address] = group
        else:
            raise os_error(errno.EADDRINUSE)

    def stop_listening(self, listener: Listener, address: tuple[str, int], now: int) -> None:
        """CLOSE a listener: what waits in its queues is forgotten or reset."""
        group = self.listeners.get(address)
        if group is None or listener not in group.members:
            return
        if isinstance(group, ListenerGroup) and len(group.members) > 1:
            group.members.remove(listener)
        else:
            del self.listeners[address]
        listener.close(now)

    def restart(self) -> None:
        """Forget everything without a word, as a host does that loses power; counters go on."""
        for endpoint in list(self.connections.values()):
            endpoint.vanish()
        self.listeners.clear()
        self.ports.bound.clear()
        self.peers.known.clear()

    def reserve_memory(self) -> None:
        """Reserve a socket's buffers, or raise OSError (ENOBUFS)."""
        if not self.has_memory():
            self.counters["TcpExtTCPMemoryPressures"] += 1
            raise os_error(errno.ENOBUFS)
        self.memory_used += self.reserve

    def has_memory(self) -> bool:
        """Whether another socket's buffers fit in the host's memory."""
        return self.memory_used + self.reserve <= self.profile.memory

    def forget(self, key: Flow) -> None:
        """Delete a connection's entry and give back its buffers."""
        del self.connections[key]
        self.memory_used -= self.reserve

    # What arrives.

    def segment_arrives(self, segment: Packet, now: int, isn: int = 0) -> None:
        """Hand a segment that belongs to no connection to a listener, or answer with a RST.

        `isn`: the sequence number to begin with, if a connection in TIME-WAIT is reopened.
        """
        flow = segment.flow
        dst, port = flow.dst, flow.dport
        listener = self.listeners.get((ANY, port)) or self.listeners.get((dst, port))
        if listener is not None:
            listener.segment_arrives(segment, now, isn)
        else:
            self.reset(segment)

    def reset(self, segment: Packet) -> None:
        """Answer a segment that no connection wants (RFC 9293 3.10.7.1); a RST never is."""
        flags = segment.flags
        if flags & RST:
            return
        self.counters["TcpOutRsts"] += 1
        flow = segment.flow.reverse()
        if flags & ACK:
            answer = Packet(flow, RST, segment.ack, 0, 0)
        else:
            answer = Packet(flow, RST | ACK, 0, (segment.seq + segment.length) & MASK, 0)
        answer.ttl = self.profile.ttl
        answer.connection = segment.connection
        self.routes[flow.dst](answer)

    def icmp_arrives(self, kind: int, code: int, quoted: Packet, mtu: int, now: int) -> None:
        """Hand an ICMP error to whoever sent the quoted segment (RFC 9293 3.9.2.2).

        `mtu`: bytes that the next link takes, in "fragmentation needed".
        """
        endpoint = self.connections.get(quoted.flow.reverse())
        if isinstance(endpoint, Connection):
            icmp_arrives(endpoint, kind, code, quoted, mtu, now)
        elif isinstance(endpoint, Request):
            endpoint.icmp_arrives(kind, code, quoted)
