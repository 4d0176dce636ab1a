"""Which runs of a plan are still to be executed, and in which order."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from scenarios.sweeps.folder import SweepFolder
from scenarios.sweeps.plan import Plan, PlannedRun, Point
from scenarios.sweeps.until import Until


class Schedule:
    """The runs of a plan that its folder lacks.

    Each point is repeated as often as the plan says; with `until`, as often as that wants, up to
    `ceiling` times.  Runs that failed before are left, unless `retry_failed`.
    """

    def __init__(
        self,
        plan: Plan,
        folder: SweepFolder,
        until: Until | None = None,
        ceiling: int = 0,
        retry_failed: bool = False,
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._until = until
        self._ceiling = ceiling
        self._retry_failed = retry_failed
        self._tried: set[str] = set()
        self._values: dict[str, float] = {}
        self._wanted = {point.number: plan.spec.repeat for point in plan.points}
        self._queue: deque[PlannedRun] = deque()
        self._add(plan.runs())
        self._under_way: dict[str, PlannedRun] = {}
        for point in plan.points:
            self._extend(point)

    def runs(self) -> list[PlannedRun]:
        """Return all runs of the sweep, as far as is known."""
        most = max(self._wanted.values())
        return [
            run for run in self._plan.runs(most) if run.repetition < self._wanted[run.point.number]
        ]

    def take(self) -> PlannedRun | None:
        """Return the next run to execute; None if there is none for now."""
        if not self._queue:
            return None
        run = self._queue.popleft()
        self._tried.add(run.key)
        self._under_way[run.key] = run
        return run

    def ended(self, key: str) -> None:
        """Take note that a run has ended: its point may want more."""
        self._extend(self._under_way.pop(key).point)

    def missing(self) -> int:
        """Return how many runs are known to be left, those under way among them."""
        return len(self._under_way) + len(self._queue)

    def _add(self, runs: Iterable[PlannedRun]) -> None:
        self._queue.extend(run for run in runs if not self._settled(run))

    def _settled(self, run: PlannedRun) -> bool:
        if self._folder.is_done(run.key):
            return True
        retried = self._retry_failed and run.key not in self._tried
        return self._folder.has_failed(run.key) and not retried

    def _extend(self, point: Point) -> None:
        """Add repetitions of a point, if all so far have ended and are not enough."""
        while self._until is not None:
            count = self._wanted[point.number]
            so_far = [self._plan.run(point, repetition) for repetition in range(count)]
            if not all(map(self._settled, so_far)):
                return
            wanted = min(self._until.wanted([self._value(run) for run in so_far]), self._ceiling)
            if wanted <= count:
                return
            self._add(self._plan.run(point, repetition) for repetition in range(count, wanted))
            self._wanted[point.number] = wanted

    def _value(self, run: PlannedRun) -> float:
        assert self._until is not None
        if run.key not in self._values:
            done = self._folder.is_done(run.key)
            table = self._folder.table(run.key)
            self._values[run.key] = self._until.value(table) if done else math.nan
        return self._values[run.key]
