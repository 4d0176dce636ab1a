"""The programs that run on simulated hosts: servers that accept, clients that connect.

Each is a SimPy process that speaks to the host through its sockets alone.
"""

from __future__ import annotations

import ipaddress
import itertools
import math
from collections.abc import Generator, Iterable, Sequence
from functools import partial
from socket import SO_REUSEADDR, SO_REUSEPORT, SOL_SOCKET
from typing import Any

import numpy as np
import numpy.typing as npt
from simpy.events import Event

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
        for _, listening in zip(range(self.workers), itertools.cycle(self.listening)):
            self.host.env.process(accept_loop(listening, self.pause))

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


def accept_loop(listening: Socket, pause: int) -> Processing:
    """Accept connections while `listening` listens, with a pause of `pause` ns after each."""
    env = listening.host.env
    try:
        while True:
            connection, _ = yield listening.accept()
            connection.add_reader(partial(read_all, connection))
            if pause:
                yield env.timeout(pause)
    except OSError:
        return


def read_all(connection: Socket) -> None:
    """Read what has arrived; close the connection if that was the end."""
    try:
        data = connection.recv().value
    except OSError:
        data = b""
    if data:
        connection.add_reader(partial(read_all, connection))
    else:
        connection.close()


def connect_hold_close(host: Host, address: Address, hold: float) -> None:
    """Connect to `address`, keep the connection for `hold` ns (for ever: math.inf), close it.

    How the connect() ended stands in the simulation's records.
    """
    connecting = host.socket()
    try:
        returned = connecting.connect(address)
    except OSError:
        return
    returned.callbacks.append(Holder(connecting, hold))


class Holder:
    """Closes a connection `hold` ns after connect() returned."""

    __slots__ = ("hold", "socket")

    def __init__(self, socket: Socket, hold: float) -> None:
        self.socket = socket
        self.hold = hold

    def __call__(self, returned: Event) -> None:
        """Take note that connect() returned."""
        if not returned.ok:
            returned.defused = True
        elif self.hold < math.inf:
            self.socket.host.env.timeout(int(self.hold)).callbacks.append(self.close)

    def close(self, _: Event) -> None:
        """Close the connection."""
        self.socket.close()


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
        while env._now + interval <= end:
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
            pause = start + round(index * S / rate) - env._now
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


def arrivals(
    sim: Simulation, clients: Sequence[Host], address: Address, times: Iterable[int], hold: float
) -> Processing:
    """Let one client after the other connect to `address` at `times` (ns, not decreasing)."""
    env = sim.env
    for at, host in zip(times, itertools.cycle(clients), strict=False):
        if at > env._now:
            yield env.timeout(at - env._now)
        connect_hold_close(host, address, hold)
