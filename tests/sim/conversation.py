"""Makes the conversations that tests look at: clients, a server, and a script of what is lost.

Each client has a link of its own to the server.  A script says which packets meet another fate
than to arrive: {"SYN 1": (), "server: ANY 1-2": (0, 5 * MS)} loses the first SYN of each
connection and lets another copy of the server's first two packets arrive 5 ms after the first
(`LossScript` has the language).  Every packet is kept as it was when its host put it on the link.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from copy import copy
from functools import partial
from math import isnan
from socket import IPPROTO_TCP
from typing import Any, NamedTuple

from simpy.events import Event

from sim import Simulation, capture
from sim.host import Host
from sim.net.link import Link
from sim.net.script import LossScript
from sim.packet import Packet
from sim.records import Enumeration
from sim.socket import Socket
from sim.units import MS, S

PORT = 80
DATA = b"x" * 100
LOST: tuple[int, ...] = ()
"""The fate of a packet that never arrives; another's lists by how much each copy is late."""

Script = Mapping[str, tuple[int, ...]]


class Sent(NamedTuple):
    """A packet that was put on a link."""

    time: int
    """ns."""
    host: str
    packet: Packet
    lost: bool

    @property
    def flags(self) -> str:
        return capture.flags_text(self.packet.flags)


class ScriptedLink(Link):
    """A link that keeps what is put on it, and treats it as a script says."""

    __slots__ = ("_base", "_fates", "_sent")

    def __init__(self, sent: list[Sent], script: Script, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._sent = sent
        self._base = self.delay
        self._fates = []
        for rule, fate in script.items():
            sender, _, which = rule.rpartition(": ")
            if self.name.startswith(sender):
                self._fates.append((LossScript(which), fate))

    def send(self, packet: Packet) -> None:
        fate: tuple[int, ...] = (0,)
        for applies, written in self._fates:
            if applies(packet):
                fate = written
        host = self.name.partition(" ")[0]
        self._sent.append(Sent(self.engine.calendar.now, host, copy(packet), not fate))
        for late in fate:
            self.delay = self._base + late
            super().send(copy(packet))
        self.delay = self._base


def of_one_kernel(name: str, address: str, *others: Any, **options: Any) -> Host:
    """Make a host whose clock has the same phase as every other such host's.

    Client and server of the measurements were two namespaces of one kernel.
    """
    profile, network, records, secret = others
    secret = secret & 0xFFFF | 0x5EED << 16
    return Host(name, address, profile, network, records, secret, **options)


class Conversation:
    """Clients (client, or client0, client1, ...) and a server that accepts at once."""

    def __init__(
        self,
        script: Script | None = None,
        *,
        clients: int = 1,
        delay: int = 20 * MS,
        seed: int = 1,
        one_kernel: bool = False,
        sysctls: Mapping[str, Any] | None = None,
        server_sysctls: Mapping[str, Any] | None = None,
        mtu: int = 1500,
        server_mtu: int = 1500,
        options: Mapping[int, int] | None = None,
        server_options: Mapping[int, int] | None = None,
        listening: bool = True,
    ) -> None:
        self.sent: list[Sent] = []
        self.log: list[tuple[int, str, str]] = []
        """What the programs saw: time in ns, host, text."""
        self.sim = Simulation(
            seed,
            make_host=of_one_kernel if one_kernel else Host,
            make_link=partial(ScriptedLink, self.sent, script or {}),
        )
        names = ["client"] if clients == 1 else [f"client{number}" for number in range(clients)]
        self.clients = [self.sim.add_host(name, sysctls=sysctls, mtu=mtu) for name in names]
        self.server = self.sim.add_host("server", sysctls=server_sysctls, mtu=server_mtu)
        for name in names:
            self.sim.add_link(name, "server", delay)
        self.options = options or {}
        """TCP-level socket options of the clients."""
        self.server_options = server_options or {}
        self.accepted: list[Socket] = []
        self.connected: list[Socket] = []
        if listening:
            self.sim.process(self._accept())

    def _accept(self) -> Generator[Event, Any, None]:
        listening = self.server.socket()
        for option, value in self.server_options.items():
            listening.setsockopt(IPPROTO_TCP, option, value)
        listening.bind(("", PORT))
        listening.listen(4096)
        while True:
            socket, address = yield listening.accept()
            self.accepted.append(socket)
            self._note("server", f"accept() from {address[0]}.{address[1]}")

    def _note(self, host: str, text: str) -> None:
        self.log.append((int(self.sim.env.now), host, text))

    def connect(self, client: Host | None = None, at: int = 0, talk: int | None = None) -> None:
        """Let a client connect at a time (ns), send data `talk` ns later, and keep the connection.

        `talk` None: it is silent.
        """
        self.sim.process(self._connect(client or self.clients[0], at, talk))

    def _connect(self, client: Host, at: int, talk: int | None) -> Generator[Event, Any, None]:
        yield self.sim.env.timeout(at)
        socket = client.socket()
        for option, value in self.options.items():
            socket.setsockopt(IPPROTO_TCP, option, value)
        try:
            yield socket.connect((self.server.address, PORT))
        except OSError as error:
            self._note(client.name, f"connect() raises {type(error).__name__}: {error}")
            return
        self.connected.append(socket)
        self._note(client.name, "connect() returns")
        if talk is not None:
            yield self.sim.env.timeout(talk)
            yield socket.send(DATA)

    def run(self, until: int | None = None) -> None:
        self.sim.run(until)

    def trace(self) -> str:
        """Return what each host sent, as tcpdump prints it, and what its programs saw."""
        printer = capture.Printer()
        lines = [
            (sent.time, sent.host, printer.line(sent.packet) + ("  (lost)" if sent.lost else ""))
            for sent in self.sent
        ]
        lines = sorted(lines + self.log, key=lambda line: line[0])
        lines.append((int(self.sim.env.now), "", "nothing is left to happen"))
        return "".join(
            f"{capture.seconds(time):>10} {host:6} {text}\n" for time, host, text in lines
        )


def spread(count: int, over: int = 10 * S) -> list[int]:
    """Return times in ns, evenly spread over `over`, that share no period with a timer wheel."""
    return [round(number * over / count + number * 1_234_567) for number in range(count)]


def column(simulation: Simulation, name: str) -> list[Any]:
    """Return a column of the records as Python values: null is None."""
    values = simulation.records.columns()[name]
    if isinstance(values, Enumeration):
        return [None if code < 0 else values.categories[code] for code in values.codes]
    listed = values.tolist()
    return [None if isinstance(value, float) and isnan(value) else value for value in listed]
