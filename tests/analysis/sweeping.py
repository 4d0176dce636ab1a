"""A small made-up sweep: its folder as the command line writes it."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pandas as pd

from tests.analysis import synthetic

LOSSES = (0.0, 0.1, 0.3)
SYSTEMS = ("linux", "windows")


def write(folder: Path, repetitions: int = 2, missing: int = 1) -> Path:
    """Write a sweep over loss and client_os, the last `missing` runs of which never ran."""
    (folder / "connections").mkdir(parents=True)
    (folder / "_sweep").mkdir()
    rows = []
    points = list(product(LOSSES, SYSTEMS))
    for repetition, (loss, system) in product(range(repetitions), points):
        number = len(rows)
        key = f"run{number:02}"
        done = number < repetitions * len(points) - missing
        parameters = {"loss": loss, "client_os": system, "repetition": repetition, "seed": number}
        status = "done" if done else "missing"
        rows.append({"point": number % len(points), **parameters, "run": key, "status": status})
        if done:
            table = synthetic.connections(200, loss=loss, seed=number, systems=(system,))
            table = table.assign(
                loss=loss,
                client_os_parameter=pd.Categorical([system] * 200),
                repetition=repetition,
                run=pd.Categorical([key] * 200),
            )
            table.to_parquet(folder / "connections" / f"{key}.parquet", index=False)
    pd.DataFrame(rows).to_parquet(folder / "_sweep" / "runs.parquet", index=False)
    recipe = {
        "scenario": "two_hosts",
        "question": "How long does connect() take when packets are lost?",
        "axes": ["loss", "client_os"],
        "parameters": {"delay": 0.02, "loss": 0.01, "client_os": "linux"},
        "units": {"delay": "s", "loss": "%"},
        "spec": {"vary": ["loss=0,10%,30%", "client_os=linux,windows"], "settings": {}, "seed": 1},
        "versions": {"connectsim": "0.1.0"},
    }
    (folder / "_sweep" / "sweep.json").write_text(json.dumps(recipe), encoding="utf-8")
    return folder
