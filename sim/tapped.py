"""Hosts, links and sockets that tell a `Trace` what happens to them.

Each is its plain class with a tap around it: a host's packets in and out, a link's packets, a
host's timers as they expire, a socket's calls and returns.  After each of these the control block
concerned is recorded.  The protocol itself knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from simpy.events import Event

from sim import capture
from sim.engine import Engine
from sim.host import Host
from sim.icmp import IcmpPacket
from sim.ip import is_ipv6
from sim.net.links import Kinds, make_link
from sim.net.node import Send
from sim.packet import NOT_OBSERVED, Flow, Packet
from sim.simulation import Simulation
from sim.socket import ERRNO_NAMES, Address, Socket, errno_name
from sim.tapped_links import TracedImpairedLink, TracedLink, TracedQueuedLink
from sim.tcp import rto
from sim.tcp.connection import Connection
from sim.tcp.isn import mix
from sim.tcp.listener import Listener
from sim.tcp.seq import MASK
from sim.tcp.stack import ANY
from sim.tcp.states import State
from sim.timers import Timer, Timers
from sim.trace import Sink, SocketRow, Trace

TIMERS = {
    "syn_timeout": "SYN timer",
    "timeout": "SYN-ACK timer",
    "retransmit_timeout": "RTO timer",
    "probe_timeout": "TLP timer",
    "delayed_ack_timeout": "delayed ACK timer",
    "over": "TIME-WAIT timer",
}
"""Names of the timers, by the method of a control block that they call."""

UNHEARD = ("irs", "rcv_nxt", "snd_wnd", "snd_wscale", "rcv_wscale", "ts_recent", "sack_ok")
"""What a control block cannot know before the peer's first segment."""

LISTENING = -1
"""Peer's port in the flow under which a listening socket is numbered."""


class TracedSimulation(Simulation):
    """A simulation whose packets and sockets are recorded; the rows go to `sink`."""

    def __init__(
        self, sink: Sink, seed: int = 0, make_engine: Callable[[], Engine] = Engine
    ) -> None:
        self.trace = Trace(sink)
        links = (TracedLink, TracedImpairedLink, TracedQueuedLink)
        kinds = Kinds(*(partial(link, self.trace) for link in links))
        hosts = partial(TracedHost, self.trace)
        super().__init__(seed, hosts, partial(make_link, kinds=kinds), make_engine)
        self.network.dropped = self._dropped

    def _dropped(self, node: str, packet: Any, reason: str) -> None:
        """Record that a node lets a packet go, and why."""
        self.trace.packet(self.env.calendar.now, node, "over", "dropped", packet, reason)
        self.trace.forget(packet)

    def run(
        self,
        until: int | Event | None = None,
        progress: Callable[[Simulation], object] | None = None,
    ) -> None:
        """Run as `Simulation.run` does; the last rows are handed over when it ends."""
        try:
            super().run(until, progress)
        finally:
            self.trace.flush()


class TracedHost(Host):
    """A host that records its packets, its timers and its sockets."""

    def __init__(self, trace: Trace, *arguments: Any, **options: Any) -> None:
        self.trace = trace
        self._numbers: dict[Flow, int] = {}
        """Numbers of the sockets with a control block, by the flow of the peer's segments."""
        self._observed: dict[Flow, int] = {}
        """Rows of the connect() that they belong to."""
        self._queued: dict[int, int] = {}
        """Length of the accept queue when it was last recorded, by the listener's number."""
        self._idents: dict[Flow, int] = {}
        """Identification of the latest packet, by the flow of the peer's segments."""
        super().__init__(*arguments, **options)
        timers = self.tcp.timers
        self.tcp.timers = TracedTimers(timers.calendar, timers.rounding)
        self.tcp.timers.host = self
        self.tcp.routes = TracedRoutes(self)

    def socket(self) -> Socket:
        """Create a TCP socket whose calls are recorded."""
        return TracedSocket(self)

    def receive(self, packet: Any) -> None:
        """Record the packet and, once it was processed, the sockets that it concerned."""
        now = self.calendar.now
        if now < self.down_until:
            self.trace.packet(now, self.name, "over", "dropped", packet, "host is down")
        else:
            self.trace.packet(now, self.name, "in", "received", packet)
        self.trace.forget(packet)
        super().receive(packet)
        if isinstance(packet, IcmpPacket):
            self.show(packet.quoted.flow.reverse(), "received", capture.icmp_text(packet))
            return
        self.show(packet.flow, "received", capture.flags_text(packet.flags))
        self._show_listener(packet.flow)

    def reboot(self, downtime: int = 0) -> None:
        """As `Host.reboot`; record that all its sockets are gone."""
        super().reboot(downtime)
        for key in list(self._numbers):
            self.show(key, "reboot", "")

    def next_ident(self, packet: Packet) -> int:
        """Return the identification field of a packet that leaves (kernel measurement E8).

        It begins anywhere and counts the packets of a connection; what a host sends without one,
        as a SYN-ACK from the SYN queue, has 0.  Every system is taken to do as Linux does.
        """
        key = packet.flow.reverse()
        connection = self.tcp.connections.get(key)
        if is_ipv6(key.src) or not isinstance(connection, Connection):
            return 0
        before = self._idents.get(key)
        if before is None:
            before = mix(connection.peer.key, self.calendar.now >> 16 ^ key.dport)
        self._idents[key] = ident = before + 1 & 0xFFFF
        return ident

    def number(self, key: Flow, socket: int | None = None) -> int:
        """Return the number of the socket with that key; `socket` gives it one."""
        if socket is not None:
            self._numbers[key] = socket
        elif key not in self._numbers:
            self._numbers[key] = self.trace.new_socket()
        return self._numbers[key]

    def show(self, key: Flow, event: str, detail: str) -> None:
        """Record the connection with that key; the last time, that it is gone."""
        control = self.tcp.connections.get(key)
        if control is not None:
            observed = getattr(control, "observed", self._observed.get(key, NOT_OBSERVED))
            self._observed[key] = observed
            self.show_control(self.number(key), event, detail, control, key, observed)
        elif key in self._numbers:
            number, observed = self._numbers.pop(key), self._observed.pop(key, NOT_OBSERVED)
            self._idents.pop(key, None)
            self.show_control(number, event, detail, None, key, observed)

    def _show_listener(self, flow: Flow) -> None:
        """Record the listening socket that `flow` leads to, if its accept queue has changed."""
        for address in (flow.dst, ANY):
            listener = self.tcp.listeners.get((address, flow.dport))
            number = self._numbers.get(listening_key(address, flow.dport))
            if isinstance(listener, Listener) and number is not None:
                queued = len(listener.accept_queue)
                if self._queued.get(number, 0) != queued:
                    key = listening_key(address, flow.dport)
                    self.show_control(number, "received", "", listener, key)

    def show_control(
        self,
        number: int,
        event: str,
        detail: str,
        control: Any,
        key: Flow,
        observed: int = NOT_OBSERVED,
    ) -> None:
        """Record a socket: `control` is its connection, request or listener, if it has one."""
        state = getattr(control, "state", State.CLOSED)
        unheard = UNHEARD if state == State.SYN_SENT else ()

        def known(name: str, default: Any = None) -> Any:
            return default if name in unheard else getattr(control, name, default)

        if isinstance(control, Listener):
            self._queued[number] = len(control.accept_queue)
        timer = known("timer")
        srtt, timeout = known("srtt"), retransmission_timeout(control)
        self.trace.socket(
            SocketRow(
                self.calendar.now / 1e9,
                self.name,
                number,
                known("observed", observed),
                event,
                detail,
                str(state),
                key.dst,
                key.dport,
                key.src,
                max(key.sport, 0),
                *queues(control),
                timer.expire.name if timer is not None else "",
                timer.deadline / 1e9 if timer is not None else None,
                self.tcp.reserve if known("snd_una") is not None else 0,
                known("retransmits"),
                *(known("iss"), known("irs"), known("snd_una"), known("snd_nxt")),
                *(known("snd_wnd"), known("rcv_nxt"), known("rcv_wnd"), known("mss")),
                *(known("snd_wscale"), known("rcv_wscale"), known("sack_ok"), known("ts_recent")),
                srtt / 1e9 if srtt else None,
                timeout / 1e9 if timeout else None,
            )
        )


def retransmission_timeout(control: Any) -> int | None:
    """Return how long a connection waits for an acknowledgment, ns."""
    if not isinstance(control, Connection):
        return None
    if control.state != State.SYN_SENT:
        return rto.timeout(control)
    waits = control.syn_schedule().waits
    return waits[min(control.retransmits, len(waits) - 1)]


def queues(control: Any) -> tuple[int, int]:
    """Return what ss calls Recv-Q and Send-Q, in bytes or, of a listener, in connections."""
    if isinstance(control, Listener):
        return len(control.accept_queue), control.backlog
    receiving, sending = (getattr(control, name, None) for name in ("receiving", "sending"))
    unread = 0 if receiving is None else len(receiving.buffer)
    if sending is not None:
        return unread, len(sending.buffer)
    if hasattr(control, "snd_una"):
        return unread, control.snd_nxt - control.snd_una & MASK
    return unread, 0


def listening_key(address: str, port: int) -> Flow:
    """Return the flow under which a listening or unconnected socket is numbered."""
    return Flow("", LISTENING, address, port)


class TracedRoutes(dict[str, Send]):
    """A host's routes, which record the packets that leave it; they are looked up each time."""

    def __init__(self, host: TracedHost) -> None:
        super().__init__()
        self._host = host

    def __getitem__(self, address: str) -> Send:
        """Return what sends a packet to `address`."""
        return partial(self._send, self._host.forwarding[address])

    def _send(self, send: Send, packet: Packet) -> None:
        host = self._host
        packet.ident = host.next_ident(packet)
        host.trace.packet(host.calendar.now, host.name, "out", "sent", packet)
        send(packet)


class TracedTimers(Timers):
    """A host's timers, whose expiry is recorded."""

    host: TracedHost

    def start(self, now: int, duration: int, expire: Callable[[int], None]) -> Timer:
        """Start a timer as the host's own do."""
        return super().start(now, duration, Expiry(self.host, expire))


class Expiry:
    """What a timer does when it expires: a control block's method, then its record."""

    __slots__ = ("expire", "host")

    def __init__(self, host: TracedHost, expire: Callable[[int], None]) -> None:
        self.host = host
        self.expire: Any = expire

    @property
    def name(self) -> str:
        """What the timer is for: "SYN timer"."""
        method = str(self.expire.__name__)
        if method == "syn_timeout" and self.expire.__self__.state == State.SYN_RECEIVED:
            method = "timeout"
        return TIMERS.get(method, method.replace("_", " "))

    def __call__(self, now: int) -> None:
        """Let the control block act, then record it."""
        name = self.name
        self.expire(now)
        self.host.show(self.expire.__self__.key, "timer", name)


class TracedSocket(Socket):
    """A socket that records its calls, and how each left it."""

    __slots__ = ("number",)

    host: TracedHost

    def __init__(self, host: TracedHost, connection: Any = None) -> None:
        super().__init__(host, connection)
        self.number = host.trace.new_socket() if connection is None else host.number(connection.key)
        self._show("return", "socket()" if connection is None else "accept()")

    def bind(self, address: Address) -> None:
        """As `Socket.bind`."""
        self._call(super().bind, address)

    def listen(self, backlog: int = 128) -> None:
        """As `Socket.listen`."""
        self._call(super().listen, backlog)

    def accept(self) -> Event:
        """As `Socket.accept`."""
        event: Event = self._call(super().accept)
        return event

    def connect(self, address: Address) -> Event:
        """As `Socket.connect`."""
        event: Event = self._call(super().connect, address)
        return event

    def start_connect(self, address: Address, returned: Callable[[int], None]) -> None:
        """As `Socket.start_connect`: a connect(), for those who look on."""

        def shown(error: int) -> None:
            self._show_end("connect", ERRNO_NAMES[error] if error else "")
            returned(error)

        start = super().start_connect
        self._attempt("connect", lambda to: start(to, shown), address)
        self._show("waiting", "connect()")

    def recv(self, count: int = 65536) -> Event:
        """As `Socket.recv`."""
        event: Event = self._call(super().recv, count)
        return event

    def connect_with(self, data: bytes, address: Address) -> Event:
        """As `Socket.connect_with`."""
        event: Event = self._call(super().connect_with, data, address)
        return event

    def send(self, data: bytes, more: bool = False) -> Event:
        """As `Socket.send`."""
        event: Event = self._call(super().send, *((data, more) if more else (data,)))
        return event

    def shutdown(self, how: int) -> None:
        """As `Socket.shutdown`."""
        self._call(super().shutdown, how)

    def close(self) -> None:
        """As `Socket.close`; the connection goes on without the socket until it ends."""
        connection = self._connection
        self._show("call", "close()")
        super().close()
        if connection is None:
            self._show("return", "close()")
        else:
            self.host.show(connection.key, "return", "close()")

    def accept_nowait(self) -> tuple[Socket, Address]:
        """As `Socket.accept_nowait`."""
        accepted: tuple[Socket, Address] = self._call(super().accept_nowait)
        return accepted

    def accepted(self, connection: Connection) -> Socket:
        """As `Socket.accepted`."""
        return TracedSocket(self.host, connection)

    def _call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Make a call: record it, how the socket waits in it, and its return."""
        name = method.__name__.removesuffix("_nowait")
        result = self._attempt(name, method, *arguments)
        if isinstance(result, Event) and result.callbacks is not None:
            self._show("waiting", f"{name}()")
            result.callbacks.append(partial(self._happened, name))
        else:
            self._show_end(name)
        return result

    def _attempt(self, name: str, method: Callable[..., Any], *arguments: Any) -> Any:
        """Record a call and make it; record what it raises at once."""
        self._show("call", f"{name}({', '.join(map(_argument, arguments))})")
        try:
            return method(*arguments)
        except OSError as error:
            self._show_end(name, errno_name(error))
            raise

    def _happened(self, name: str, event: Event) -> None:
        self._show_end(name, "" if event.ok else errno_name(cast(OSError, event.value)))

    def _show_end(self, name: str, error: str = "") -> None:
        """Record that a call returns, or raises an errno of that name."""
        self._show("raise" if error else "return", f"{name}() {error}".rstrip())

    def _show(self, event: str, detail: str) -> None:
        """Record the socket and its control block."""
        connection = self._connection
        if connection is not None and connection.state == State.CLOSED:
            connection = None
        key = listening_key(*self._local()) if connection is None else connection.key
        control = connection or self._listener
        if control is not None:
            self.host.number(key, self.number)
        self.host.show_control(self.number, event, detail, control, key, self.observed)

    def _local(self) -> Address:
        return self._bound or (ANY, 0)


def _argument(value: Any) -> str:
    """Write a call's argument; of data, how much it is."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
