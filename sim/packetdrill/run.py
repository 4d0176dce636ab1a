"""Running scripts by name and saying how they ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sim.packetdrill.interpreter import Interpreter, MismatchError
from sim.packetdrill.parser import read
from sim.packetdrill.script import ScriptError


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a script ended: whether it passed, else the line at fault and what came instead."""

    path: str
    passed: bool
    line: int = 0
    message: str = ""

    def __str__(self) -> str:
        if self.passed:
            return f"PASS {self.path}"
        return f"FAIL {self.path}:{self.line}: {self.message}"


def run_script(path: str | Path, log: Callable[[str], object] = lambda _: None) -> Outcome:
    """Run the script in a file; `log` takes the exchange line by line."""
    try:
        Interpreter(read(path), log).run()
    except (ScriptError, MismatchError) as error:
        return Outcome(str(path), False, error.line, error.message)
    return Outcome(str(path), True)


def main(files: Iterable[str | Path], verbose: bool = False) -> int:
    """Run scripts and print PASS or FAIL for each; return the exit status.

    0: all passed; 1: one failed; 2: one could not be read.
    """
    files = list(files)
    unreadable = [path for path in files if not Path(path).is_file()]
    for path in unreadable:
        print(f"{path}: no such file", file=sys.stderr)
    if unreadable:
        return 2
    outcomes = []
    for path in files:
        outcome = run_script(path, print if verbose else lambda _: None)
        print(outcome)
        outcomes.append(outcome)
    return 0 if all(outcome.passed for outcome in outcomes) else 1
