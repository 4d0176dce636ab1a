"""Runs what is missing of a sweep: hands runs to workers, keeps what comes back, replaces the dead.

When a worker dies, its pool is broken and nobody can tell which of the runs under way was to blame.
So a new pool executes them one at a time: one whose worker dies then as well, twice, has failed,
and the others are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from typing import Final

from scenarios.sweeps.executors import Pool
from scenarios.sweeps.worker import DIED, FAILED, Outcome, Task

AHEAD: Final = 2
"""Runs handed out for each worker, so that none waits for the next."""
TRIES: Final = 2
"""How often a run may kill a worker of its own before it has failed."""
TICK: Final = 0.5
"""Seconds after which progress is reported though no run has ended."""

Take = Callable[[], Task | None]
Keep = Callable[[Outcome], None]
Report = Callable[[], None]


def drive(take: Take, pool: Pool, keep: Keep, report: Report) -> None:
    """Execute the tasks that `take` gives, `keep` what came of each, `report` now and then.

    `take` returns None when there is nothing to do for now; more may follow from what was kept.
    """
    pending: dict[Future[Outcome], Task] = {}
    while True:
        while len(pending) < AHEAD * pool.workers and (task := take()) is not None:
            try:
                pending[pool.executor.submit(pool.execute, task)] = task
            except BrokenExecutor:
                _alone([*pending.values(), task], pool, keep)
                pending = {}
        if not pending:
            return
        ended, _ = wait(pending, TICK, FIRST_COMPLETED)
        if any(isinstance(future.exception(), BrokenExecutor) for future in ended):
            whole = [future for future in pending if _is_whole(future)]
            for future in whole:
                keep(_outcome(future, pending.pop(future)))
            _alone(pending.values(), pool, keep)
            pending = {}
        else:
            for future in ended:
                keep(_outcome(future, pending.pop(future)))
        report()


def _is_whole(future: Future[Outcome]) -> bool:
    """Whether a future of a broken pool has a result all the same."""
    return future.done() and not isinstance(future.exception(), BrokenExecutor)


def _outcome(future: Future[Outcome], task: Task) -> Outcome:
    """Return what came of a run; an error is not the run's own but that of where it ran."""
    error = future.exception()
    if error is None:
        return future.result()
    if type(error).__name__ == "KilledWorker":  # of dask.distributed, which tried several times
        return Outcome(task.key, FAILED, DIED)
    return Outcome(task.key, FAILED, " ".join(f"{type(error).__name__}: {error}".split()))


def _alone(tasks: Iterable[Task], pool: Pool, keep: Keep) -> None:
    """Replace a broken pool, and execute one after the other what it had under way."""
    pool.restart(1)
    for task in tasks:
        outcome = None
        for _ in range(TRIES):
            try:
                outcome = pool.executor.submit(pool.execute, task).result()
                break
            except BrokenExecutor:
                pool.restart(1)
        keep(outcome or Outcome(task.key, FAILED, DIED))
    pool.restart()
