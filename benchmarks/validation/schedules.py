"""E1 and E2: when SYNs and SYN-ACKs are sent again, and when it ends."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from analysis.frames import Frames
from analysis.plots import style
from analysis.schedules import Schedules
from benchmarks.validation.comparison import (
    Comparison,
    Equality,
    Experiment,
    of_means,
    of_range,
)
from benchmarks.validation.data import LINUX, RECIPE
from sim.tcp.profiles import PROFILES
from sim.units import S
from tests.sim.conversation import LOST, Conversation, column, spread

Times = npt.NDArray[np.float64]

CLOCKS = 200
RETRIES, LINEAR = "net.ipv4.tcp_syn_retries", "net.ipv4.tcp_syn_linear_timeouts"
VARIANTS: dict[str, dict[str, int]] = {
    "e1a": {},
    "e1b": {LINEAR: 0},
    "e1c": {RETRIES: 2},
    "e1d": {RETRIES: 2, LINEAR: 0},
    "e1g": {LINEAR: 2},
}
MEANING = {
    "e1a": "retries 6, linear 4 (default)",
    "e1b": "retries 6, linear 0",
    "e1c": "retries 2, linear 4",
    "e1d": "retries 2, linear 0",
    "e1g": "retries 6, linear 2",
}


def black_hole() -> Experiment:
    """Compare the SYNs of connects that nobody answers."""
    table = pd.read_csv(LINUX / "E1_syn_schedule_summary.csv")
    rows: list[Comparison | Equality] = []
    drawn: dict[str, tuple[Times, Times]] = {}
    for variant, sysctls in VARIANTS.items():
        kernel = table[table["variant"] == variant]
        times = simulated(sysctls)
        schedule = Schedules.from_recipe(PROFILES["linux"].configure(sysctls).schedules())
        theory = schedule.syn_times()
        for n in range(1, len(kernel)):
            row = kernel.iloc[n]
            event = f"SYN {n + 1}" if row["event"] == "SYN" else str(row["event"])
            known = row["t_mean_s"], of_range(row["t_min_s"], row["t_max_s"]), int(row["n"])
            ours = [one[n] for one in times]
            rows.append(of_means(f"{MEANING[variant]}: {event}", known, ours, float(theory[n])))
        drawn[MEANING[variant]] = kernel["t_mean_s"].to_numpy(), np.mean(times, axis=0)
    return Experiment(
        "E1",
        "When are SYNs sent again that nobody answers?",
        f"Connects into a black hole, seconds after the call. {CLOCKS} phases of the clock.",
        rows,
        "four standard errors of both means, and 1 ms for the relay.",
        plot(drawn),
    )


def simulated(sysctls: dict[str, int]) -> list[list[float]]:
    """Return, of each connect, when its SYNs were sent and it ended, s after the call."""
    conversation = Conversation({"SYN *": LOST}, sysctls=sysctls, listening=False)
    for at in spread(CLOCKS):
        conversation.connect(at=at)
    conversation.run()
    syns: dict[int, list[int]] = defaultdict(list)
    for sent in conversation.sent:
        syns[sent.packet.flow.sport].append(sent.time)
    ends = column(conversation.sim, "latency_s")
    ports = column(conversation.sim, "client_port")
    return [
        [*((time - syns[port][0]) / S for time in syns[port]), end]
        for port, end in zip(ports, ends, strict=True)
    ]


@style.styled
def plot(variants: dict[str, tuple[Times, Times]]) -> Figure:
    """Draw every SYN of kernel and simulation on a line of time, a line a setting."""
    figure, [axes] = style.canvas(Frames(RECIPE), "SYNs into a black hole: kernel and simulation")
    for place, pair in enumerate(variants.values()):
        for times, colour, marker, label, beside in (
            (pair[0], style.BLUE, "o", "kernel", -0.14),
            (pair[1], style.ORANGE, "^", "simulation", 0.14),
        ):
            line = np.full(len(times), place + beside)
            name = "_" if place else label
            axes.plot(times[1:-1], line[1:-1], marker, color=colour, label=name)
            axes.plot(times[-1:], line[-1:], "x", color=colour, markersize=9)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(EngFormatter(unit="s"))
    axes.set_xticks([1, 2, 5, 10, 20, 50, 100])
    axes.minorticks_off()
    axes.set_yticks(range(len(variants)), list(variants))
    axes.set_ylim(len(variants) - 0.5, -0.5)
    axes.set_xlabel("time since connect(); a cross is ETIMEDOUT")
    axes.grid(visible=False, axis="y")
    style.legend_above(axes)
    return figure


def syn_acks() -> Experiment:
    """Compare the SYN-ACKs of a server whose client has fallen silent."""
    table = pd.read_csv(LINUX / "E2_synack_summary.csv")
    kernel = table[(table["port"] == 7001) & (table["packet_class"] == "SYNACK")]
    conversation = Conversation({"ACK *": LOST})
    for at in spread(CLOCKS):
        conversation.connect(at=at)
    conversation.run()
    begin: dict[int, int] = {}
    seen: dict[int, list[float]] = defaultdict(list)
    for sent in conversation.sent:
        flow = sent.packet.flow
        port = flow.sport if sent.host == "client" else flow.dport
        start = begin.setdefault(port, sent.time)
        if sent.flags == "S.":
            seen[port].append((sent.time - start) / S)
    rows: list[Comparison | Equality] = []
    for _, row in kernel.iterrows():
        n = int(row["ordinal"])
        known = row["t_mean_s"], of_range(row["t_min_s"], row["t_max_s"]), int(row["n"])
        rows.append(of_means(f"SYN-ACK {n}", known, [times[n - 1] for times in seen.values()]))
    for lost, accepted in (("ACK 1", 1.080), ("ACK 1-2", 3.092)):
        rows.append(accept_time(lost, accepted))
    return Experiment(
        "E2",
        "When are SYN-ACKs sent again, and when does the server accept?",
        "All ACKs of a silent client lost, then only the first or the first two; seconds after the"
        " client's call.",
        rows,
        "four standard errors of both means, and 1 ms for the relay; 20 ms where the kernel's"
        " spread was not kept.",
    )


def accept_time(lost: str, kernel: float) -> Comparison:
    """Compare when the server accepts if these ACKs are lost."""
    conversation = Conversation({lost: LOST})
    for at in spread(CLOCKS):
        conversation.connect(at=at)
    conversation.run()
    columns = [column(conversation.sim, name) for name in ("accepted_s", "started_s")]
    ours = [accepted - started for accepted, started in zip(*columns, strict=True)]
    return of_means(f"accept, {lost} lost", (kernel, 0.0, 1), ours, more=0.02)
