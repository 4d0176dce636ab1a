"""Every command of docs/traces.md works and prints what stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from matplotlib import image

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


def test_pictures_are_what_the_commands_draw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = re.findall(r"\]\(images/(\w+)\.png\)", TEXT)
    assert shown == ["first_handshake", "unanswered"]
    commands = re.findall(r"^\$ connectsim (.+)", TEXT, re.MULTILINE)
    for name in shown:
        run = next(line for line in commands if line.startswith("run ") and name in line)
        assert main(shlex.split(run)) == 0
        assert main(["ladder", f"results/{name}", "--out", f"{name}.png"]) == 0
        drawn = image.imread(f"{name}.png")[..., :3]
        kept = image.imread(DOCS / "images" / f"{name}.png")[..., :3]
        assert drawn.shape == kept.shape
        differing = int((abs(drawn - kept).max(axis=2) > 0.3).sum())
        assert differing < 300, f"{name}: {differing} pixels: draw it again"
        assert (DOCS / "images" / f"{name}.png").stat().st_size < 300_000
