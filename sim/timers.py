"""Cheap timers, which can be cancelled: an event of SimPy's cannot be taken back.

Timers of one duration expire in the order in which they were started, so that they form a chain,
and only its head stands in the calendar.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy_extensions import mypyc_attr

from sim.calendar import LATE, Calendar

Expire = Callable[[int], None]
"""What a timer calls when it expires, with the time in nanoseconds."""


class Rounding:
    """How a host's clock rounds up the timers of one duration.

    The clock, whose first tick was `phase` ns before the simulation began, has ticks of `tick` ns.
    A timer of so many `ticks` expires at a tick whose number is a multiple of 2**shift.  `tick` 0:
    timers are exact, and `ticks` is their duration in ns.
    """

    __slots__ = ("_phase", "_shift", "_tick", "_ticks")

    def __init__(self, tick: int, ticks: int, shift: int = 0, phase: int = 0) -> None:
        self._tick = tick
        self._ticks = ticks
        self._shift = shift
        self._phase = phase

    def deadline(self, now: int) -> int:
        """Return when a timer that is started at `now` expires; it does not decrease with `now`."""
        tick = self._tick
        if not tick:
            return now + self._ticks
        passed = (now + self._phase) // tick + self._ticks >> self._shift
        return (passed + 1 << self._shift) * tick - self._phase


class Timer:
    """A timer that runs; `cancel()` stops it."""

    __slots__ = ("deadline", "expire", "following", "queue")

    def __init__(self, deadline: int, expire: Expire, queue: TimerQueue) -> None:
        self.deadline = deadline
        """When it expires, ns of simulated time."""
        self.expire: Expire | None = expire
        self.following: Timer | None = None
        """The next one in the chain."""
        self.queue = queue

    def cancel(self) -> None:
        """Stop the timer; nothing happens if it has expired or was stopped before."""
        if self.expire is not None:
            self.expire = None
            self.queue.shed()


class TimerQueue:
    """Timers of one duration on one clock, a chain in the order of their deadlines.

    Its head stands in the calendar, as a call of `fire`; those at its head that were stopped are
    let go.
    """

    __slots__ = (
        *("calendar", "duration", "firing", "first", "last", "live", "queued"),
        *("rounding", "timers"),
    )

    last: Timer

    def __init__(self, timers: Timers, duration: int) -> None:
        self.timers = timers
        self.calendar = timers.calendar
        self.duration = duration
        self.rounding = timers.rounding(duration)
        self.first: Timer | None = None
        self.live = 0
        self.queued = False
        self.firing = False

    def append(self, timer: Timer) -> None:
        """Take a timer."""
        if self.first is None:
            self.first = timer
        else:
            self.last.following = timer
        self.last = timer
        if self.queued:
            if not self.live:
                self.calendar.dormant -= 1
        elif not self.firing:
            self._enqueue(timer.deadline)
        self.live += 1

    def alive(self) -> Timer | None:
        """Return the next timer that will expire."""
        timer = self.first
        while timer is not None and timer.expire is None:
            timer = timer.following
        return timer

    def shed(self) -> None:
        """Hear that a timer was stopped."""
        self.live -= 1
        self.first = self.alive()
        if self.queued and not self.live:
            self.calendar.dormant += 1

    def fire(self) -> None:
        """Let those expire whose time has come."""
        calendar = self.calendar
        self.queued = False
        if not self.live:
            calendar.dormant -= 1
        self.firing = True
        now = calendar.now
        while True:
            timer = self.first = self.alive()
            if timer is None or timer.deadline > now:
                break
            expire, timer.expire = timer.expire, None
            self.live -= 1
            if expire is not None:
                expire(now)
        self.firing = False
        if timer is None:
            self.timers.drop(self)
        else:
            self._enqueue(timer.deadline)

    def _enqueue(self, deadline: int) -> None:
        self.queued = True
        self.calendar.put(deadline, LATE, TimerQueue.fire, self)


@mypyc_attr(allow_interpreted_subclasses=True)
class Timers:
    """The timers of one host; `rounding(duration)` is the host's clock, for a duration in ns."""

    __slots__ = ("_queues", "calendar", "rounding")

    def __init__(self, calendar: Calendar, rounding: Callable[[int], Rounding]) -> None:
        self.calendar = calendar
        self.rounding = rounding
        self._queues: dict[int, TimerQueue] = {}

    def start(self, now: int, duration: int, expire: Expire) -> Timer:
        """Start a timer that calls `expire(time)` about `duration` ns after `now`.

        `now` must not be before that of an earlier start.
        """
        queue = self._queues.get(duration)
        if queue is None:
            queue = self._queues[duration] = TimerQueue(self, duration)
        timer = Timer(queue.rounding.deadline(now), expire, queue)
        queue.append(timer)
        return timer

    def drop(self, queue: TimerQueue) -> None:
        """Forget an empty queue, so that passing durations leave nothing behind."""
        del self._queues[queue.duration]
