"""Programs without a process each: calls that return by calling, and the load made of them."""

import errno
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sim import Simulation
from sim.applications import Server, arrive
from sim.bulk import connect_hold_close
from sim.host import Host
from sim.socket import Socket
from sim.units import MS, S


def ignore(error: int) -> None:
    """Hear that connect() returned."""


CALL = ("10.0.0.2", 80), ignore


class Pair:
    """A client and a server, 20 ms apart, and what calls have told, with the time in ms."""

    def __init__(self, backlog: int | None = 10) -> None:
        self.sim = Simulation(seed=1)
        self.client = self.sim.add_host("client")
        self.server = self.sim.add_host("server")
        self.island = self.sim.add_host("island")
        self.sim.add_link("client", "server", delay=20 * MS)
        self.address = self.server.address, 80
        self.told: list[tuple[float, Any]] = []
        if backlog is not None:
            self.listening = self.server.socket()
            self.listening.bind(("", 80))
            self.listening.listen(backlog)

    def tell(self, what: Any) -> None:
        self.told.append((self.sim.env.now / MS, what))


def test_start_connect_tells_when_connect_returns() -> None:
    pair = Pair()
    socket = pair.client.socket()
    socket.start_connect(pair.address, pair.tell)
    pair.sim.run()
    assert pair.told == [(40, 0)]
    assert socket.getpeername() == pair.address
    socket.send(b"data")


def test_start_connect_tells_the_errno() -> None:
    pair = Pair(backlog=None)
    pair.client.socket().start_connect(pair.address, pair.tell)
    pair.sim.run()
    assert pair.told == [(40, errno.ECONNREFUSED)]
    assert pair.sim.records.columns()["errno"].categories == ["ECONNREFUSED"]  # type: ignore[union-attr]


def test_start_connect_raises_what_is_known_at_once() -> None:
    pair = Pair()
    socket = pair.island.socket()
    with pytest.raises(OSError, match="unreachable") as raised:
        socket.start_connect(pair.address, pair.tell)
    assert raised.value.errno == errno.ENETUNREACH
    pair.sim.run()
    assert pair.told == []


@pytest.mark.parametrize("used", [Socket.listen, lambda socket: socket.start_connect(*CALL)])
def test_start_connect_takes_new_sockets_only(used: Callable[[Socket], None]) -> None:
    socket = Pair().client.socket()
    used(socket)
    with pytest.raises(OSError) as raised:  # noqa: PT011 (the errno tells)
        socket.start_connect(*CALL)
    assert raised.value.errno == errno.EISCONN


def test_accept_nowait() -> None:
    pair = Pair()
    with pytest.raises(BlockingIOError):
        pair.listening.accept_nowait()
    pair.client.socket().start_connect(pair.address, pair.tell)
    pair.sim.run()
    accepted, address = pair.listening.accept_nowait()
    assert accepted.getpeername() == address == (pair.client.address, address[1])
    with pytest.raises(OSError, match="Invalid"):
        pair.client.socket().accept_nowait()


def test_a_reader_of_a_listening_socket_hears_of_connections() -> None:
    pair = Pair()
    pair.listening.add_reader(pair.tell)
    pair.client.socket().start_connect(pair.address, lambda _: None)
    pair.sim.run()
    assert pair.told == [(60, pair.listening)]


@pytest.mark.parametrize(("workers", "busy"), [(1, [60, 160, 260]), (2, [60, 60, 160])])
def test_workers_rest_after_each_connection(workers: int, busy: list[int]) -> None:
    pair = Pair(backlog=None)
    Server(pair.server, 80, backlog=10, accept_rate=10, workers=workers).start()
    for _ in range(3):
        connect_hold_close(pair.client, pair.address, math.inf)
    pair.sim.run()
    accepted = pair.sim.records.columns()["accepted_s"]
    assert isinstance(accepted, np.ndarray)
    assert np.round(accepted * 1000).tolist() == busy


def test_arrivals_come_at_their_times_and_close_when_they_have_held() -> None:
    pair = Pair(backlog=None)
    Server(pair.server, 80, backlog=10).start()
    other: Host = pair.sim.add_host("other", at="server", delay=5 * MS)
    arrive(pair.sim, [pair.client, other], pair.address, [0, MS, 3 * S], hold=S)
    pair.sim.run()
    columns = pair.sim.records.columns()
    assert columns["client"].codes.tolist() == [0, 3, 0]  # type: ignore[union-attr]
    assert columns["started_s"].tolist() == [0, 0.001, 3]  # type: ignore[union-attr]
    assert len(pair.client.tcp.connections) == len(pair.server.tcp.connections) == 0
    assert pair.client.tcp.memory_used == 0


def test_the_next_arrival_alone_is_in_the_calendar() -> None:
    pair = Pair(backlog=None)
    arrive(pair.sim, [pair.client], pair.address, iter(range(10**9)), hold=0)
    assert pair.sim.env.calendar.pending == 1


def test_arrivals_without_a_way_fail_and_go_on() -> None:
    pair = Pair()
    arrive(pair.sim, [pair.island, pair.client], pair.address, [0, 0], hold=0)
    pair.sim.run()
    outcome = pair.sim.records.columns()["outcome"]
    assert [outcome.categories[code] for code in outcome.codes] == [  # type: ignore[union-attr]
        *("unreachable", "established")
    ]
