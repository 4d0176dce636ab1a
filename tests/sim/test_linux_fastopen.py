"""What Fast Open saves, and what it costs when packets are lost: measurement E11.

Times agree within 1.5 ms where no timer is involved; with one, by the 36 ms that the timer wheel
may add to 1 s on either side.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sim import Simulation
from sim.socket import Socket
from sim.tcp.siphash import fastopen_cookie, fastopen_key
from sim.units import MS
from tests.sim.conversation import LOST, Script, ScriptedLink, Sent

with (Path(__file__).parents[1] / "data" / "linux" / "E11_tfo_results.csv").open() as file:
    E11 = {row["case"]: row for row in csv.DictReader(file)}
KEY = "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4"
NO_TIMER, TIMER = 1.5, 36.0

ECHO_WAITS = {"3 data-in-SYN, 3000 bytes (> MSS)", "4 SYN-ACK#1 lost"}
"""Cases whose echo waited for more than the handshake: Nagle's algorithm, a later timeout."""

SCRIPTS: dict[str, Script] = {
    "4 SYN-ACK#1 lost": {"SYN+ACK 1": LOST},
    "6 SYN+data lost once": {"SYN 1": LOST},
    "8 SYN lost twice": {"SYN 1-2": LOST},
    "12 final client ACK lost": {"client: ACK 1": LOST},
}


class World:
    """A client with a cookie, unless the measurement began without one, and an echo server."""

    def __init__(self, case: str) -> None:
        self.log: dict[str, float] = {}
        self.error = "OK"
        self.sent: list[Sent] = []
        script = SCRIPTS.get(case, {})
        self.sim = Simulation(1, make_link=partial(ScriptedLink, self.sent, script))
        enabled = {"net.ipv4.tcp_fastopen": 3, "net.ipv4.tcp_fastopen_key": KEY}
        self.client = self.sim.add_host("client", sysctls=enabled)
        plain = {"net.ipv4.tcp_fastopen": 0} if "without TFO" in case else {}
        self.server = self.sim.add_host("server", sysctls=enabled | plain)
        self.sim.add_link("client", "server", 20 * MS)
        if "first" not in case:
            addresses = self.client.address, self.server.address
            cookie = fastopen_cookie(fastopen_key(KEY), *addresses)
            self.client.tcp.peers[self.server.address].cookie = cookie
        if "closed" not in case:
            self.sim.process(self.serve())
        self.sim.process(self.ask(bytes(int(E11[case]["size"]))))
        self.sim.run()

    def serve(self) -> Generator[Any, Any, None]:
        listener = self.server.socket()
        listener.setsockopt(6, 23, 16)  # TCP_FASTOPEN
        listener.bind(("", 7001))
        listener.listen(16)
        while True:
            socket, _ = yield listener.accept()
            self.sim.process(self.echo(socket))

    def echo(self, socket: Socket) -> Generator[Any, Any, None]:
        while data := (yield socket.recv()):
            yield socket.send(data)
        socket.close()

    def ask(self, data: bytes) -> Generator[Any, Any, None]:
        env = self.sim.env
        socket = self.client.socket()
        try:
            taken = yield socket.connect_with(data, (self.server.address, 7001))
        except ConnectionRefusedError:
            self.error = "ECONNREFUSED"
            taken = 0
        self.log["sendto_ms"] = env.now / MS
        while taken:
            taken -= len((yield socket.recv()))
        self.log["echo_ms"] = env.now / MS
        socket.close()


@pytest.mark.parametrize("case", E11)
def test_e11(case: str) -> None:
    kernel = E11[case]
    world = World(case)
    tolerance = TIMER if "TCPTimeouts" in kernel["counters"] else NO_TIMER
    for name in ("sendto_ms", "echo_ms"):
        if name == "echo_ms" and case in ECHO_WAITS:
            continue
        assert world.log[name] == pytest.approx(float(kernel[name]), abs=tolerance), name
    assert kernel["err"].startswith(world.error)
    for name, count in ast.literal_eval(kernel["counters"]).items():
        assert world.client.tcp.counters[name.replace(".", "")] == count, name


def test_e11_data_in_a_syn_is_limited_to_1420_bytes() -> None:
    world = World("3 data-in-SYN, 3000 bytes (> MSS)")
    assert [len(sent.packet.payload) for sent in world.sent if sent.flags == "S"] == [1420]


def test_e11_a_lost_syn_is_resent_without_data_and_without_the_option() -> None:
    world = World("6 SYN+data lost once")
    syns = [sent.packet for sent in world.sent if sent.flags == "S"]
    assert [(len(syn.payload), syn.options.fastopen is None) for syn in syns] == [  # type: ignore[union-attr]
        (100, False),
        (0, True),
    ]
