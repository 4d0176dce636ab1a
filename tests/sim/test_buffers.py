"""SO_SNDBUF and SO_RCVBUF: what they read as, and what they do to windows and to send()."""

from __future__ import annotations

from collections.abc import Generator
from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET
from typing import Any

import pytest

from sim import Simulation
from sim.units import MS, S
from tests.sim.packetdrill.test_interpreter import run

OFFER = "<mss 1460,nop,nop,sackOK,nop,wscale {}>"


@pytest.mark.parametrize(("system", "factor"), [("linux", 2), ("freebsd", 1), ("windows", 1)])
def test_sizes_are_set_and_read(system: str, factor: int) -> None:
    """Linux doubles what is asked for, as half of it is for its own records (socket(7))."""
    connecting = Simulation(1).add_host("host", system).socket()
    assert connecting.getsockopt(SOL_SOCKET, SO_RCVBUF) == 65536 * factor
    assert connecting.getsockopt(SOL_SOCKET, SO_SNDBUF) > 16384
    for option, least in ((SO_SNDBUF, 2304), (SO_RCVBUF, 1152)):
        connecting.setsockopt(SOL_SOCKET, option, 10_000)
        assert connecting.getsockopt(SOL_SOCKET, option) == 10_000 * factor
        connecting.setsockopt(SOL_SOCKET, option, 1)
        assert connecting.getsockopt(SOL_SOCKET, option) == least * factor


def test_the_first_window_of_a_client_fits_its_buffer() -> None:
    """In whole segments; half of what Linux sets aside."""
    run(
        f""" 0 `sysctl -q net.ipv4.tcp_timestamps=0`
+0 socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_RCVBUF, [10000], 4) = 0
+0 getsockopt(3, SOL_SOCKET, SO_RCVBUF, [20000], [4]) = 0
+0 connect(3, ..., ...) = -1 EINPROGRESS (in progress)
+0 > S 0:0(0) win 8760 {OFFER.format(0)}
"""
    )


def test_the_first_window_of_a_server_fits_the_buffer_of_its_listener() -> None:
    run(
        f""" 0 `sysctl -q net.ipv4.tcp_timestamps=0`
+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_RCVBUF, [10000], 4) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 65535 {OFFER.format(7)}
+0 > S. 0:0(0) ack 1 win 8760 {OFFER.format(0)}
+.1 < . 1:1(0) ack 1 win 512
+0 accept(3, ..., ...) = 4
+0 getsockopt(4, SOL_SOCKET, SO_RCVBUF, [20000], [4]) = 0
+0 < . 1:1461(1460) ack 1 win 512
+0 > . 1:1(0) ack 1461 win 7300
"""
    )


def test_send_takes_what_the_buffer_holds_and_goes_on_when_there_is_room() -> None:
    """To the byte; Linux, which fills whole bursts, has the script send-buffer.pkt."""
    sim = Simulation(1)
    client, server = sim.add_host("client", "freebsd"), sim.add_host("server")
    sim.add_link("client", "server", 20 * MS)
    listener = server.socket()
    listener.bind(("", 80))
    listener.listen(1)
    log: list[tuple[int, int]] = []

    def talk() -> Generator[Any, Any, None]:
        socket = client.socket()
        socket.setsockopt(SOL_SOCKET, SO_SNDBUF, 3000)
        yield socket.connect((server.address, 80))
        for size in (5000, 100):
            count = yield socket.send(bytes(size))
            log.append((sim.env.now // MS, count))
        socket.setblocking(False)
        assert socket.send(bytes(5000)).value < 3000
        with pytest.raises(BlockingIOError):
            socket.send(b"more")

    sim.process(talk())
    sim.run(until=1 * S)
    assert log == [(80, 5000), (80, 100)]
