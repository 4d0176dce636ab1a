"""What docs/analysis.md shows works, on a run and a sweep of its names."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.columns import PARTS
from scenarios.cli import main
from tests.analysis import sweeping, synthetic

TEXT = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("two_hosts", "a", "b"):
        synthetic.write(Path("results") / name, synthetic.connections(200))
    sweeping.write(Path("sweeps") / "loss")
    return tmp_path


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask's own use of pandas
def test_python(here: Path) -> None:
    names: dict[str, Any] = {}
    run: Callable[..., None] = exec
    for block in blocks("python"):
        if "frames = " not in block and "ccdf" in block:
            run('frames = analysis.load("results/two_hosts")', names)
        if "statistics" in block:
            run('frames = analysis.load("results/a")', names)
        run(block, names)
    assert (here / "tail.svg").exists()


@pytest.mark.usefixtures("here")
def test_commands() -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines()]
    assert len(commands) == 5
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "connectsim"
        assert main(arguments) == 0, command


def test_every_part_of_the_latency_is_explained() -> None:
    assert all(f"`{part}`" in TEXT for part in PARTS)
