"""The programs that run on simulated hosts: servers that accept, clients that connect.

Each is a SimPy process that speaks to the host through its sockets alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from simpy.events import Event

from sim.host import Host
from sim.simulation import Simulation
from sim.socket import Address, Socket
from sim.units import S

Processing = Generator[Event, Any, None]


def serve(host: Host, port: int, backlog: int, accept_rate: float = 0.0) -> None:
    """Start a server on `host`: it listens on `port` and accepts at most `accept_rate` a second.

    `accept_rate` 0: at once.  An accepted connection is closed when the client closes it.
    """
    listening = host.socket()
    listening.bind(("", port))
    listening.listen(backlog)
    pause = round(S / accept_rate) if accept_rate else 0
    host.env.process(accept_loop(listening, pause))


def accept_loop(listening: Socket, pause: int) -> Processing:
    """Accept connections for ever, with a pause of `pause` ns after each."""
    env = listening.host.env
    while True:
        connection, _ = yield listening.accept()
        connection.add_reader(connection.close)
        if pause:
            yield env.timeout(pause)


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


def poisson(rng: np.random.Generator, rate: float, count: int) -> npt.NDArray[np.int64]:
    """Return `count` arrival times of a Poisson process of `rate` a second, ns, shape (count,)."""
    gaps: npt.NDArray[np.float64] = rng.exponential(S / rate, count)
    times: npt.NDArray[np.int64] = np.cumsum(gaps).astype(np.int64)
    return times


def arrivals(
    sim: Simulation, clients: Sequence[Host], address: Address, times: Iterable[int], hold: float
) -> Processing:
    """Let one client after the other connect to `address` at `times` (ns, not decreasing)."""
    env = sim.env
    for at, host in zip(times, itertools.cycle(clients), strict=False):
        if at > env._now:
            yield env.timeout(at - env._now)
        connect_hold_close(host, address, hold)
