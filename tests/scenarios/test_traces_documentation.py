"""Every command of docs/traces.md works and prints what stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from scenarios.cli import main

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "traces.md").read_text()


def masked(text: str) -> str:
    """Hide what is random: ports, sequence numbers, clocks, checksums; and the fill after them."""
    return re.sub(r"\b(\d{5,}|0x[0-9a-f]{4})\b *", "# ", text).rstrip()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_commands_print_what_stands_below_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = [part for block in blocks("console") for part in block.split("$ connectsim ")[1:]]
    assert len(shown) > 10
    for part in shown:
        command, _, expected = part.partition("\n")
        assert main(shlex.split(command)) == 0, command
        printed = iter([masked(line) for line in capsys.readouterr().out.splitlines()])
        for line in expected.splitlines():
            if line != "...":
                assert masked(line) in printed, f"{command}: {line}"
    (script,) = blocks("python")
    exec(compile(script, "traces.md", "exec"), {})
    assert "client > server" in capsys.readouterr().out


def test_pictures_are_there_and_small() -> None:
    pictures = re.findall(r"\]\((images/[^)]+)\)", TEXT)
    assert len(pictures) == 2
    for picture in pictures:
        assert 0 < (DOCS / picture).stat().st_size < 300_000
