"""E3 and E9: packets lost at random, and one chosen packet lost."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from analysis.frames import Frames
from analysis.plots import style
from analysis.plots.latency import steps
from analysis.schedules import Schedules
from analysis.theory import Latency, connect_latency
from benchmarks.validation.comparison import Comparison, Equality, Experiment, of_means
from benchmarks.validation.data import DATA, LINUX, RECIPE
from sim import Simulation
from sim.applications import arrive, poisson, serve
from sim.tcp.profiles import PROFILES
from sim.units import MS, S
from tests.sim.conversation import LOST, PORT, Conversation, Script, column, of_one_kernel, spread

Times = npt.NDArray[np.float64]

LOSSES = {0.0: "p0", 0.005: "p005", 0.02: "p02", 0.1: "p10"}
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
CONNECTS, SEEDS = 5000, 4
LATE_S = 0.005
"""A tick of 4 ms by which an idle processor's timer is late at times, and the relay."""


def random_losses() -> Experiment:
    """Compare the latency of connect() under independent loss."""
    schedules = Schedules.from_recipe(PROFILES["linux"].schedules())
    rows: list[Comparison | Equality] = []
    drawn: dict[float, tuple[Times, Times, Latency]] = {}
    for loss, name in LOSSES.items():
        kernel = pd.read_csv(DATA / f"E3_e3_{name}.csv.gz")
        theirs = kernel["lat_ms"].to_numpy() / 1000
        ours, syns = simulated(loss)
        theory = connect_latency(schedules, schedules, rtt_s=0.04, loss=loss)
        label = f"loss {100 * loss:g} %"
        known = float(theirs.mean()), float(theirs.std()), len(theirs)
        rows.append(of_means(f"{label}: mean", known, ours, theory.mean_s))
        for quantile, share in QUANTILES.items():
            found = float(np.quantile(theirs, share, method="inverted_cdf"))
            mine = float(np.quantile(ours, share, method="inverted_cdf"))
            allowed = tolerance(ours, share)
            expected = theory.quantile(share)
            rows.append(Comparison(f"{label}: {quantile}", found, mine, allowed, expected))
        single = float((kernel["n_syn"] == 1).mean())
        error = 4 * math.sqrt(single * (1 - single) * (1 / CONNECTS + 1 / len(syns)))
        mine = float((syns == 1).mean())
        rows.append(Comparison(f"{label}: one SYN was enough", single, mine, error, unit="%"))
        if loss:
            drawn[loss] = theirs, ours, theory
    return Experiment(
        "E3",
        "How long does connect() take when packets are lost at random?",
        f"{CONNECTS} connects of the kernel, {CONNECTS * SEEDS} of the simulation, 300 a second,"
        " loss independent each way; client and server on one clock.",
        rows,
        "means and shares: four standard errors, and 1 ms for the relay; a quantile q: as far as"
        " the simulation's quantiles at q plus and minus four standard errors of a share of"
        f" {CONNECTS} connects, and {1000 * LATE_S:g} ms.",
        plot(drawn),
    )


def tolerance(ours: Times, share: float) -> float:
    """Return how far the kernel's quantile may lie from ours by its own chance, s."""
    chance = 4 * math.sqrt(share * (1 - share) / CONNECTS)
    low, middle, high = np.quantile(ours, [max(share - chance, 0), share, min(share + chance, 1)])
    return float(max(middle - low, high - middle)) + LATE_S


def simulated(loss: float) -> tuple[Times, Times]:
    """Return the latencies, s, and the SYNs of each connect."""
    latencies, syns = [], []
    for seed in range(1, 1 + SEEDS):
        sim = Simulation(seed, make_host=of_one_kernel)
        client, server = sim.add_host("client"), sim.add_host("server")
        sim.add_link("client", "server", delay=20 * MS, loss=loss)
        serve(server, PORT, backlog=4096)
        times = poisson(sim.streams.generator("arrivals"), 300, CONNECTS)
        arrive(sim, [client], (server.address, PORT), times.tolist(), math.inf)
        sim.run()
        latencies.append(column(sim, "latency_s"))
        syns.append(column(sim, "syn_sent"))
    return np.concatenate(latencies), np.concatenate(syns)


@style.styled
def plot(drawn: dict[float, tuple[Times, Times, Latency]]) -> Figure:
    """Draw the share of connects not yet established after a time."""
    figure, [axes] = style.canvas(Frames(RECIPE), "Connects not yet established after a time")
    axes.set(xlabel="time since connect()", ylabel="share of connects", ylim=(4e-5, 1.4))
    style.share_axis(axes.yaxis)
    low, high = style.time_axis(axes.xaxis, 0.03, 5.0)
    axes.set_xlim(low, high)
    at = np.geomspace(low, high, 4000)
    for (loss, (kernel, ours, theory)), colour in zip(
        drawn.items(), style.ordered_colours(len(drawn)), strict=True
    ):
        for times, width, alpha, name in ((kernel, 5.0, 0.3, "kernel"), (ours, 1.6, 1.0, "")):
            when, shares = steps(times, len(times))
            axes.step(
                [low, *when],
                1 - np.concatenate([[0.0], shares]),
                where="post",
                color=colour,
                linewidth=width,
                alpha=alpha,
                label=f"loss {100 * loss:g} %, {name or 'simulation'}",
            )
        last = "theory" if loss == max(drawn) else "_"
        axes.plot(at, 1 - theory.cdf(at), color=style.BLACK, linewidth=0.9, ls=":", label=last)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


ONE_LOST: dict[int, tuple[str, Script]] = {
    9001: ("nothing lost", {}),
    9002: ("SYN lost", {"SYN 1": LOST}),
    9003: ("SYN-ACK lost", {"SYN+ACK 1": LOST}),
    9004: ("ACK lost", {"ACK 1": LOST}),
    9006: ("SYN lost twice", {"SYN 1-2": LOST}),
    9013: ("SYN-ACK lost twice", {"SYN+ACK 1-2": LOST}),
}


def chosen_losses() -> Experiment:
    """Compare connect()'s latency when one chosen packet is lost."""
    table = pd.read_csv(LINUX / "E9_timelines.csv.gz")
    table = table[table["run"] == "e9ts1"]
    rows: list[Comparison | Equality] = []
    for port, (what, script) in ONE_LOST.items():
        acks = table[(table["port"] == port) & (table["dir"] == "c2s") & (table["flags"] == "A")]
        kernel = acks.groupby("conn")["t_ms_since_connect"].min().to_numpy() / 1000
        conversation = Conversation(script, one_kernel=True)
        for at in spread(200):
            conversation.connect(at=at)
        conversation.run()
        known = float(kernel.mean()), float(kernel.std()), len(kernel)
        ours = np.array(column(conversation.sim, "latency_s"))
        # The kernel's clock stood at few phases: at most those of one step of the wheel.
        rows.append(of_means(what, known, ours, more=0.004))
    return Experiment(
        "E9",
        "How long does connect() take when one chosen packet is lost?",
        f"Ten connects of the kernel each, {200 * S // S} of the simulation; until the client's"
        " first ACK.",
        rows,
        "four standard errors of both means, 1 ms for the relay, and a tick of 4 ms.",
    )
