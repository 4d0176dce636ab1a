"""What packetdrill knows of the socket under test, and the translation of its packets.

A script counts sequence numbers from 0 and invents timestamps; the stack under test chooses its
own.  As in packetdrill (run_packet.c, socket.h): numbers in a segment with SYN are as written, our
own shifted by the difference of the initial sequence numbers; in every other segment they count
from the initial ones.  The timestamps of expected segments are remembered, so that the echo in a
later injected one becomes the value that was really sent.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from sim.ip import TCP, IpHeader
from sim.packet import ACK, SYN, Flow, Packet
from sim.packetdrill.script import (
    Direction,
    IcmpPacket,
    IpInfo,
    Option,
    Settings,
    TcpPacket,
    TosCheck,
)
from sim.tcp import header
from sim.tcp.seq import MASK

INJECTED_TTL = 255
"""Time to live of injected packets whose script gives none."""


class Stage(Enum):
    """How far the script has come with the socket under test."""

    NEW = auto()
    LISTENING = auto()
    PACKET_RECEIVED = auto()
    SYNACK_SENT = auto()
    SYNACK_ACKED = auto()
    CONNECTING = auto()
    SYN_SENT = auto()
    SYN_ACKED = auto()


class UntranslatableError(Exception):
    """A packet that cannot be injected, because what it refers to never happened."""


@dataclass(slots=True)
class Conversation:
    """The socket under test: its stage, its addresses and its numbers in the script and live."""

    stage: Stage
    fd: int | None = None
    """Its file descriptor in the script, once it has one."""
    local: tuple[str, int] = ("", 0)
    remote: tuple[str, int] = ("", 0)
    local_isn: int = 0
    """Initial sequence number that the stack under test chose."""
    script_local_isn: int = 0
    """What the script calls it."""
    remote_isn: int = 0
    live_ts: dict[int, int] = field(default_factory=dict)
    """The script's TS val of an expected segment -> the value that was sent."""
    first_ts: tuple[int, int] | None = None
    """The first pair of them."""

    @property
    def outbound(self) -> Flow:
        """The flow of what the stack under test sends."""
        return Flow(*self.local, *self.remote)

    def _local_offset(self, flags: int) -> int:
        return self.local_isn - (self.script_local_isn if flags & SYN else 0)

    def _remote_offset(self, flags: int) -> int:
        return 0 if flags & SYN else self.remote_isn

    # Into the stack.

    def inject(self, packet: TcpPacket, settings: Settings) -> Packet:
        """Return the live packet for one that the script injects, and advance the stage.

        Raises `UntranslatableError` for an echo of a timestamp that was never sent.
        """
        if packet.flags & ACK and self.stage is Stage.SYNACK_SENT:
            self.stage = Stage.SYNACK_ACKED
        elif packet.flags & SYN and packet.flags & ACK and self.stage is Stage.SYN_SENT:
            self.stage = Stage.SYN_ACKED
            self.remote_isn = packet.seq
        ours = self._local_offset(packet.flags)
        ack = (packet.ack + ours) & MASK if packet.flags & ACK else packet.ack
        seq = packet.seq
        if not packet.absolute_seq:
            seq = (seq + self._remote_offset(packet.flags)) & MASK
        options = b"".join(
            _wire(self._inbound_option(option, ours, packet, settings))
            for option in packet.options or ()
        )
        size = (20 + len(options)) // 4 << 4
        segment = struct.pack(
            "!HHIIBBHHH",
            *(packet.sport or self.remote[1], packet.dport or self.local[1], seq, ack),
            *(size, packet.flags, packet.window, 0, packet.urgent),
        )
        ttl = packet.ip.ttl or INJECTED_TTL
        ip = IpHeader(self.remote[0], self.local[0], TCP, ttl, packet.ip.tos)
        return header.decode_segment(ip, segment + options + bytes(packet.length))

    def _inbound_option(
        self, option: Option, offset: int, packet: TcpPacket, settings: Settings
    ) -> Option:
        if option.kind == header.SACK:
            return _shift(option, offset)
        if option.kind == header.TIMESTAMPS and packet.flags & ACK and not packet.absolute_ts_ecr:
            value, echo = struct.unpack("!II", option.data)
            return replace(option, data=struct.pack("!II", value, self._live_echo(echo, settings)))
        return option

    def _live_echo(self, echo: int, settings: Settings) -> int:
        if echo in self.live_ts:
            return self.live_ts[echo]
        if settings.ts_ecr_scaled and self.first_ts is not None:
            script, live = self.first_ts
            return (echo - script + live) & MASK
        raise UntranslatableError(f"no expected segment before had the timestamp {echo}")

    def quoted(self, message: IcmpPacket) -> Packet:
        """Return the segment of ours that an injected ICMP message quotes."""
        seq = (message.seq + self._local_offset(0)) & MASK
        return Packet(self.outbound, 0, seq, 0, 0, payload=bytes(message.length))

    # Out of the stack.

    def is_ours(self, live: Packet) -> bool:
        """Whether a packet that came out belongs to the socket under test.

        The first SYN of a connect() tells the local address, port and sequence number.
        """
        bare_syn = live.flags & (SYN | ACK) == SYN
        flow = live.flow
        if self.stage is Stage.SYN_SENT and bare_syn and (flow.dst, flow.dport) == self.remote:
            self.local = (flow.src, flow.sport)
            self.local_isn = live.seq
        return live.flow == self.outbound

    def expect(self, packet: TcpPacket) -> None:
        """Advance the stage by an outbound packet of the script."""
        if packet.flags & (SYN | ACK) == SYN and self.stage is Stage.CONNECTING:
            self.stage = Stage.SYN_SENT
            self.script_local_isn = packet.seq

    def translate(self, live: Packet, expected: TcpPacket) -> TcpPacket:
        """Return a packet that came out in the script's numbers, as far as they are known."""
        flags = live.flags
        if (
            self.stage is Stage.PACKET_RECEIVED
            and flags & expected.flags & SYN
            and flags & expected.flags & ACK
        ):
            self.stage = Stage.SYNACK_SENT
            self.local_isn = live.seq
            self.script_local_isn = expected.seq
        theirs = self._remote_offset(flags)
        seq = live.seq
        if not expected.absolute_seq:
            seq = (seq - self._local_offset(flags)) & MASK
        return TcpPacket(
            Direction.OUTBOUND,
            flags,
            seq,
            len(live.payload),
            (live.ack - theirs) & MASK if flags & ACK else live.ack,
            live.window,
            options=tuple(
                _shift(option, -theirs) if option.kind == header.SACK else option
                for option in wire_options(live)
            ),
            ip=IpInfo(TosCheck.TOS, live.tos, ttl=live.ttl),
        )

    def remember_timestamps(self, seen: TcpPacket, expected: TcpPacket) -> TcpPacket:
        """Note which value stands for the script's TS val; return the packet in script time."""
        ours, scripted = timestamps(seen), timestamps(expected)
        if ours is None or scripted is None:
            return seen
        self.live_ts[scripted[0]] = ours[0]
        if self.first_ts is None:
            self.first_ts = scripted[0], ours[0]
        script, live = self.first_ts
        data = struct.pack("!II", (ours[0] - live + script) & MASK, ours[1])
        return replace(
            seen,
            options=tuple(
                replace(option, data=data) if option.kind == header.TIMESTAMPS else option
                for option in seen.options or ()
            ),
        )


def wire_options(packet: Packet) -> tuple[Option, ...]:
    """Return a packet's TCP options as they stand on the wire, padding included."""
    options = [Option(*option) for option in header.split_options(header.encode_options(packet))]
    missing = -sum(option.length for option in options) % 4
    return (*options, *[Option(header.END)] * missing)


def timestamps(packet: TcpPacket) -> tuple[int, int] | None:
    """Return TS val and TS ecr of a packet, None without the option."""
    for option in packet.options or ():
        if option.kind == header.TIMESTAMPS:
            value, echo = struct.unpack("!II", option.data)
            return value, echo
    return None


def _shift(sack: Option, offset: int) -> Option:
    edges = struct.unpack(f"!{len(sack.data) // 4}I", sack.data)
    shifted = [(edge + offset) & MASK for edge in edges]
    return replace(sack, data=struct.pack(f"!{len(shifted)}I", *shifted))


def _wire(option: Option) -> bytes:
    if option.length == 1:
        return bytes((option.kind,))
    return bytes((option.kind, option.length)) + option.data
