from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Generator, Sequence
from functools import partial
from typing import Any

import pytest
from simpy.events import Event

from sim import Simulation
from sim.net.netem import parse
from sim.net.queues import DropTail
from sim.simulation import Simulation as Plain
from sim.tapped import TIMERS, TracedSimulation
from sim.tcp import header
from sim.trace import TABLES, PacketRow, SocketRow
from sim.units import MS, S

DELAY = 20 * MS


class Tables:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.packets: list[PacketRow] = []
        self.sockets: list[SocketRow] = []
        self.batches: list[tuple[str, int]] = []

    def __call__(self, table: str, rows: Sequence[Any]) -> None:
        self.batches.append((table, len(rows)))
        getattr(self, table).extend(rows)


def exchange(sim: Plain, loss: float = 0.0, port: int = 80) -> None:
    """A client connects, stays a second, and closes; the server follows."""
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_link("client", "server", delay=DELAY, loss=loss)
    listening = server.socket()
    listening.bind(("", 80))
    listening.listen(5)

    def serve() -> Generator[Event, Any, None]:
        accepted, _ = yield listening.accept()
        yield accepted.recv()
        accepted.close()

    def call() -> Generator[Event, Any, None]:
        socket = client.socket()
        try:
            yield socket.connect((server.address, port))
        except OSError:
            return
        yield sim.env.timeout(S)
        socket.close()

    sim.process(serve())
    sim.process(call())
    sim.run()


@pytest.fixture
def tables() -> Tables:
    return Tables()


def test_each_packet_is_seen_where_it_leaves_on_the_link_and_where_it_arrives(
    tables: Tables,
) -> None:
    exchange(TracedSimulation(tables, seed=1))
    ways = {"client": "client > server", "server": "server > client"}
    by_packet: dict[int, list[PacketRow]] = {}
    for row in tables.packets:
        by_packet.setdefault(row.packet, []).append(row)
    assert [rows[0].flags for rows in by_packet.values()][:4] == ["S", "S.", ".", "F."]
    for rows in by_packet.values():
        leaves, over, arrives = rows
        assert (leaves.direction, leaves.event) == ("out", "sent")
        assert (over.place, over.direction, over.event) == (ways[leaves.place], "over", "sent")
        assert (arrives.direction, arrives.event) == ("in", "received")
        assert arrives.place != leaves.place
        assert arrives.time_s - leaves.time_s == pytest.approx(0.02)
        assert {row.connection for row in rows} == {0}


def test_columns_say_what_the_bytes_say(tables: Tables) -> None:
    exchange(TracedSimulation(tables, seed=1))
    for row in tables.packets:
        packet = header.decode(row.datagram)
        assert tuple(packet.flow) == (row.src, row.sport, row.dst, row.dport)
        assert (packet.seq, packet.ack, packet.window) == (row.seq, row.ack, row.win)
        assert len(packet.payload) == row.len


def test_states_and_calls_of_a_handshake_and_close(tables: Tables) -> None:
    exchange(TracedSimulation(tables, seed=1))
    client = [
        (round(row.time_s, 3), row.event, row.detail, row.state)
        for row in tables.sockets
        if row.host == "client"
    ]
    assert client[:7] == [
        (0.0, "return", "socket()", "CLOSED"),
        (0.0, "call", "connect(('10.0.0.2', 80))", "CLOSED"),
        (0.0, "waiting", "connect()", "SYN-SENT"),
        (0.04, "received", "S.", "ESTABLISHED"),
        (0.04, "return", "connect()", "ESTABLISHED"),
        (1.04, "call", "close()", "ESTABLISHED"),
        (1.04, "return", "close()", "FIN-WAIT-1"),
    ]
    assert client[-2][1:] == ("received", "F.", "TIME-WAIT")
    assert client[-1][1:] == ("timer", "TIME-WAIT timer", "CLOSED")
    assert client[-1][0] > 60


def test_a_socket_before_connect_knows_no_peer_and_after_it_does(tables: Tables) -> None:
    exchange(TracedSimulation(tables, seed=1))
    rows = [row for row in tables.sockets if row.host == "client"]
    new, called, waiting, established = rows[:4]
    for row in (new, called):
        assert (row.peer_address, row.peer_port, row.iss, row.memory) == ("", 0, None, 0)
    assert (waiting.peer_address, waiting.peer_port) == ("10.0.0.2", 80)
    assert waiting.memory > 0
    assert waiting.timer == "SYN timer"
    assert waiting.timer_expires_s is not None
    assert 1 <= waiting.timer_expires_s < 1.1
    assert established.timer == ""
    assert established.srtt_s == 0.04
    assert len({row.socket for row in rows}) == 1


def test_server_s_request_connection_and_accepted_socket_share_a_number(tables: Tables) -> None:
    exchange(TracedSimulation(tables, seed=1))
    listener = tables.sockets[0].socket
    server = [row for row in tables.sockets if row.host == "server" and row.socket != listener]
    assert len({row.socket for row in server}) == 1
    states = list(dict.fromkeys(row.state for row in server))
    assert states == ["SYN-RECEIVED", "ESTABLISHED", "CLOSE-WAIT", "LAST-ACK", "CLOSED"]
    assert {row.connection for row in server} == {0}
    client = next(row for row in tables.sockets if row.state == "ESTABLISHED")
    mirrored = next(row for row in server if row.state == "ESTABLISHED")
    assert (client.iss, client.irs) == (mirrored.irs, mirrored.iss)


def test_nobody_answers(tables: Tables) -> None:
    exchange(TracedSimulation(tables, seed=1), loss=1)
    events = Counter((row.place, row.event, row.reason) for row in tables.packets)
    assert events == {
        ("client", "sent", ""): 11,
        ("client > server", "sent", ""): 11,
        ("client > server", "dropped", "loss"): 11,
    }
    timers = [row for row in tables.sockets if row.event == "timer"]
    assert len(timers) == 11
    for timer, following in itertools.pairwise(timers):
        assert timer.timer_expires_s == following.time_s
    assert (timers[-1].state, timers[-1].connection) == ("CLOSED", 0)
    last = tables.sockets[-1]
    assert (last.event, last.detail, last.state) == ("raise", "connect() ETIMEDOUT", "CLOSED")
    assert last.peer_address == ""


def test_an_impaired_link_says_why_it_drops_and_copies_are_packets_of_their_own(
    tables: Tables,
) -> None:
    sim = TracedSimulation(tables, seed=2)
    netem = parse("loss 20% duplicate 30% corrupt 20%")
    sim.network._make_link = partial(sim.network._make_link, netem=netem)
    exchange(sim)
    reasons = Counter(row.reason for row in tables.packets if row.event == "dropped")
    assert set(reasons) == {"loss", "corrupted"}
    sent = {row.packet for row in tables.packets if row.direction == "out"}
    received = {row.packet for row in tables.packets if row.event == "received"}
    dropped = {row.packet for row in tables.packets if row.event == "dropped"}
    assert sent - received <= dropped
    assert received - sent
    assert not received & dropped
    by_event = {
        event: {row.packet for row in tables.packets if row.event == event}
        for event in ("duplicated", "corrupted")
    }
    assert by_event["duplicated"] == {row.packet for row in tables.packets} - sent
    failed = {row.packet for row in tables.packets if row.reason == "corrupted"}
    assert by_event["corrupted"] == failed > set()


def test_identification_counts_the_packets_of_a_connection_and_is_0_on_a_syn_ack(
    tables: Tables,
) -> None:
    exchange(TracedSimulation(tables, seed=1))
    sent = [header.decode(row.datagram) for row in tables.packets if row.direction == "out"]
    first, *more = (packet.ident for packet in sent if packet.flow.dport == 80)
    assert first not in {0, 1}
    assert more == [first + number for number in range(1, len(more) + 1)]
    synack, *rest = (packet.ident for packet in sent if packet.flow.sport == 80)
    assert synack == 0
    assert 0 not in rest


def test_a_packet_that_dies_on_the_way_and_the_error_about_it_have_rows(tables: Tables) -> None:
    sim = TracedSimulation(tables, seed=1)
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_router("near")
    sim.add_firewall("far", "reject 3/13 dport 80")
    for a, b in itertools.pairwise(("client", "near", "far", "server")):
        sim.add_link(a, b, delay=DELAY)

    def call() -> Generator[Event, Any, None]:
        with pytest.raises(OSError, match="No route to host"):
            yield client.socket().connect((server.address, 80))

    sim.run(sim.process(call()))
    seen = [(row.place, row.event, row.reason, row.protocol) for row in tables.packets]
    assert seen == [
        ("client", "sent", "", "tcp"),
        ("client > near", "sent", "", "tcp"),
        ("near > far", "sent", "", "tcp"),
        ("far", "dropped", "firewall: reject", "tcp"),
        ("far > near", "sent", "", "icmp"),
        ("near > client", "sent", "", "icmp"),
        ("client", "received", "", "icmp"),
    ]
    ttls = [row.datagram[8] for row in tables.packets]
    assert ttls[:3] == [64, 64, 63]
    assert {row.connection for row in tables.packets} == {0}


def test_a_reboot_ends_all_sockets_and_packets_to_a_host_that_is_down_are_dropped(
    tables: Tables,
) -> None:
    sim = TracedSimulation(tables, seed=1)

    def lose_power() -> Generator[Event, Any, None]:
        yield sim.env.timeout(S // 2)
        sim.hosts["server"].reboot(2 * S)

    sim.process(lose_power())
    exchange(sim)
    gone = [row.state for row in tables.sockets if row.event == "reboot"]
    assert gone == ["CLOSED", "CLOSED"]
    lost = [row for row in tables.packets if row.reason == "host is down"]
    assert {(row.place, row.flags) for row in lost} == {("server", "F.")}
    late = [row.flags for row in tables.packets if row.time_s > 2.5 and row.direction == "out"]
    assert "R" in late


def test_retransmission_timeout_of_a_socket(tables: Tables) -> None:
    exchange(TracedSimulation(tables, seed=1), loss=1)
    rtos = [row.rto_s for row in tables.sockets if row.state == "SYN-SENT"]
    assert list(dict.fromkeys(rtos)) == [1, 2, 4, 8, 16, 32, 64]
    again = Tables()
    exchange(TracedSimulation(again, seed=1))
    established = next(row for row in again.sockets if row.state == "ESTABLISHED")
    assert established.rto_s == 0.24


@pytest.mark.parametrize("loss", [0.0, 0.3])
def test_every_timer_has_a_name(loss: float) -> None:
    names = set()
    for seed in range(8):
        tables = Tables()
        exchange(TracedSimulation(tables, seed), loss)
        names |= {row.timer for row in tables.sockets} - {""}
        names |= {row.detail for row in tables.sockets if row.event == "timer"}
    assert names <= set(TIMERS.values())
    assert {"SYN timer", "SYN-ACK timer", "TIME-WAIT timer"} <= names


def test_a_full_queue_is_a_reason(tables: Tables) -> None:
    sim = TracedSimulation(tables, seed=2)
    sim.network._make_link = partial(sim.network._make_link, bitrate=100, queue=DropTail(packets=1))
    exchange(sim)
    assert {row.reason for row in tables.packets if row.event == "dropped"} == {"queue"}


def test_a_refused_connect_raises_in_the_trace_too(tables: Tables) -> None:
    exchange(TracedSimulation(tables, seed=1), port=81)
    assert [row.flags for row in tables.packets if row.direction == "in"] == ["S", "R."]
    assert tables.sockets[-1].detail == "connect() ECONNREFUSED"


def test_tracing_changes_nothing(tables: Tables) -> None:
    plain, traced = Simulation(seed=3), TracedSimulation(tables, seed=3)
    for sim in (plain, traced):
        exchange(sim, loss=0.3)
    assert repr(plain.records.columns()) == repr(traced.records.columns())


def test_the_same_seed_gives_the_same_trace(tables: Tables) -> None:
    again = Tables()
    exchange(TracedSimulation(tables, seed=5), loss=0.3)
    exchange(TracedSimulation(again, seed=5), loss=0.3)
    assert (tables.packets, tables.sockets) == (again.packets, again.sockets)


def test_rows_are_handed_over_in_batches(tables: Tables) -> None:
    sim = TracedSimulation(tables, seed=1)
    sim.trace._batch = 4
    exchange(sim)
    *full, rest = [size for table, size in tables.batches if table == "packets"]
    assert set(full) == {4}
    assert rest == len(tables.packets) % 4
    assert not any(sim.trace._rows[table] for table in TABLES)
    assert not sim.trace._in_flight
