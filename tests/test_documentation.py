"""What the documentation says is what the code does."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sim.tcp.states import diagram

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ ")
]


def test_the_state_diagram_is_that_of_the_table() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert text.split("```mermaid\n")[1].split("```")[0] == diagram()


@pytest.mark.xdist_group("readme")
def test_the_commands_of_the_readme_work_one_after_the_other(tmp_path: Path) -> None:
    assert COMMANDS
    for command in COMMANDS:
        program, *arguments = shlex.split(command)
        assert program == "connectsim"
        done = subprocess.run(
            [sys.executable, "-m", "scenarios", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert (tmp_path / "results" / "two" / "tail.svg").exists()


def test_the_scenario_of_the_readme_runs(tmp_path: Path) -> None:
    script = next(
        block
        for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL)
        if "def build" in block
    )
    (tmp_path / "slow.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "-m", "scenarios", "run", "slow.py", "--set", "delay=50ms"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "established" in done.stdout


def test_links_of_the_readme_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target
