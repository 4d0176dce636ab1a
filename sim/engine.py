"""The clock of a simulation: SimPy's environment in integer nanoseconds, and its cheap timers.

Events keep SimPy's contract (a queue of (time, priority, number, event), an event's `callbacks`),
so any SimPy process, event or resource runs here.  Added are a run loop that reports progress, and
timers that can be cancelled: SimPy cannot take an event back from its queue, and a dead one left
there would also drag the clock to its date.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, ClassVar, Final

import simpy
from mypy_extensions import mypyc_attr
from simpy.core import StopSimulation
from simpy.events import NORMAL, URGENT, Event

Expire = Callable[[int], None]
"""What a timer calls when it expires, with the time in nanoseconds."""

EVENTS_BETWEEN_REPORTS: Final = 8192

LATE: Final = 2
"""Priority of timers in SimPy's queue: what arrives in the same nanosecond comes first."""


def _unheard(packet: Any) -> None:
    """Take no note of a lost packet."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Engine(simpy.Environment):
    """SimPy's environment with integer nanoseconds; `now` begins at 0."""

    _now: int

    def __init__(self) -> None:
        super().__init__(initial_time=0)
        self.events = 0
        """Events processed so far."""
        self.dormant = 0
        """Entries of the queue in which no live timer is left: they end no simulation late."""
        self.lost: Callable[[Any], None] = _unheard
        """Hears of each packet that does not get through a link."""

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
        collecting = gc.isenabled()
        gc.disable()
        try:
            while self._process(EVENTS_BETWEEN_REPORTS):
                if progress is not None:
                    progress()
        except StopSimulation as end:
            return end.args[0]
        finally:
            if collecting:
                gc.enable()
        if isinstance(until, Event):
            raise RuntimeError("the simulation ended before the event it was to run until")
        if stop is not None:
            self._now = stop
        return None

    def schedule(self, event: Event, priority: int = NORMAL, delay: float = 0) -> None:
        """Let an event happen `delay` ns from now."""
        queue: list[Any] = self._queue
        heappush(queue, (self._now + int(delay), priority, next(self._eid), event))

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
        if at <= self._now:
            raise ValueError(f"until ({at} ns) must be later than now ({self._now} ns)")
        event = Event(self)
        event._ok = True
        event._value = None
        event.callbacks.append(StopSimulation.callback)
        self.schedule(event, URGENT, at - self._now)
        return at

    def _process(self, limit: int) -> bool:
        """Process up to `limit` events as SimPy's step() does; False if nothing is left."""
        queue: list[Any] = self._queue
        pop = heappop
        left = 0
        try:
            for left in range(limit, 0, -1):  # noqa: B007 (read in the end)
                if len(queue) <= self.dormant:
                    return False
                self._now, _, _, event = pop(queue)
                callbacks = event.callbacks
                event.callbacks = None
                for callback in callbacks:
                    callback(event)
                if not event._ok and not event.defused:
                    raise event._value
            left = 0
            return True
        except StopSimulation:
            event.callbacks = callbacks[callbacks.index(callback) + 1 :]
            self.schedule(event, URGENT)
            raise
        finally:
            self.events += limit - left


class Timer:
    """A timer that runs; `cancel()` stops it."""

    __slots__ = ("deadline", "expire", "queue")

    def __init__(self, deadline: int, expire: Expire, queue: TimerQueue) -> None:
        self.deadline = deadline
        """When it expires, ns of simulated time."""
        self.expire: Expire | None = expire
        self.queue = queue

    def cancel(self) -> None:
        """Stop the timer; nothing happens if it has expired or was stopped before.

        The queue lets go of all those at its head that were stopped.
        """
        if self.expire is None:
            return
        self.expire = None
        queue = self.queue
        queue.live -= 1
        fifo = queue.fifo
        while fifo and fifo[0].expire is None:
            fifo.popleft()
        if queue.queued and not queue.live:
            queue.engine.dormant += 1


class TimerQueue:
    """Timers of one duration on one clock: they expire in the order in which they were started.

    So a FIFO holds them, and only its head stands in the environment's queue, as this object: an
    event in SimPy's sense.
    """

    __slots__ = (
        "callbacks",
        "deadline",
        "duration",
        "engine",
        "fifo",
        "firing",
        "live",
        "queued",
        "timers",
    )

    _ok: ClassVar[bool] = True
    _value: ClassVar[Any] = None
    defused: ClassVar[bool] = True

    def __init__(self, timers: Timers, duration: int) -> None:
        self.timers = timers
        self.engine = timers.engine
        self.duration = duration
        self.deadline = timers.deadlines(duration)
        self.fifo: deque[Timer] = deque()
        self.live = 0
        self.queued = False
        self.firing = False
        self.callbacks: tuple[Callable[[Any], None], ...] | None = None

    def enqueue(self, deadline: int) -> None:
        """Stand in the environment's queue until `deadline`."""
        engine = self.engine
        self.callbacks = (self._fire,)
        self.queued = True
        queue: list[Any] = engine._queue
        heappush(queue, (deadline, LATE, next(engine._eid), self))

    def _fire(self, _: object) -> None:
        engine = self.engine
        self.queued = False
        if not self.live:
            engine.dormant -= 1
        self.firing = True
        now = engine._now
        fifo = self.fifo
        while fifo:
            timer = fifo[0]
            expire = timer.expire
            if expire is not None:
                if timer.deadline > now:
                    break
                timer.expire = None
                self.live -= 1
            fifo.popleft()
            if expire is not None:
                expire(now)
        self.firing = False
        if fifo:
            self.enqueue(fifo[0].deadline)
        else:
            self.timers.drop(self)


class Timers:
    """The timers of one host.

    `deadlines(duration)` is the host's clock: the function it returns says when a timer started
    at `now` (ns) for `duration` (ns) really expires, and must not decrease with `now`.
    """

    __slots__ = ("_queues", "deadlines", "engine")

    def __init__(self, engine: Engine, deadlines: Callable[[int], Callable[[int], int]]) -> None:
        self.engine = engine
        self.deadlines = deadlines
        self._queues: dict[int, TimerQueue] = {}

    def start(self, now: int, duration: int, expire: Expire) -> Timer:
        """Start a timer that calls `expire(time)` about `duration` ns after `now`.

        `now` must not be before that of an earlier start.
        """
        queue = self._queues.get(duration)
        if queue is None:
            queue = self._queues[duration] = TimerQueue(self, duration)
        deadline = queue.deadline(now)
        timer = Timer(deadline, expire, queue)
        queue.fifo.append(timer)
        if queue.queued:
            if not queue.live:
                self.engine.dormant -= 1
        elif not queue.firing:
            queue.enqueue(deadline)
        queue.live += 1
        return timer

    def drop(self, queue: TimerQueue) -> None:
        """Forget an empty queue, so that passing durations leave nothing behind."""
        del self._queues[queue.duration]
