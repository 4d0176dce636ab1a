"""Ladders of connections that do not go as a text book's: who sent what; no label on another."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from analysis import ladder, ladder_text
from analysis.ladder import Ladder
from analysis.plots.ladder import ladder as draw
from sim.host import Host
from sim.net.script import LossScript
from sim.tapped import TracedSimulation
from sim.units import MS, S
from tests import traced
from tests.analysis.test_ladder import overlapping

REQUEST = b"Who is there?"
TO_SERVER, TO_CLIENT = "client > server", "server > client"

Build = Callable[[TracedSimulation], None]


def hosts(sim: TracedSimulation, *, between: str = "", **link: Any) -> tuple[Host, Host]:
    client, server = sim.add_host("client"), sim.add_host("server")
    if between:
        sim.add_link("client", between, 10 * MS, **link)
        sim.add_link(between, "server", 10 * MS, **link)
    else:
        sim.add_link("client", "server", 20 * MS, **link)
    return client, server


def converse(sim: TracedSimulation, client: Host, server: Host, answer: int = 9) -> None:
    """Let the client ask, the server answer so many bytes, and both close."""
    listening = server.socket()
    listening.bind(("", 80))
    listening.listen(5)

    def serve() -> Generator[Any, Any, None]:
        connection, _ = yield listening.accept()
        with suppress(OSError):
            yield connection.recv()
            yield connection.send(bytes(answer))
            yield connection.recv()
        connection.close()

    def call() -> Generator[Any, Any, None]:
        socket = client.socket()
        with suppress(OSError):
            yield socket.connect((server.address, 80))
            yield socket.send(REQUEST)
            yield socket.recv()
            yield sim.env.timeout(S)
        socket.close()

    sim.process(serve())
    sim.process(call())


def losing(**scripts: str) -> Build:
    """Lose what the scripts say, `up` towards the server and `down` towards the client."""
    names = {TO_SERVER: scripts.get("up"), TO_CLIENT: scripts.get("down")}

    def lose(name: str) -> LossScript:
        return LossScript(names[name] or "SYN 99")

    return lambda sim: converse(sim, *hosts(sim, lose=lose))


def behind_nat(sim: TracedSimulation) -> None:
    sim.add_nat("nat", "203.0.113.1", ["10.0.0.1"])
    converse(sim, *hosts(sim, between="nat"))


def rejected(sim: TracedSimulation) -> None:
    sim.add_firewall("wall", "reject 3/13 dport 80")
    converse(sim, *hosts(sim, between="wall"))


def across_a_damaged_path(sim: TracedSimulation) -> None:
    sim.add_router("Kansas City")
    converse(sim, *hosts(sim, between="Kansas City", loss=0.3))


def impaired(sim: TracedSimulation) -> None:
    netem = "delay 5ms 4ms loss 10% duplicate 30% corrupt 10% reorder 20%"
    converse(sim, *hosts(sim, netem=netem), answer=9000)


def simultaneous(sim: TracedSimulation) -> None:
    client, server = hosts(sim)

    def call(host: Host, port: int, peer: tuple[str, int], start: int) -> Generator[Any, Any, None]:
        socket = host.socket()
        socket.bind(("", port))
        yield sim.env.timeout(start)
        yield socket.connect(peer)
        yield sim.env.timeout(S)
        socket.close()

    sim.process(call(client, 6000, (server.address, 6001), 0))
    sim.process(call(server, 6001, (client.address, 6000), 5 * MS))


KINDS: dict[str, Build] = {
    "SYN lost": losing(up="SYN 1"),
    "SYN-ACK lost": losing(down="SYN+ACK 1"),
    "ACK lost": losing(up="ACK 1"),
    "ACK and data lost": losing(up="ANY 2-3"),
    "every SYN-ACK lost": losing(down="SYN+ACK *"),
    "FIN lost": losing(up="FIN 1"),
    "behind NAT": behind_nat,
    "rejected": rejected,
    "across a damaged path": across_a_damaged_path,
    "impaired": impaired,
    "simultaneous": simultaneous,
}


def load(folder: Path, kind: str, connection: int = 0) -> Ladder:
    return ladder.load(traced.record(folder / "run", KINDS[kind], seed=3), connection)


@pytest.mark.parametrize("kind", KINDS)
def test_no_label_overlaps_another(kind: str, tmp_path: Path) -> None:
    assert overlapping(draw(load(tmp_path, kind))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_of_text_keeps_the_columns(kind: str, tmp_path: Path) -> None:
    loaded = load(tmp_path, kind)
    lines = list(ladder_text.lines(loaded))[2:-1]
    starts = {min(map(line.find, "|~"), key=lambda at: at if at > 0 else 999) for line in lines}
    assert len(starts) == 1
    ends = {max(line.rfind("|"), line.rfind("~")) for line in lines}
    assert len(ends) == 1


def test_both_sides_of_a_simultaneous_open_are_there(tmp_path: Path) -> None:
    for connection, sender in ((0, 0), (1, 1)):
        loaded = load(tmp_path / str(connection), "simultaneous", connection)
        labels = [(arrow.sender == sender, arrow.label) for arrow in loaded.arrows]
        assert [own for own, label in labels if label == "SYN seq 0"] in (
            [True, False],
            [False, True],
        )
        both = {own for own, label in labels if label == "SYN+ACK seq 0, ack 1"}
        assert both == {True, False}
        returned = [note.side for note in loaded.notes if note.text == "connect() returns"]
        assert sorted(returned) == [0, 1]


def test_an_icmp_error_comes_from_its_router(tmp_path: Path) -> None:
    loaded = load(tmp_path, "rejected")
    syn, error = loaded.arrows
    assert syn.lost == "firewall: reject, wall"
    assert (error.sender, error.router) == (1, "wall")
    assert error.label == "ICMP unreachable, admin prohibited filter"
    assert error.arrived_s == pytest.approx(0.02)


def test_numbers_stay_relative_behind_nat(tmp_path: Path) -> None:
    labels = [arrow.label for arrow in load(tmp_path, "behind NAT").arrows]
    assert labels[:3] == ["SYN seq 0", "SYN+ACK seq 0, ack 1", "ACK seq 1, ack 1"]


def test_notes_name_each_timer_and_how_long_it_is_to_run(tmp_path: Path) -> None:
    loaded = load(tmp_path, "SYN-ACK lost")
    timers = [
        (note.side, note.text.partition(",")) for note in loaded.notes if note.kind == "timer"
    ]
    names = [(side, name) for side, (name, _, _) in timers]
    assert names[:4] == [
        (0, "SYN timer"),
        (1, "SYN-ACK timer"),
        (0, "SYN timer expires"),
        (0, "SYN timer"),
    ]
    assert [after.strip() for _, (_, _, after) in timers[:2]] == ["1.03 s", "1.03 s"]
