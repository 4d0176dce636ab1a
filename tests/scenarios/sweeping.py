"""A small scenario that can go wrong in every way, for tests of sweeps."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SOURCE = '''"""What goes wrong?"""
from __future__ import annotations
import os, signal, time
from dataclasses import dataclass
from scenarios.parameters import count, duration, probability, text
from sim.applications import arrive, serve

@dataclass(frozen=True)
class Parameters:
    loss: float = probability("0", "loss")
    delay: int = duration("1 ms", "delay")
    connections: int = count("20", "how many connects")
    backlog: int = count("16", "backlog")
    mode: str = text("fine", "what goes wrong")
    nap: int = duration("0", "how long to sleep")

    def __post_init__(self):
        if self.mode == "impossible":
            raise ValueError("impossible")

def build(sim, p):
    time.sleep(p.nap / 1e9)
    if p.mode == "raise":
        raise RuntimeError("told to")
    if p.mode == "hang":
        time.sleep(60)
    if p.mode == "spin":
        while True:
            pass
    if p.mode == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_link("client", "server", delay=p.delay, loss=p.loss)
    serve(server, 80, backlog=p.backlog)
    times = range(0, p.connections * 1000, 1000)
    arrive(sim, [client], (server.address, 80), times, hold=0)
'''


def write_script(folder: Path) -> Path:
    """Write the scenario into a folder and return its path."""
    file = folder / "fragile.py"
    file.write_text(SOURCE)
    return file


def wait_until(condition: Callable[[], bool], process: subprocess.Popen[Any]) -> None:
    """Wait for something that a process brings about."""
    end = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, "the process ended before"
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.001)


def whole(folder: Path) -> dict[str, bytes]:
    """Return the tables of a sweep that are in place, by name."""
    return {file.name: file.read_bytes() for file in folder.glob("connections/[!.]*")}


def tables(folder: Path) -> dict[str, bytes]:
    """Return the tables of a sweep by name."""
    return {file.name: file.read_bytes() for file in (folder / "connections").iterdir()}
