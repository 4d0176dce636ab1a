"""What docs/sweeps.md shows works as it stands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.scenarios.conftest import Command

DOCUMENT = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text(encoding="utf-8")
FORMS = DOCUMENT.partition("## A sweep file")[0]
COMMANDS = re.findall(r"^connectsim (sweep .*)$", DOCUMENT, re.MULTILINE)
OPTIONS = re.findall(r"^\| `(--[^`]+)` \|", FORMS, re.MULTILINE)
AXES = re.findall(r"`('?\w+=[^`]+)`", FORMS)
SMALL = ("--set", "connections=10", "--plan")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(connectsim: Command, command: str) -> None:
    status, output, _ = connectsim(*shlex.split(command), *SMALL)
    assert status == 0
    assert "runs of 0.0" in output


def test_options(connectsim: Command) -> None:
    assert len(OPTIONS) == 7
    for option in OPTIONS:
        axes = ("--vary", "loss=0:20%:2%", "--vary", "delay=0:10ms:1ms")
        status, _, errors = connectsim("sweep", "two_hosts", *axes, *shlex.split(option), *SMALL)
        assert (status, errors) == (0, ""), option


def test_axes(connectsim: Command) -> None:
    assert len(AXES) == 5
    for axis in AXES:
        form = ("--vary", *shlex.split(axis), "--sample", "2")
        assert connectsim("sweep", "two_hosts", *form, *SMALL)[0] == 0, axis


def test_the_sweep_file(connectsim: Command, tmp_path: Path) -> None:
    [toml] = re.findall(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    (tmp_path / "sweep.toml").write_text(toml)
    status, output, _ = connectsim("sweep", "sweep.toml", *SMALL)
    assert (status, output.split(",")[:2]) == (0, ["16 points", " 160 runs"])
