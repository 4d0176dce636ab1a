"""The clock of a simulation: SimPy's environment in integer nanoseconds, over a calendar.

Any SimPy process, event or resource runs here, among what else stands in the calendar.  Added is a
run loop that reports progress.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import simpy
from mypy_extensions import mypyc_attr
from simpy.core import EmptySchedule, Infinity, StopSimulation
from simpy.events import Event

from sim.calendar import NORMAL, PRIORITY, URGENT, Calendar
from sim.collector import AtRest

EVENTS_BETWEEN_REPORTS = 8192


def _unheard(packet: Any) -> None:
    """Take no note of a lost packet."""


def happen(event: Any) -> None:
    """Let an event of SimPy's happen, as `simpy.Environment.step` does."""
    callbacks = event.callbacks
    event.callbacks = None
    done = 0
    try:
        for callback in callbacks:
            done += 1
            callback(event)
    except StopSimulation:
        event.callbacks = callbacks[done:]
        event.env.schedule(event, URGENT)
        raise
    if not event._ok and not event.defused:
        raise event._value


@mypyc_attr(allow_interpreted_subclasses=True)
class Engine(simpy.Environment):
    """SimPy's environment with integer nanoseconds; `now` begins at 0."""

    def __init__(self) -> None:
        super().__init__()
        self.calendar = Calendar()
        self.lost: Callable[[Any], None] = _unheard
        """Hears of each packet that does not get through a link."""

    @property
    def now(self) -> int:
        """The time, ns."""
        return self.calendar.now

    @property
    def events(self) -> int:
        """Events processed so far."""
        return self.calendar.passed

    def schedule(self, event: Event, priority: int = NORMAL, delay: float = 0) -> None:
        """Let an event happen `delay` ns from now."""
        calendar = self.calendar
        calendar.put(calendar.now + int(delay), priority, happen, event)

    def peek(self) -> float:
        """Return the time of the next event, ns; infinity if there is none."""
        head = self.calendar.head()
        return Infinity if head is None else -head[0] >> PRIORITY

    def step(self) -> None:
        """Process the next event; raises simpy.core.EmptySchedule if there is none."""
        if not self.calendar.pending:
            raise EmptySchedule
        self.calendar.step()

    def run(
        self,
        until: float | Event | None = None,
        progress: Callable[[], object] | None = None,
    ) -> Any:
        """Run until `until` (a time in ns, or an event), or until nothing is left to happen.

        `progress` is called every few thousand events.  The garbage collector rests meanwhile:
        reference counts free what is no longer needed.
        """
        stop = self._stop_event(until)
        try:
            with AtRest():
                while self._proceed(EVENTS_BETWEEN_REPORTS):
                    if progress is not None:
                        progress()
        except StopSimulation as end:
            return end.args[0]
        if isinstance(until, Event):
            raise RuntimeError("the simulation ended before the event it was to run until")
        if stop is not None:
            self.calendar.now = stop
        return None

    def _proceed(self, limit: int) -> bool:
        """Process up to `limit` events; False if nothing is left."""
        return self.calendar.proceed(limit)

    def _stop_event(self, until: float | Event | None) -> int | None:
        """Arrange that the run stops at `until`; return the time if it is one."""
        if until is None:
            return None
        if isinstance(until, Event):
            if until.processed:
                raise ValueError("the event to run until has already happened")
            until.callbacks.append(StopSimulation.callback)
            return None
        at = int(until)
        if at <= self.now:
            raise ValueError(f"until ({at} ns) must be later than now ({self.now} ns)")
        event = Event(self)
        event._ok = True
        event._value = None
        event.callbacks.append(StopSimulation.callback)
        self.schedule(event, URGENT, at - self.now)
        return at
