"""Small made-up runs: what a simulator would write, without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.frames import Frames

LINUX: dict[str, Any] = {
    "syn_timeouts_s": [1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0],
    "synack_timeouts_s": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
    "timer_wheel": {
        "tick_s": 0.004,
        "levels": [[63, 0], [504, 3], [4032, 6], [32256, 9], [258048, 12]],
    },
}
WINDOWS: dict[str, Any] = {
    "syn_timeouts_s": [1.0, 2.0, 4.0, 8.0, 6.0],
    "synack_timeouts_s": [1.0, 2.0, 4.0],
    "timer_wheel": {"tick_s": 0.0, "levels": []},
}
ENUMERATIONS = ("client", "server", "client_os", "server_os", "outcome", "errno")


def recipe(**changes: Any) -> dict[str, Any]:
    return {
        "scenario": "two_hosts",
        "question": "How long does connect() take when packets are lost?",
        "parameters": {"delay": 0.02, "loss": 0.01, "connections": 1000, "client_os": "linux"},
        "units": {"delay": "s", "loss": "%"},
        "seed": 1,
        "versions": {"connectsim": "0.1.0", "python": "3.11.9"},
        "profiles": {"linux": LINUX, "windows": WINDOWS},
        "wall_s": 0.5,
        "events": 10000,
        "peak_rss_bytes": 100_000_000,
    } | changes


def connections(
    number: int,
    *,
    loss: float = 0.1,
    seed: int = 1,
    clients: dict[str, float] | None = None,
    systems: tuple[str, ...] = ("linux",),
    rate: float = 300.0,
) -> pd.DataFrame:
    """Return a table in which a try fails with 1 - (1 - loss)**2 and clients try again."""
    random = np.random.default_rng(seed)
    delays = clients or {"client": 0.02}
    client = random.choice(list(delays), number)
    delay = np.array([delays[name] for name in client]) if number else np.empty(0)
    client_os = random.choice(systems, number)
    started = np.cumsum(random.exponential(1 / rate, number))
    repeats = random.geometric((1 - loss) ** 2, number) - 1 if loss < 1 else np.full(number, 99)
    latency, outcome, sent = np.empty(number), np.full(number, "established", object), repeats + 1
    for row in range(number):
        timeouts = (LINUX if client_os[row] == "linux" else WINDOWS)["syn_timeouts_s"]
        sent[row] = min(sent[row], len(timeouts))
        waited = sum(timeouts[: repeats[row]]) * random.uniform(1.0, 1.03)
        latency[row] = waited + 2 * delay[row] * random.uniform(1.0, 1.001)
        if repeats[row] >= len(timeouts):
            outcome[row], latency[row] = "timed_out", waited
    established = outcome == "established"
    synacks = np.where(established, 1 + random.binomial(sent - 1, 0.5), 0)
    table = pd.DataFrame(
        {
            "connection": np.arange(number),
            "client": client,
            "server": "server",
            "client_port": 32768 + 2 * np.arange(number) % 28000,
            "server_port": 80,
            "client_os": client_os,
            "server_os": "linux",
            "started_s": started,
            "finished_s": started + latency,
            "latency_s": latency,
            "outcome": outcome,
            "errno": np.where(established, np.nan, outcome),
            "syn_sent": sent,
            "syn_retransmits": sent - 1,
            "synack_sent": synacks,
            "synack_retransmits": np.maximum(synacks - 1, 0),
            "accepted_s": np.where(established, started + latency + delay, np.nan),
            "answered_s": np.where(established, started + latency - delay, np.nan),
            "path_hops": 2,
            "path_delay_s": delay,
            "propagation_s": np.minimum(2 * delay, latency),
            "queueing_s": 0.0,
            "syn_lost_s": latency - np.minimum(2 * delay, latency),
            **dict.fromkeys(("synack_lost_s", "queue_full_s", "cookie_s", "rounding_s"), 0.0),
        }
    )
    table["errno"] = table["errno"].map({"timed_out": "ETIMEDOUT"})
    return table.astype(dict.fromkeys(ENUMERATIONS, "category"))


def frames(table: pd.DataFrame, **changes: Any) -> Frames:
    return Frames(recipe(**changes), table)


def write(folder: Path, table: pd.DataFrame, **changes: Any) -> Path:
    """Write a results folder."""
    folder.mkdir(parents=True)
    table.to_parquet(folder / "connections.parquet", engine="pyarrow", index=False)
    (folder / "run.json").write_text(json.dumps(recipe(**changes)), encoding="utf-8")
    return folder
