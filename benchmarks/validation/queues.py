"""E5 and E6: a backlog that overflows, and a SYN flood."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from analysis.frames import Frames
from analysis.plots import style
from benchmarks.validation.comparison import Comparison, Equality, Experiment
from benchmarks.validation.data import LINUX, RECIPE
from sim import Simulation
from sim.applications import flood, serve
from sim.host import Host
from sim.units import MS, S
from tests.sim.conversation import PORT, column

BACKLOGS = (0, 1, 4, 16)
BURST = 64
FLOODS: dict[str, tuple[str, dict[str, int]]] = {
    "e6c0": ("no cookies", {"net.ipv4.tcp_syncookies": 0}),
    "e6c1": ("cookies when full", {"net.ipv4.tcp_syncookies": 1}),
    "e6c2": ("cookies always", {"net.ipv4.tcp_syncookies": 2}),
}


def backlog() -> Experiment:
    """Compare how many of a burst a listener takes that never accepts."""
    conns = pd.read_csv(LINUX / "E5_conns.csv")
    states = pd.read_csv(LINUX / "E5_states.csv")
    rows: list[Comparison | Equality] = []
    drawn: dict[int, tuple[list[int], list[int]]] = {0: ([], []), 1: ([], [])}
    for cookies in (0, 1):
        for size in BACKLOGS:
            run = f"e5B{size}c{cookies}a0"
            kernel = conns[conns["run"] == run]
            client = int((kernel["result"] == "OK").sum())
            queue = states[states["run"] == run]["listen_recvq/sendq"].iloc[0]
            held = int(str(queue).split("/", maxsplit=1)[0])
            established, accepted = burst(size, cookies)
            label = f"backlog {size}, syncookies {cookies}"
            rows.append(
                Comparison(f"{label}: clients established", client, established, 0, unit="")
            )
            rows.append(Comparison(f"{label}: held by server", held, accepted, 0, unit=""))
            drawn[cookies][0].append(client)
            drawn[cookies][1].append(established)
    return Experiment(
        "E5",
        "What does a listener take that never accepts?",
        f"{BURST} connects at once, 20 ms away; 0.35 s later.",
        rows,
        "none: the counts must be equal.",
        plot_backlog(drawn),
    )


def burst(size: int, cookies: int) -> tuple[int, int]:
    """Return how many clients are established, and how many connections the server holds."""
    sim = Simulation(1)
    client = sim.add_host("client")
    server = sim.add_host("server", sysctls={"net.ipv4.tcp_syncookies": cookies})
    sim.add_link("client", "server", delay=20 * MS)
    listening = server.socket()
    listening.bind(("", PORT))
    listening.listen(size)
    for _ in range(BURST):
        sim.process(call(client, server.address, 0))
    sim.run(350 * MS)
    [listener] = server.tcp.listeners.values()
    queue: Any = getattr(listener, "accept_queue", ())
    return column(sim, "outcome").count("established"), len(queue)


def call(host: Host, address: str, at: int) -> Generator[Any, Any, None]:
    """Connect at a time (ns)."""
    yield host.env.timeout(at)
    try:
        yield host.socket().connect((address, PORT))
    except OSError:
        return


@style.styled
def plot_backlog(drawn: dict[int, tuple[list[int], list[int]]]) -> Figure:
    """Draw the clients established by the backlog."""
    figure, [axes] = style.canvas(Frames(RECIPE), f"Of {BURST} connects at once, established")
    for (cookies, (kernel, ours)), colour in zip(
        drawn.items(), (style.BLUE, style.VERMILLION), strict=True
    ):
        axes.plot(BACKLOGS, ours, color=colour, label=f"simulation, syncookies {cookies}")
        axes.plot(
            BACKLOGS,
            kernel,
            "o",
            color=colour,
            ms=9,
            mfc="none",
            label=f"kernel, syncookies {cookies}",
        )
    axes.set(xlabel="backlog (connections)", ylabel="clients that see a connection", ylim=(0, 70))
    axes.set_xticks(BACKLOGS)
    axes.legend(loc="center right")
    return figure


def syn_flood() -> Experiment:
    """Compare what honest clients see of a SYN flood."""
    conns = pd.read_csv(LINUX / "E6_conns.csv")
    rows: list[Comparison | Equality] = []
    drawn = None
    for run, (label, sysctls) in FLOODS.items():
        kernel = conns[conns["run"] == run]
        theirs = kernel["lat_ms"].to_numpy() / 1000
        started, ours = flooded(sysctls, kernel["t_since_flood_start_s"].tolist())
        succeeded = int((kernel["result"] == "OK").sum())
        rows.append(
            Comparison(f"{label}: succeeded", succeeded, int(np.isfinite(ours).sum()), 0, unit="")
        )
        late = 0.1 if run == "e6c0" else 0.002
        for name, share in (("p50", 0.5), ("max", 1.0)):
            kernels, found = (float(np.quantile(side, share)) for side in (theirs, ours))
            rows.append(Comparison(f"{label}: {name}", kernels, found, late))
        if run == "e6c0":
            drawn = (kernel["t_since_flood_start_s"].to_numpy(), theirs), (started, ours)
    assert drawn is not None
    return Experiment(
        "E6",
        "What do honest clients see of a SYN flood?",
        "2000 SYNs from addresses that nobody has, 500 a second; backlog 128; 100 honest clients,"
        " 20 a second from the first second on; the server accepts at once.",
        rows,
        "counts: none; latencies: 2 ms, without cookies 100 ms, for the timers of the wait.",
        plot_flood(*drawn),
    )


def flooded(sysctls: dict[str, int], times: list[float]) -> tuple[Any, Any]:
    """Return when honest clients called, s, and their latencies, infinite without success."""
    sim = Simulation(1)
    client, attacker = sim.add_host("client"), sim.add_host("attacker")
    server = sim.add_host("server", sysctls=sysctls)
    sim.add_link("client", "server", delay=20 * MS)
    sim.add_link("attacker", "server", delay=20 * MS)
    serve(server, PORT, backlog=128)
    rng = np.random.default_rng(1)
    sim.process(flood(attacker, (server.address, PORT), rng, 500.0, 2000, 0))
    for at in times:
        sim.process(call(client, server.address, round(at * S)))
    sim.run(200 * S)
    outcome, latency = column(sim, "outcome"), column(sim, "latency_s")
    ours = [
        one if how == "established" else np.inf for how, one in zip(outcome, latency, strict=True)
    ]
    return np.array(column(sim, "started_s")), np.array(ours)


@style.styled
def plot_flood(kernel: tuple[Any, Any], ours: tuple[Any, Any]) -> Figure:
    """Draw honest clients' latency by the time of the call."""
    figure, [axes] = style.canvas(Frames(RECIPE), "Honest clients in a SYN flood, no cookies")
    axes.plot(*kernel, "o", color=style.BLUE, mfc="none", label="kernel")
    axes.plot(*ours, "^", color=style.ORANGE, ms=4, label="simulation")
    axes.set(xlabel="time of the call since the flood began", ylabel="latency of connect()")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(EngFormatter(unit="s"))
    axes.set_ylim(bottom=0)
    style.legend_above(axes)
    return figure
