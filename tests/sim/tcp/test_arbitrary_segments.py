"""Arbitrary segments in each state: nothing raises, no state is undefined, nothing is left over.

All that the host sends meanwhile can be written as bytes.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.packet import ACK, FIN, NO_TIMESTAMP, RST, SYN, Flow, Packet, SynOptions
from sim.packetdrill.bench import Bench
from sim.socket import SHUT_WR, Socket
from sim.tcp import header
from sim.tcp.connection import Connection
from sim.tcp.profiles import PROFILES
from sim.tcp.request import Request
from sim.tcp.seq import MASK
from sim.tcp.states import State
from sim.tcp.time_wait import TimeWait
from sim.units import MS, S

LOCAL, REMOTE, PORT = "192.168.0.2", "192.0.2.1", 8080
PEER_ISN = 0xFFFF_FFF0
"""The peer's numbers wrap around soon."""
OPTIONS = SynOptions(mss=1000, wscale=3, sack_permitted=True)


class Peer:
    """The other end, played by hand: it knows what the host under test has sent."""

    def __init__(self, system: str) -> None:
        self.bench = Bench(PROFILES[system], LOCAL, REMOTE)
        self.listener = self.bench.host.socket()
        self.listener.setblocking(False)
        self.flow = Flow(REMOTE, 40000, LOCAL, PORT)
        self.sockets: list[Socket] = []

    def put(
        self,
        flags: int,
        seq: int,
        ack: int = 0,
        payload: bytes = b"",
        options: SynOptions = OPTIONS,
        ts_val: int = NO_TIMESTAMP,
    ) -> None:
        packet = Packet(self.flow, flags, (PEER_ISN + seq) & MASK, ack & MASK, 4000)
        packet.options = options if flags & SYN else None
        packet.payload = payload
        packet.ts_val = ts_val
        self.bench.put(packet)
        self.bench.settle()

    def sent(self) -> int:
        """Return the sequence number behind the last segment that came out."""
        packet = self.bench.caught[-1][1]
        return packet.seq + packet.length

    def accept(self) -> None:
        value = self.listener.accept().value
        assert value is not None
        self.sockets.append(value[0])

    # Ways into each state.

    def closed(self) -> None:
        """There is no socket."""

    def listen(self) -> None:
        self.listener.bind(("", PORT))
        self.listener.listen(1)

    def syn_sent(self) -> None:
        socket = self.bench.host.socket()
        socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            socket.connect((REMOTE, PORT))
        self.flow = self.bench.caught[-1][1].flow.reverse()
        self.sockets.append(socket)

    def syn_received(self) -> None:
        self.listen()
        self.put(SYN, 0)

    def both_open(self) -> None:
        self.syn_sent()
        self.put(SYN, 0)

    def established(self) -> None:
        self.syn_received()
        self.put(ACK, 1, self.sent())
        self.accept()

    def fin_wait_1(self) -> None:
        self.established()
        self.sockets[0].shutdown(SHUT_WR)

    def fin_wait_2(self) -> None:
        self.fin_wait_1()
        self.put(ACK, 1, self.sent())

    def close_wait(self) -> None:
        self.syn_received()
        synack = self.sent()
        self.put(ACK, 1, synack)
        self.accept()
        self.put(FIN | ACK, 1, synack)

    def closing(self) -> None:
        self.fin_wait_1()
        self.put(FIN | ACK, 1, self.sent() - 1)

    def last_ack(self) -> None:
        self.close_wait()
        self.sockets[0].shutdown(SHUT_WR)

    def time_wait(self) -> None:
        self.fin_wait_1()
        self.put(FIN | ACK, 1, self.sent())

    @property
    def state(self) -> State:
        """The state of the host under test."""
        endpoint = self.bench.host.tcp.connections.get(self.flow)
        if endpoint is None:
            return State.LISTEN if self.bench.host.tcp.listeners else State.CLOSED
        assert isinstance(endpoint, Connection | Request | TimeWait)
        return endpoint.state


WAYS: dict[State, list[Callable[[Peer], None]]] = {
    State.CLOSED: [Peer.closed],
    State.LISTEN: [Peer.listen],
    State.SYN_SENT: [Peer.syn_sent],
    State.SYN_RECEIVED: [Peer.syn_received, Peer.both_open],
    State.ESTABLISHED: [Peer.established],
    State.FIN_WAIT_1: [Peer.fin_wait_1],
    State.FIN_WAIT_2: [Peer.fin_wait_2],
    State.CLOSE_WAIT: [Peer.close_wait],
    State.CLOSING: [Peer.closing],
    State.LAST_ACK: [Peer.last_ack],
    State.TIME_WAIT: [Peer.time_wait],
}
CASES = [(state, way) for state, ways in WAYS.items() for way in ways]

NEAR = st.sampled_from([0, 1, 2, -1, 5, 1000, -1000, 65535, 66000, -70000, 1 << 31, 1 << 30])
SEGMENTS = st.tuples(
    st.sampled_from([0, ACK, SYN, RST, FIN, SYN | ACK, RST | ACK, FIN | ACK]) | st.integers(0, 255),
    NEAR,
    NEAR,
    st.sampled_from([b"", b"x", bytes(1000)]),
    st.sampled_from([0, 0, 1 * MS, 1 * S, 100 * S]),
    st.sampled_from([OPTIONS, SynOptions(), SynOptions(mss=0, fastopen=b"")]),
    st.sampled_from([NO_TIMESTAMP, 0, 1, 7, 1 << 31, MASK]),
)


@pytest.mark.parametrize("system", PROFILES)
@pytest.mark.parametrize(("state", "way"), CASES, ids=lambda case: getattr(case, "__name__", None))
def test_every_state_is_reached(system: str, state: State, way: Callable[[Peer], None]) -> None:
    peer = Peer(system)
    way(peer)
    assert peer.state == state


@pytest.mark.parametrize(("state", "way"), CASES, ids=lambda case: getattr(case, "__name__", None))
@given(st.sampled_from(list(PROFILES)), st.lists(SEGMENTS, min_size=1, max_size=6))
def test_any_segments(
    state: State,
    way: Callable[[Peer], None],
    system: str,
    segments: list[tuple[int, int, int, bytes, int, SynOptions, int]],
) -> None:
    peer = Peer(system)
    way(peer)
    tcp = peer.bench.host.tcp
    for flags, seq, ack, payload, pause, options, ts_val in segments:
        known = peer.sent() if peer.bench.caught else 0
        peer.put(flags, 1 + seq, known + ack, payload, options, ts_val)
        peer.bench.advance(peer.bench.now + pause)
        assert peer.state in State
        assert tcp.memory_used >= 0
    for socket in [*peer.sockets, peer.listener]:
        socket.close()
    peer.bench.advance(peer.bench.now + 5000 * S)
    assert not tcp.connections
    assert not tcp.listeners
    assert tcp.memory_used == tcp.orphans == 0
    for _, packet in peer.bench.caught:
        header.encode(packet)
