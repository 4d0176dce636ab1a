"""What the documentation says is what the code does."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from scenarios.cli import app
from sim.tcp.states import diagram

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"\| `connectsim (.+?)` \| (.+?) \|$", README, re.MULTILINE)
"""The commands of the README's tables, and what it says of them."""


def test_the_state_diagram_is_that_of_the_table() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    assert text.split("```mermaid\n")[1].split("```")[0] == diagram()


def connectsim(arguments: str, folder: Path) -> str:
    """Run a command in `folder` and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "scenarios", *shlex.split(arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"connectsim {arguments}\n{done.stderr}"
    return done.stdout


def test_the_commands_of_the_readme_work_one_after_the_other(tmp_path: Path) -> None:
    """As written, and what it says in bold is in what they print."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    printed = {}
    for arguments, answer in COMMANDS:
        printed[arguments] = connectsim(arguments, tmp_path)
        for figure in re.findall(r"\*\*(.+?)\*\*", answer):
            assert figure in printed[arguments], f"connectsim {arguments}"
    (shown,) = re.findall(r"```text\n(.*?)```", README, re.DOTALL)
    assert printed["ladder results/two --connection 17"].startswith(shown)
    assert (tmp_path / "tail.svg").exists()
    (snippet,) = re.findall(r"```python\n(import pandas.*?)```", README, re.DOTALL)
    subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, check=True)


def test_the_readme_names_every_command() -> None:
    named = {arguments.partition(" ")[0] for arguments, _ in COMMANDS}
    assert named == {
        command.name or command.callback.__name__ for command in app.registered_commands
    }


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
