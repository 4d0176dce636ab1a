from __future__ import annotations

import io
import re
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest

from scenarios import progress
from scenarios.catalogue import load
from scenarios.parameters import parse
from scenarios.runner import Run, calls, simulate


def simulation(now: int = 1_500_000_000, finished: int = 250, events: int = 40_000) -> Any:
    return SimpleNamespace(
        env=SimpleNamespace(now=now, events=events), records=SimpleNamespace(finished=finished)
    )


def test_status_tells_time_connections_speed_and_what_is_left() -> None:
    assert progress.status(simulation(), 2.0, 1000) == (
        "1.5 s simulated, 250 of 1,000 connections, 20,000 events/s, 0:06 left"
    )


def test_status_without_a_total_or_anything_done() -> None:
    assert progress.status(simulation(), 2.0, None) == (
        "1.5 s simulated, 250 connections, 20,000 events/s"
    )
    assert "left" not in progress.status(simulation(finished=0), 2.0, 1000)


def test_status_never_counts_more_than_all() -> None:
    assert progress.status(simulation(finished=1_927), 2.0, 1000) == (
        "1.5 s simulated, 1,927 connections, 20,000 events/s"
    )


@pytest.mark.parametrize(
    ("scenario", "settings"),
    [
        ("bufferbloat", {"load": "0", "connections": "3"}),
        ("firewall", {"rules": "accept; reset", "connections": "3"}),
        ("lossy_bursts", {"connections": "3"}),
        ("two_hosts", {"connections": "3"}),
    ],
)
def test_all_is_what_all_clients_call(scenario: str, settings: dict[str, str]) -> None:
    loaded = load(scenario)
    parameters = parse(loaded.parameters, settings)
    simulation, _ = simulate(Run(loaded, parameters, seed=1))
    assert simulation.records.started == calls(parameters)


def test_plain_lines_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter([0.0, 1.0, 5.0, 5.0, 6.0, 10.0, 10.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    with progress.reporting(1000) as report:
        for _ in range(4):
            report(simulation())
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "1.5 s simulated, 250 of 1,000 connections, 8,000 events/s, 0:15 left",
        "1.5 s simulated, 250 of 1,000 connections, 4,000 events/s, 0:30 left",
    ]


@pytest.mark.parametrize(("columns", "rows"), [(120, 1), (80, 1), (60, 2)])
def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, rows: int) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "BAR_INTERVAL", 0.0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(columns))
    with progress.reporting(1000) as report:
        report(simulation(events=0))
    frames = re.split(r"\r|\x1b\[1A", re.sub(r"\x1b\[[0-9;?]*[lhKm]", "", terminal.getvalue()))
    drawn = next(frame.rstrip() for frame in frames if "simulated" in frame).splitlines()
    text = " ".join(" ".join(drawn).split())
    assert re.fullmatch(
        "[━╺╸]+ 1.5 s simulated, 250 of 1,000 connections, 0 events/s, 0:00 left", text
    )
    assert len(drawn) == rows
