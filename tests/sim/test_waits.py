from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sim import Simulation
from sim.applications import serve
from sim.bulk import connect_hold_close
from sim.units import MS, S
from sim.waits import CAUSES, Attempt, Mark, split

WAITS = (S, 2 * S, 4 * S)
TRAVEL = 20 * MS


def attempt(finished: int, answered: int = -1, timed_out: bool = False) -> Attempt:
    return Attempt(0, finished, answered, timed_out, WAITS, WAITS)


def lost(found: list[int]) -> dict[str, int]:
    return {cause: time for cause, time in zip(CAUSES, found, strict=True) if time}


def test_a_lost_syn_costs_its_timeout_and_the_rounding() -> None:
    marks = [(0, Mark.SYN_LOST), (S + 16 * MS, Mark.SYN)]
    of = attempt(S + 56 * MS, S + 36 * MS)
    assert lost(split(of, marks)) == {"syn_lost": S, "rounding": 16 * MS}


def test_a_syn_turned_away_costs_its_timeout() -> None:
    marks = [(TRAVEL, Mark.TURNED_AWAY), (S, Mark.SYN), (S + TRAVEL, Mark.TURNED_AWAY)]
    marks += [(3 * S, Mark.SYN)]
    assert lost(split(attempt(3 * S + 2 * TRAVEL, 3 * S + TRAVEL), marks)) == {"queue_full": 3 * S}


def test_a_lost_synack_costs_the_earlier_of_two_timers() -> None:
    of = attempt(S + 48 * MS, TRAVEL)
    by_server = [(TRAVEL, Mark.SYN_ACK_LOST)]
    by_server += [(S + 28 * MS, Mark.TIMEOUT), (S + 28 * MS, Mark.SYN_ACK)]
    assert lost(split(of, by_server)) == {"synack_lost": S, "rounding": 8 * MS}
    by_client = [(TRAVEL, Mark.SYN_ACK_LOST), (S + 8 * MS, Mark.SYN), (S + 28 * MS, Mark.SYN_ACK)]
    assert lost(split(of, by_client)) == {"synack_lost": S, "rounding": 8 * MS}


def test_a_lost_cookie_is_told_from_a_lost_synack() -> None:
    marks = [(TRAVEL, Mark.COOKIE), (TRAVEL, Mark.SYN_ACK_LOST), (S, Mark.SYN)]
    marks += [(S + TRAVEL, Mark.SYN_ACK), (S + TRAVEL, Mark.COOKIE)]
    assert lost(split(attempt(S + 2 * TRAVEL, TRAVEL), marks)) == {"cookie": S}


def test_a_spurious_syn_costs_nothing() -> None:
    assert lost(split(attempt(1200 * MS, 600 * MS), [(S, Mark.SYN)])) == {}


def test_a_timeout_is_lost_time_through_and_through() -> None:
    marks = [(S, Mark.SYN), (3 * S, Mark.SYN), (3 * S, Mark.SYN_LOST)]
    assert lost(split(attempt(7 * S, timed_out=True), marks)) == {"syn_lost": 7 * S}


def run(loss: float, backlog: int = 4096, **sysctls: Any) -> dict[str, np.ndarray[Any, Any]]:
    sim = Simulation(seed=5)
    client = sim.add_host("client")
    server = sim.add_host("server", sysctls={f"net.ipv4.{k}": v for k, v in sysctls.items()})
    sim.add_link("client", "server", delay=TRAVEL, loss=loss)
    serve(server, 80, backlog=backlog)
    for _ in range(400):
        connect_hold_close(client, (server.address, 80), S)
    sim.run()
    return {name: column for name, column in sim.records.columns().items() if name.endswith("_s")}  # type: ignore[misc]


PARTS = ("propagation_s", "queueing_s", *(f"{cause}_s" for cause in CAUSES))


@pytest.mark.parametrize(("loss", "cookies"), [(0.0, 0), (0.3, 0), (0.3, 2)])
def test_the_parts_add_up_and_nothing_queues_on_a_plain_link(loss: float, cookies: int) -> None:
    columns = run(loss, tcp_syncookies=cookies)
    total = sum(np.rint(columns[part] * 1e9) for part in PARTS)
    assert (total == np.rint(columns["latency_s"] * 1e9)).all()
    assert (columns["queueing_s"] == 0.0).all()
    assert (columns["propagation_s"] == 0.04).all()
    seen = {cause for cause in CAUSES if columns[f"{cause}_s"].any()}
    expected = {"syn_lost", "rounding", "cookie" if cookies else "synack_lost"}
    assert seen == (expected if loss else set())
    # A slot of the timer wheel is largest beside a wait of 4 s, 64 of 1000 ticks.
    assert (columns["rounding_s"] <= 0.07 * columns["latency_s"]).all()


def test_a_full_queue_is_seen() -> None:
    columns = run(0.0, backlog=16, tcp_syncookies=0)
    assert columns["queue_full_s"].max() >= 1.0
    assert not columns["syn_lost_s"].any()
