"""When things must happen: packetdrill's tolerance (verify_time in run.c).

An event may be early or late by --tolerance_usecs, or by --tolerance_percent of the time since the
event before it if that is more.  A range is widened by the same at both ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.packetdrill.notation import seconds
from sim.packetdrill.script import RANGES, RELATIVES, Settings, TimeKind, When

DEFAULT_PERCENT = 12.5
"""Tolerance of google/packetdrill: the inaccuracy of Linux's timer wheel; FreeBSD's has none."""


@dataclass(frozen=True, slots=True)
class Due:
    """When an event is due, ns after the start of the script."""

    kind: TimeKind
    start: int
    end: int
    tolerance: int

    @property
    def latest(self) -> int | None:
        """The last moment at which the event is in time; None: there is none."""
        return None if self.kind is TimeKind.ANY else self.end + self.tolerance

    def problem(self, what: str, time: int) -> str:
        """Return why `what` may not happen at `time`, in words; empty if it may."""
        if self.kind is TimeKind.ANY or self._allows(time):
            return ""
        due = seconds(self.start)
        if self.kind in RANGES:
            due += f"~{seconds(self.end)}"
        return (
            f"timing: {what} expected at {due} s, was at {seconds(time)} s"
            f" (tolerance {seconds(self.tolerance)} s)"
        )

    def _allows(self, time: int) -> bool:
        return self.start - self.tolerance <= time <= self.end + self.tolerance


def due(when: When, base: int, last: int | None, settings: Settings, percent: float) -> Due:
    """Return when an event is due.

    `base` is what relative times count from, `last` when the event before was due (None: there was
    none), both in ns after the start; `percent` is the tolerance where the script gives none.
    """
    if when.kind in RELATIVES:
        start, end = base + when.start, base + when.end
    else:
        start, end = when.start, when.end
    if when.kind not in RANGES:
        end = start
    return Due(when.kind, start, end, tolerance(settings, percent, start, last))


def tolerance(settings: Settings, percent: float, time: int, last: int | None) -> int:
    """Return how far an event due at `time` may be off, ns."""
    if last is None:
        return settings.tolerance
    if settings.tolerance_percent is not None:
        percent = settings.tolerance_percent
    return max(settings.tolerance, int(percent / 100 * (time - last)))
