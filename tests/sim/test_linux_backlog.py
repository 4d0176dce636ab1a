"""What a listener that never accepts does with a burst of connects on Linux: measurement E5.

64 connects at once, a backlog of 0, 1, 4 or 16, with and without SYN cookies and
tcp_abort_on_overflow.  Each run of the kernel has its test: counters, states and SYNs agree
exactly, latencies within the millisecond of the kernel's relay.  The states of the runs with
cookies were not measured.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sim import Simulation
from sim.bulk import connect_hold_close
from sim.host import Host
from sim.tcp.connection import Connection
from sim.tcp.request import Request
from sim.tcp.states import State
from sim.units import MS, S
from tests.sim.conversation import column

DATA = Path(__file__).parents[1] / "data" / "linux"
CONNECTS = pd.read_csv(DATA / "E5_conns.csv")
COUNTERS = pd.read_csv(DATA / "E5_counters.csv").set_index("run")
STATES = pd.read_csv(DATA / "E5_states.csv").rename(columns={"listen_recvq/sendq": "listen"})
RUNS = list(COUNTERS.index)
BURST = 64
PORT = 80


def settings(run: str) -> tuple[int, int, int]:
    """Return backlog, tcp_syncookies and tcp_abort_on_overflow of a run such as e5B16c0a1."""
    numbers = re.fullmatch(r"e5B(\d+)c(\d)a(\d)", run)
    assert numbers is not None
    backlog, syncookies, abort = map(int, numbers.groups())
    return backlog, syncookies, abort


class Burst:
    """The twin of one run: how it stood at each of the kernel's moments, and at the end."""

    def __init__(self, run: str) -> None:
        backlog, syncookies, abort = settings(run)
        self.sim = Simulation(seed=1)
        self.client = self.sim.add_host("client")
        sysctls = {
            "net.ipv4.tcp_syncookies": syncookies,
            "net.ipv4.tcp_abort_on_overflow": abort,
        }
        self.server = self.sim.add_host("server", sysctls=sysctls)
        self.sim.add_link("client", "server", 20 * MS)
        listening = self.server.socket()
        listening.bind(("", PORT))
        listening.listen(backlog)
        listener = listening.control_block
        for _ in range(BURST):
            connect_hold_close(self.client, (self.server.address, PORT), float("inf"))
        self.states: dict[float, dict[str, object]] = {}
        for time in sorted(STATES["t_actual_s"].unique()):
            self.sim.run(until=round(time * S))
            self.states[time] = {
                "client_ESTAB": in_state(self.client, State.ESTABLISHED),
                "client_SYN_SENT": in_state(self.client, State.SYN_SENT),
                "server_ESTAB": in_state(self.server, State.ESTABLISHED),
                "server_SYN_RECV": in_state(self.server, State.SYN_RECEIVED),
                "listen": f"{len(listener.accept_queue)}/{listener.backlog}",  # type: ignore[union-attr]
            }


def in_state(host: Host, state: State) -> int:
    endpoints = host.tcp.connections.values()
    assert all(isinstance(endpoint, Connection | Request) for endpoint in endpoints)
    return sum(endpoint.state == state for endpoint in endpoints)  # type: ignore[attr-defined]


twin = cache(Burst)


@pytest.mark.parametrize("run", RUNS)
def test_counters(run: str) -> None:
    ours = twin(run).server.tcp.counters
    names = {name: name.replace(".", "") for name in COUNTERS.columns}
    assert {name: ours.get(ours_name, 0) for name, ours_name in names.items()} == dict(
        COUNTERS.loc[run]
    )


@pytest.mark.parametrize("run", RUNS)
def test_who_got_in_after_how_many_packets(run: str) -> None:
    sim = twin(run).sim
    kernel = CONNECTS[CONNECTS["run"] == run]
    results = {"established": "OK", "pending": "PENDING"}
    ours = zip(
        (results[outcome] for outcome in column(sim, "outcome")),
        column(sim, "syn_sent"),
        column(sim, "synack_sent"),
        strict=True,
    )
    rows = kernel[["result", "n_syn", "n_synack"]].itertuples(index=False)
    assert sorted(ours) == sorted(map(tuple, rows))
    measured = kernel.loc[kernel["result"] == "OK", "lat_ms"]
    latencies = np.array([1e3 * s for s in column(sim, "latency_s") if s is not None])
    assert latencies == pytest.approx(measured.to_numpy(), abs=1.0)


@pytest.mark.parametrize("run", RUNS)
def test_states_at_each_moment(run: str) -> None:
    kernel = STATES[STATES["run"] == run].set_index("t_actual_s")
    _, syncookies, _ = settings(run)
    measured = ["listen"] if syncookies else [*kernel.columns[-5:]]
    for time, row in kernel.iterrows():
        ours = twin(run).states[float(str(time))]
        assert {name: ours[name] for name in measured} == dict(row[measured])


@pytest.mark.parametrize("run", [run for run in RUNS if settings(run)[1]])
def test_cookies_make_phantoms(run: str) -> None:
    """All clients are ESTABLISHED; the server has backlog + 1 of them, and no request."""
    backlog, _, _ = settings(run)
    for state in twin(run).states.values():
        assert state["client_ESTAB"] == BURST
        assert state["server_ESTAB"] == backlog + 1
        assert state["server_SYN_RECV"] == 0
