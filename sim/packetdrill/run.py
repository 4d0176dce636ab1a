"""Running scripts by name and saying how they ended."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sim.packetdrill.interpreter import Interpreter, MismatchError
from sim.packetdrill.parser import given, read
from sim.packetdrill.script import ScriptError, Settings


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


def run_script(
    path: str | Path,
    log: Callable[[str], object] = lambda _: None,
    options: Sequence[str] = (),
) -> Outcome:
    """Run the script in a file; `log` takes the exchange line by line.

    `options` are packetdrill's, as on its command line: "--ip_version=ipv6".
    """
    try:
        Interpreter(read(path, options), log).run()
    except (ScriptError, MismatchError) as error:
        return Outcome(str(path), False, error.line, error.message)
    return Outcome(str(path), True)


def main(files: Iterable[str | Path], verbose: bool = False, options: Sequence[str] = ()) -> int:
    """Run scripts and print PASS or FAIL for each; return the exit status.

    0: all passed; 1: one failed; 2: a file is not there, or an option is not understood.
    """
    files = list(files)
    problems = [problem for problem in map(_unreadable, files) if problem]
    try:
        given(options, Settings())
    except ScriptError as error:
        problems.insert(0, str(error))
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 2
    outcomes = []
    for path in files:
        outcome = run_script(path, print if verbose else lambda _: None, options)
        print(outcome)
        outcomes.append(outcome)
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def _unreadable(path: str | Path) -> str:
    """Return why there can be no script at `path`, in words; empty if there may be one."""
    if Path(path).is_dir():
        return f"{path}: is a directory"
    return "" if Path(path).is_file() else f"{path}: no such file"
