"""Executes runs in a process of their own, for workers that must outlive them.

A Dask worker executes in threads, which nothing can interrupt, and an MPI job ends with any of its
processes.  So each of these has a child process, kept for the next run: tasks go in at its standard
input, outcomes come back at its standard output, both pickled.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress

from scenarios.sweeps.worker import DIED, FAILED, Outcome, Task, execute

_idle: list[subprocess.Popen[bytes]] = []


def execute_apart(task: Task) -> Outcome:
    """Execute a run as `execute` does; if that kills the process, this is how the run failed."""
    try:
        child = _idle.pop()
    except IndexError:
        command = [sys.executable, "-c", f"from {__name__} import serve; serve()"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        pickle.dump(task, child.stdin)
        child.stdin.flush()
        outcome: Outcome = pickle.load(child.stdout)
    except (EOFError, OSError, pickle.UnpicklingError):
        with child, suppress(OSError):
            child.kill()
        return Outcome(task.key, FAILED, DIED)
    _idle.append(child)
    return outcome


def serve() -> None:
    """Execute the runs that come in at standard input until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with os.fdopen(os.dup(1), "wb") as answers, suppress(EOFError, BrokenPipeError):
        os.dup2(2, 1)  # what a scenario prints is no answer
        while True:
            pickle.dump(execute(pickle.load(sys.stdin.buffer)), answers)
            answers.flush()
