"""A sweep from start to end: what `connectsim sweep` does once it has read what is asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from scenarios.parameters import base_units, base_values
from scenarios.progress import clock
from scenarios.runner import versions
from scenarios.sweeps.driver import drive
from scenarios.sweeps.executors import local_workers, open_pool
from scenarios.sweeps.folder import (
    SweepFolder,
    check_folder,
    check_runs,
    open_sweep,
    read_journal,
)
from scenarios.sweeps.plan import Plan, PlannedRun
from scenarios.sweeps.progress import Report, reporting
from scenarios.sweeps.schedule import Schedule
from scenarios.sweeps.until import Until, parse_until
from scenarios.sweeps.worker import DONE, FAILED, Outcome, Task, execute

TABLE_INTERVAL: Final = 10.0
"""Seconds between two versions of runs.parquet while a sweep runs, at least."""
TABLE_SHARE: Final = 0.02
"""The most of the time that these may take."""
OVERHEAD: Final = 0.01
"""Seconds that a run takes besides its simulation."""


@dataclass(frozen=True, slots=True)
class Means:
    """How a sweep is executed; none of it changes a result."""

    executor: str = "processes"
    workers: int | None = None
    timeout: float | None = None
    """Seconds of real time for a run."""
    retry_failed: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a sweep is."""

    runs: int
    done: int
    failures: Mapping[str, str]
    """Causes of the runs that failed, by run."""

    def __str__(self) -> str:
        return f"complete: {self.done} of {self.runs}"


class Sweep:
    """One plan, with what adapts it."""

    def __init__(self, plan: Plan, until: str | None = None, ceiling: int = 100) -> None:
        self.plan = plan
        self.until_text = until
        self.until: Until | None = None if until is None else parse_until(until)
        self.ceiling = max(ceiling, plan.spec.repeat)

    def run(self, path: Path, means: Means) -> Tally:
        """Run what the folder lacks.  Raises UserError; what was done by then stays."""
        with open_pool(means.executor, means.workers) as pool, open_sweep(path) as folder:
            folder.begin(self.keys(), self.recipe())
            schedule = Schedule(self.plan, folder, self.until, self.ceiling, means.retry_failed)
            write_runs(self.plan, folder, schedule)
            try:
                with reporting() as report:
                    keeper = _Keeper(self.plan, folder, schedule, means.timeout, report)
                    drive(keeper.take, pool, keeper.keep, keeper.report)
            finally:
                write_runs(self.plan, folder, schedule)
            return tally(folder, schedule.runs())

    def keys(self) -> set[str]:
        """Return the keys of all runs that it may come to."""
        most = self.ceiling if self.until else self.plan.spec.repeat
        return {run.key for run in self.plan.runs(most)}

    def recipe(self) -> dict[str, Any]:
        """Return what sweep.json holds: enough to run it again."""
        scenario = self.plan.scenario
        return {
            "scenario": scenario.name,
            "question": scenario.question,
            "axes": [axis.name for axis in self.plan.axes],
            "parameters": base_values(self.plan.base),
            "units": base_units(scenario.parameters),
            "spec": asdict(self.plan.spec),
            "until": self.until_text,
            "ceiling": self.ceiling if self.until else None,
            "points": len(self.plan.points),
            "runs": len(self.plan.points) * self.plan.spec.repeat,
            "versions": versions(),
        }

    def describe(self, path: Path, means: Means) -> str:
        """Return what would run: points, runs, those that are done, and the time it would take.

        The time is that of the runs done before, or else of one run, executed now and not kept.
        """
        plan = self.plan
        runs = list(plan.runs())
        check_folder(path)
        outcomes = read_journal(path)
        check_runs(path, outcomes, self.keys())
        done = [outcomes[run.key] for run in runs if run.key in outcomes]
        walls = [outcome.wall_s for outcome in done if outcome.status == DONE]
        missing = len(runs) - len(done)
        lines = [f"{len(plan.points)} points, {len(runs)} runs, {len(done)} of them done or failed"]
        lines += [
            f"  {axis.name}: {len(axis.values)} values" for axis in plan.axes if not axis.span
        ]
        if self.until:
            lines.append(f"more repetitions, up to {self.ceiling}, until {self.until_text}")
        if missing:
            if not walls:
                task = plan.task(runs[0], means.timeout)
                outcome = execute(task)
                if outcome.status == FAILED:
                    return "\n".join([*lines, f"a run of the first point fails: {outcome.cause}"])
                walls = [outcome.wall_s]
            mean = sum(walls) / len(walls)
            total = missing * (mean + OVERHEAD)
            workers = means.workers or local_workers(means.executor)
            lines += [
                f"about {total:,.0f} s of one core: {missing} runs of {mean:.2f} s",
                f"with {workers} workers {clock(total / workers)}",
            ]
        return "\n".join(lines)


class _Keeper:
    """Stands between the driver and the folder."""

    def __init__(
        self,
        plan: Plan,
        folder: SweepFolder,
        schedule: Schedule,
        timeout: float | None,
        report: Report,
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._schedule = schedule
        self._timeout = timeout
        self._report = report
        self._ended = self._failed = 0
        self._due = time.monotonic() + TABLE_INTERVAL

    def take(self) -> Task | None:
        """Return the next task."""
        run = self._schedule.take()
        return None if run is None else self._plan.task(run, self._timeout)

    def keep(self, outcome: Outcome) -> None:
        """Keep what came of a run."""
        self._folder.add(outcome)
        self._ended += 1
        self._failed += outcome.status == FAILED
        self._schedule.ended(outcome.key)
        self.report()

    def report(self) -> None:
        """Report how far it is, and bring runs.parquet up to date now and then."""
        total = self._ended + self._schedule.missing()
        self._report(self._ended, self._failed, total)
        start = time.monotonic()
        if start > self._due:
            write_runs(self._plan, self._folder, self._schedule)
            took = time.monotonic() - start
            self._due = start + max(TABLE_INTERVAL, took / TABLE_SHARE)


def write_runs(plan: Plan, folder: SweepFolder, schedule: Schedule) -> None:
    """Write runs.parquet."""
    folder.write_runs(
        (run.key, {"point": run.point.number} | plan.columns(run)) for run in schedule.runs()
    )


def tally(folder: SweepFolder, runs: list[PlannedRun]) -> Tally:
    """Return how far the sweep in a folder is."""
    failures = {
        run.key: folder.outcomes[run.key].cause for run in runs if folder.has_failed(run.key)
    }
    return Tally(len(runs), sum(folder.is_done(run.key) for run in runs), failures)
