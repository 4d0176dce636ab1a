"""The programs that run on simulated hosts: servers that accept, clients that connect.

Each speaks to the host through its sockets alone: as a SimPy process or, where there are thousands,
as `sim.bulk`.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Generator, Iterable, Sequence
from socket import SO_REUSEADDR, SO_REUSEPORT, SOL_SOCKET
from typing import Any

import numpy as np
import numpy.typing as npt
from simpy.events import Event

from sim.bulk import Arrivals, Workers
from sim.host import Host
from sim.packet import SYN, Flow, Packet, SynOptions
from sim.simulation import Simulation
from sim.socket import Address, Socket
from sim.tcp.connection import Connection
from sim.tcp.header import MSS
from sim.units import S

Processing = Generator[Event, Any, None]

SPOOFED = ipaddress.IPv4Network("240.0.0.0/4")
"""Addresses that nobody has (RFC 1112 section 4: reserved), so that nobody answers."""
SPOOFED_OPTIONS = SynOptions(mss=1460, layout=(MSS,))
BATCH = 4096


class Server:
    """A program that listens on a port of a host and accepts.

    Each of its `workers` accepts at most `accept_rate` connections a second (0: at once).  They
    share one listening socket or, with `reuse_port`, have one each (SO_REUSEPORT).  An accepted
    connection is read, and closed when the client closes it.
    """

    def __init__(
        self,
        host: Host,
        port: int,
        backlog: int,
        accept_rate: float = 0.0,
        workers: int = 1,
        reuse_port: bool = False,
    ) -> None:
        self.host = host
        self.port = port
        self.backlog = backlog
        self.pause = round(S / accept_rate) if accept_rate else 0
        self.workers = workers
        self.reuse_port = reuse_port
        self.listening: list[Socket] = []

    def start(self) -> None:
        """Listen and accept from now on."""
        for _ in range(self.workers if self.reuse_port else 1):
            listening = self.host.socket()
            listening.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
            listening.setsockopt(SOL_SOCKET, SO_REUSEPORT, int(self.reuse_port))
            listening.bind(("", self.port))
            listening.listen(self.backlog)
            self.listening.append(listening)
        each = 1 if self.reuse_port else self.workers
        for listening in self.listening:
            Workers(listening, each, self.pause)

    def stop(self) -> None:
        """End as a process does: its listening sockets and its connections are closed."""
        while self.listening:
            self.listening.pop().close()
        for endpoint in list(self.host.tcp.connections.values()):
            if isinstance(endpoint, Connection) and endpoint.key.dport == self.port:
                user = endpoint.user
                if isinstance(user, Socket):
                    user.close()

    def power_cut(self, downtime: int) -> None:
        """Let the host lose power for `downtime` ns; the program is gone with it."""
        self.listening.clear()
        self.host.reboot(downtime)


def serve(host: Host, port: int, backlog: int, accept_rate: float = 0.0) -> Server:
    """Start a `Server` on `host` and return it."""
    server = Server(host, port, backlog, accept_rate)
    server.start()
    return server


def call(
    host: Host, address: Address, data: bytes, after: int, hold: float = math.inf
) -> Processing:
    """Connect, send `data` `after` ns later, keep the connection for `hold` ns more, close it.

    With hold math.inf the connection stays until the server closes or resets it.
    """
    connecting = host.socket()
    try:
        yield connecting.connect(address)
        yield host.env.timeout(after)
        yield connecting.send(data)
        if hold < math.inf:
            yield host.env.timeout(int(hold))
        else:
            while (yield connecting.recv()):
                pass
    except OSError:
        pass
    connecting.close()


def stay_connected(
    host: Host, address: Address, start: int, wait: int, retry: int, ping: tuple[int, int] | None
) -> Processing:
    """Connect at `start`; when that connection has ended, `wait` later, connect again and stay.

    A connect() that fails is tried again `retry` later.  `ping` (interval, end): a byte is sent so
    often until then, which is how a client learns that its server has forgotten it.  All in ns.
    """
    env = host.env
    yield env.timeout(start)
    connection = yield from connect_at_last(host, address, retry)
    if ping is not None:
        env.process(ping_while_open(connection, *ping))
    try:
        while (yield connection.recv()):
            pass
    except OSError:
        pass
    connection.close()
    yield env.timeout(wait)
    connection = yield from connect_at_last(host, address, retry)
    if ping is not None:
        yield from ping_while_open(connection, *ping)


def connect_at_last(host: Host, address: Address, retry: int) -> Generator[Event, Any, Socket]:
    """Connect, again and again with `retry` ns in between; returns the connected socket."""
    while True:
        connecting = host.socket()
        try:
            yield connecting.connect(address)
        except OSError:
            connecting.close()
            yield host.env.timeout(retry)
        else:
            return connecting


def ping_while_open(connection: Socket, interval: int, end: int) -> Processing:
    """Send a byte every `interval` ns while the connection lasts, until `end`."""
    env = connection.host.env
    try:
        while env.now + interval <= end:
            yield env.timeout(interval)
            yield connection.send(b".")
    except OSError:
        return


def flood(
    attacker: Host, address: Address, rng: np.random.Generator, rate: float, size: int, start: int
) -> Processing:
    """Send `size` SYNs from addresses that nobody has, `rate` a second from `start` (ns) on.

    They are raw packets: the attacker keeps nothing of them.
    """
    env = attacker.env
    first, last = int(SPOOFED[0]), int(SPOOFED[-1])
    for sent in range(0, size, BATCH):
        count = min(BATCH, size - sent)
        sources = rng.integers(first, last, count)
        ports = rng.integers(1024, 65536, count)
        numbers = rng.integers(0, 1 << 32, count)
        batch = zip(sources.tolist(), ports.tolist(), numbers.tolist(), strict=True)
        for index, (source, port, isn) in enumerate(batch, sent):
            pause = start + round(index * S / rate) - env.now
            if pause > 0:
                yield env.timeout(pause)
            flow = Flow(str(ipaddress.IPv4Address(source)), port, *address)
            attacker.tcp.routes[address[0]](Packet(flow, SYN, isn, 0, 64240, SPOOFED_OPTIONS))


def poisson(rng: np.random.Generator, rate: float, count: int) -> npt.NDArray[np.int64]:
    """Return `count` arrival times of a Poisson process of `rate` a second, ns, shape (count,).

    Raises OverflowError if the last lies beyond what 64 bits of nanoseconds hold, 292 years.
    """
    times: npt.NDArray[np.float64] = np.cumsum(rng.exponential(S / rate, count))
    if count and times[-1] >= 2.0**63:
        raise OverflowError(f"{count} arrivals at {rate:g}/s take longer than 292 years")
    return times.astype(np.int64)


def arrive(
    sim: Simulation, clients: Sequence[Host], address: Address, times: Iterable[int], hold: float
) -> None:
    """Let one client after the other connect to `address` at `times` (ns, not decreasing).

    Each holds its connection for `hold` ns (for ever: math.inf) and closes it.
    """
    Arrivals(sim.env.calendar, clients, address, times, hold)
