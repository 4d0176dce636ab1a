"""Running a script against one simulated host, in virtual time.

As packetdrill does (run.c, run_packet.c, run_system_call.c): the events are taken one by one; an
expected packet is waited for, everything else is done at its time.  A relative time counts from the
moment at which the event before was done.  Packets that come out are queued; each expected packet
takes the next one that belongs to the socket under test, which must be the right one at the right
time, so that a stray one fails the script.  What the host sends after the last expected packet is
not looked at.  A blocking call runs beside the events that follow it.

Left out: remote mode (wire client and server), and packets of any other socket than the last one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from simpy.events import Process

from sim.icmp import IcmpPacket as LiveIcmp
from sim.packet import Packet
from sim.packetdrill import compare
from sim.packetdrill.arguments import CallError
from sim.packetdrill.bench import Bench
from sim.packetdrill.calls import NEW_DESCRIPTOR, Calls
from sim.packetdrill.code import CodeError, Namespace
from sim.packetdrill.commands import CommandError, Commands, Understood
from sim.packetdrill.conversation import Conversation, Stage, UntranslatableError
from sim.packetdrill.icmp import IcmpError, type_and_code
from sim.packetdrill.info import tcp_info
from sim.packetdrill.notation import describe, seconds
from sim.packetdrill.script import (
    Code,
    Command,
    Direction,
    Event,
    Expression,
    IcmpPacket,
    Name,
    Script,
    SystemCall,
    TcpPacket,
)
from sim.packetdrill.symbols import table
from sim.packetdrill.timing import DEFAULT_PERCENT, Due, due, tolerance
from sim.units import S

LOCAL = {"ipv4": "192.168.0.2", "ipv6": "fd3d:fa7b:d17d::"}
REMOTE = {"ipv4": "192.0.2.1", "ipv6": "2001:db8::1"}
"""Addresses of the host under test and of its peer, where the script gives none."""

FIRST_PORT = 50000
"""Port of the first peer that connects to the host under test; others have the ones after it."""

PATIENCE = 1 * S
"""How long a call waits for a blocking call before it to return, ns (await_idle_thread)."""

LONGEST = 3600 * S
"""How long something is waited for whose time the script leaves open, ns."""


_ADDRESS_OF = {"connect": 1, "sendto": 4, "sendmsg": 1}
"""Calls that can open a connection, and which argument is the address to connect to."""


class MismatchError(Exception):
    """What went otherwise than the script says, and on which line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(line, message)
        self.line = line
        self.message = message


@dataclass(slots=True)
class Returned:
    """How a call ended."""

    value: int
    errno: int = 0

    def __str__(self) -> str:
        if self.value >= 0:
            return str(self.value)
        return f"{self.value} {errno.errorcode[self.errno]} ({os.strerror(self.errno)})"


class Interpreter:
    """One run of one script; `log` takes the lines of the exchange as they come about."""

    def __init__(self, script: Script, log: Callable[[str], object] = lambda _: None) -> None:
        self.script = script
        self.settings = settings = script.settings
        self.log = log
        version = "ipv6" if settings.ip_version == "ipv6" else "ipv4"
        self.remote = settings.remote_ip or REMOTE[version]
        try:
            understood = Understood(script)
            profile = understood.profile()
        except CommandError as error:
            raise MismatchError(error.line, str(error)) from None
        self._percent = DEFAULT_PERCENT if understood.system == "linux" else 0.0
        self.bench = Bench(profile, settings.local_ip or LOCAL[version], self.remote, settings.mtu)
        self.commands = Commands(understood, self.bench)
        self.calls = Calls(self.bench.host, self.remote, settings, table(understood.system))
        self.namespace = Namespace()
        self.conversations: list[Conversation] = []
        self._peers = 0
        self._blocking: Process | None = None
        self._blocked: tuple[Expression, ...] = ()
        """The descriptor on which it blocks, as the script writes it."""
        self._last: tuple[Event, Due] | None = None

    @property
    def under_test(self) -> Conversation | None:
        """The socket to which packets belong: the last one that came to be."""
        return self.conversations[-1] if self.conversations else None

    def run(self) -> None:
        """Run the script; raises `MismatchError` where the host does otherwise."""
        if self.script.init is not None:
            self._command(self.script.init[0])
        for event in self.script.events:
            when = self._due(event)
            self._do(event, when)
            self.bench.settle()
            self._last = event, when
        self._await_blocking()
        if self._blocking is not None:
            line = self.script.events[-1].line
            raise MismatchError(line, "the script ends while a blocking call is in progress")

    def _due(self, event: Event) -> Due:
        base, last = self.bench.now, None
        if self._last is not None:
            last = self._last[1].start
            if _is_inbound(event) and _is_inbound(self._last[0]):
                base = last
        return due(event.when, base, last, self.settings, self._percent)

    def _do(self, event: Event, when: Due) -> None:
        action = event.action
        if isinstance(action, TcpPacket | IcmpPacket):
            if action.direction is Direction.OUTBOUND:
                self._expect(event.line, action, when)
            else:
                self._wait(event, when, "inbound packet")
                self._inject(event.line, action)
        elif isinstance(action, SystemCall):
            self._call(event, action, when)
        elif isinstance(action, Command):
            self._wait(event, when, "command")
            self._command(event.line)
        else:
            self._wait(event, when, "code")
            self._code(event.line, action)

    def _wait(self, event: Event, when: Due, what: str) -> None:
        """Let time pass until an event is due; it fails if that time is over."""
        self.bench.advance(when.start)
        problem = when.problem(what, self.bench.now) if self._last is not None else ""
        if problem:
            raise MismatchError(event.line, problem)

    # Packets.

    def _inject(self, line: int, packet: TcpPacket | IcmpPacket) -> None:
        conversation = self._conversation(line, packet)
        self.log(f"{seconds(self.bench.now)} {describe(packet)}")
        try:
            if isinstance(packet, TcpPacket):
                self.bench.put(conversation.inject(packet, self.settings))
            else:
                self.bench.put(self._icmp(packet, conversation))
        except (UntranslatableError, IcmpError) as error:
            raise MismatchError(line, str(error)) from None

    def _icmp(self, packet: IcmpPacket, conversation: Conversation) -> LiveIcmp:
        version = 6 if ":" in self.remote else 4
        kind, code = type_and_code(packet, version)
        quoted = conversation.quoted(packet)
        local = self.bench.host.address
        return LiveIcmp(self.remote, local, kind, code, quoted, mtu=packet.mtu or 0)

    def _conversation(self, line: int, packet: TcpPacket | IcmpPacket) -> Conversation:
        """Return the conversation of a packet to inject; to a socket not connected a new one."""
        conversation = self.under_test
        if isinstance(packet, TcpPacket) and (
            conversation is None or conversation.stage in (Stage.NEW, Stage.LISTENING)
        ):
            closed = conversation is not None and conversation.stage is Stage.NEW
            conversation = Conversation(
                Stage.PACKET_RECEIVED,
                local=(self.bench.host.address, self.settings.bind_port),
                remote=(self.remote, FIRST_PORT + self._peers),
                remote_isn=0 if closed else packet.seq,
            )
            self._peers += 1
            self.conversations.append(conversation)
        if conversation is None:
            raise MismatchError(line, "there is no socket that the packet could belong to")
        return conversation

    def _expect(self, line: int, packet: TcpPacket | IcmpPacket, when: Due) -> None:
        conversation = self.under_test
        if conversation is None:
            raise MismatchError(line, "there is no socket that could send the expected packet")
        if isinstance(packet, IcmpPacket):
            raise MismatchError(line, "a simulated host sends no ICMP")
        problem = self._compare(conversation, packet, when)
        if not problem:
            return
        if "packet" not in self.settings.non_fatal:
            raise MismatchError(line, problem)
        self.log(f"warning: line {line}: {problem}")

    def _compare(self, conversation: Conversation, packet: TcpPacket, when: Due) -> str:
        """Take the next packet, or those that make up the expected one; return what is wrong."""
        conversation.expect(packet)
        segments: list[TcpPacket] = []
        while True:
            caught = self._next_packet(conversation, when)
            if caught is None:
                limit = "" if when.latest is None else f" by {seconds(when.latest)} s"
                return f"nothing came{limit}, expected {describe(packet)}"
            time, live = caught
            segments.append(conversation.translate(live, packet))
            self.log(f"{seconds(time)} {describe(segments[-1])}")
            length = sum(segment.length for segment in segments)
            if self.settings.strict_segments or length >= packet.length:
                break
        joined = compare.join(segments, packet.length) if len(segments) > 1 else segments[0]
        if isinstance(joined, str):
            seen, problem = segments[-1], joined
        else:
            seen = conversation.remember_timestamps(joined, packet)
            problem = compare.difference(packet, seen, self._ticks(when))
        if problem:
            return f"{problem}: expected {describe(packet)}, came {describe(seen)}"
        problem = when.problem("outbound packet", time)
        return f"{problem}: {describe(packet)}" if problem else ""

    def _next_packet(self, conversation: Conversation, when: Due) -> tuple[int, Packet] | None:
        """Return the next packet of the socket under test; those of others are passed over."""
        caught = self.bench.caught
        limit = self.bench.now + LONGEST if when.latest is None else when.latest
        while self.bench.run_until(lambda: bool(caught), max(limit, self.bench.now)):
            time, live = caught.popleft()
            if conversation.is_ours(live):
                return time, live
        return None

    def _ticks(self, when: Due) -> int | None:
        """Return by how many ticks TS val may deviate, None for any number."""
        tick = self.settings.ts_tick
        return tolerance(self.settings, self._percent, when.start, 0) // tick if tick else None

    # System calls.

    def _call(self, event: Event, call: SystemCall, when: Due) -> None:
        self._wait(event, when, "system call")
        if call.end is not None or call.arguments[:1] == self._blocked:
            self._await_blocking()
        if call.end is not None and self._blocking is not None:
            raise MismatchError(event.line, "another blocking call is still in progress")
        process = self.bench.sim.process(self._make(event, call))
        if call.end is None:
            if not self.bench.run_until(lambda: process.processed, self.bench.now + LONGEST):
                raise MismatchError(event.line, f"{call.name}() does not return")
            return
        end = call.end + (when.start - event.when.start)
        self._blocking = self.bench.sim.process(self._until_return(event, process, when, end))
        self._blocked = call.arguments[:1]

    def _await_blocking(self) -> None:
        """Wait for a blocking call to return, but not for ever."""
        blocking = self._blocking
        if blocking is not None:
            self.bench.run_until(lambda: blocking.processed, self.bench.now + PATIENCE)
            if blocking.processed:
                self._blocking = None

    def _until_return(
        self, event: Event, process: Process, when: Due, end: int
    ) -> Generator[Any, Any, None]:
        """Wait for a blocking call and check when it returned; `end` is when it should, ns."""
        yield process
        allowed = tolerance(self.settings, self._percent, end, when.start)
        problem = Due(event.when.kind, end, end, allowed).problem(
            "return of the system call", self.bench.now
        )
        if problem:
            raise MismatchError(event.line, problem)

    def _make(self, event: Event, call: SystemCall) -> Generator[Any, Any, None]:
        """Make a call and check what it returned."""
        try:
            expected = self.calls.values.number(call.result)
            self._before(call)
            returned = yield from self._perform(call, expected)
            self.calls.look()
            self._after(call, returned, expected)
        except CallError as error:
            raise MismatchError(event.line, f"{call.name}(): {error}") from None
        self.log(f"{seconds(self.bench.now)} {call.name}() = {returned}")
        problem = self._unlike(call, returned, expected)
        if problem and "syscall" not in self.settings.non_fatal:
            raise MismatchError(event.line, problem)

    def _perform(self, call: SystemCall, expected: int) -> Generator[Any, Any, Returned]:
        try:
            value = self.calls.make(call.name, call.arguments, expected)
            if not isinstance(value, int):
                value = yield from value
        except OSError as error:
            return Returned(-1, error.errno or 0)
        return Returned(value)

    def _unlike(self, call: SystemCall, returned: Returned, expected: int) -> str:
        if call.name in NEW_DESCRIPTOR and expected >= 0:
            right = returned.value >= 0
        else:
            right = returned.value == expected
        if right and call.errno is not None:
            right = returned.errno == self.calls.symbols.get(call.errno)
        if right:
            return ""
        wanted = f"{expected} {call.errno}" if call.errno is not None else str(expected)
        return f"{call.name}() returned {returned}, expected {wanted}"

    def _before(self, call: SystemCall) -> None:
        """Follow what the script does with its sockets, as far as a call's beginning tells."""
        address = _ADDRESS_OF.get(call.name)
        conversation = None if address is None else self._of(call)
        if address is None or conversation is None:
            return
        if call.arguments[address : address + 1] == (Name("AF_UNSPEC"),):
            conversation.stage = Stage.NEW
        elif conversation.stage is Stage.NEW:
            conversation.stage = Stage.CONNECTING
            conversation.remote = self.remote, self.settings.connect_port

    def _after(self, call: SystemCall, returned: Returned, expected: int) -> None:
        """Follow what the script does with its sockets, as far as a call's success tells."""
        if returned.value < 0:
            return
        if call.name == "socket" and expected >= 0:
            self.conversations.append(Conversation(Stage.NEW, expected))
        elif call.name == "listen":
            conversation = self._of(call)
            if conversation is not None:
                conversation.stage = Stage.LISTENING
        elif call.name == "accept" and expected >= 0:
            self._accepted(expected, self.calls.client)
        elif call.name == "close":
            conversation = self._of(call)
            if conversation is not None:
                conversation.fd = None

    def _accepted(self, fd: int, peer: tuple[str, int]) -> None:
        """Give the descriptor to the conversation that was accepted."""
        for conversation in reversed(self.conversations):
            if conversation.remote == peer and conversation.stage in (
                Stage.SYNACK_SENT,
                Stage.SYNACK_ACKED,
            ):
                conversation.fd = fd
                return
        raise CallError("no SYN-ACK of the accepted connection was expected before")

    def _of(self, call: SystemCall) -> Conversation | None:
        """Return the conversation of the socket that a call is made on."""
        fd = self.calls.values.number(call.arguments[0]) if call.arguments else None
        matching = [c for c in self.conversations if c.fd == fd and fd is not None]
        return matching[-1] if matching else None

    # Commands and code.

    def _command(self, line: int) -> None:
        try:
            self.commands.run(line)
        except CommandError as error:
            raise MismatchError(line, str(error)) from None

    def _code(self, line: int, code: Code) -> None:
        conversation = self.under_test
        if conversation is None or conversation.fd is None:
            raise MismatchError(line, "there is no socket for the code to look at")
        try:
            values = tcp_info(self.calls.control_block(conversation.fd))
            self.namespace.run(code.text, values)
        except (CodeError, CallError) as error:
            raise MismatchError(line, str(error)) from None
        for text in self.namespace.output:
            self.log(text)
        self.namespace.output.clear()


def _is_inbound(event: Event) -> bool:
    action = event.action
    return isinstance(action, TcpPacket | IcmpPacket) and action.direction is Direction.INBOUND
