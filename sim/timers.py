"""Cheap timers, which can be cancelled: an event of SimPy's cannot be taken back.

Timers of one duration expire in the order in which they were started, so that a FIFO holds them
and only its head stands in the calendar.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mypy_extensions import mypyc_attr

from sim.calendar import LATE, Calendar

Expire = Callable[[int], None]
"""What a timer calls when it expires, with the time in nanoseconds."""


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
            queue.calendar.dormant += 1


class TimerQueue:
    """Timers of one duration on one clock: they expire in the order in which they were started.

    So a FIFO holds them, and only its head stands in the calendar, as a call of
    `fire`.
    """

    __slots__ = (
        "calendar",
        "deadline",
        "duration",
        "fifo",
        "firing",
        "live",
        "queued",
        "timers",
    )

    def __init__(self, timers: Timers, duration: int) -> None:
        self.timers = timers
        self.calendar = timers.calendar
        self.duration = duration
        self.deadline = timers.deadlines(duration)
        self.fifo: deque[Timer] = deque()
        self.live = 0
        self.queued = False
        self.firing = False

    def enqueue(self, deadline: int) -> None:
        """Stand in the calendar until `deadline`."""
        self.queued = True
        self.calendar.put(deadline, LATE, TimerQueue.fire, self)

    def fire(self) -> None:
        """Let those expire whose time has come."""
        calendar = self.calendar
        self.queued = False
        if not self.live:
            calendar.dormant -= 1
        self.firing = True
        now = calendar.now
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


@mypyc_attr(allow_interpreted_subclasses=True)
class Timers:
    """The timers of one host.

    `deadlines(duration)` is the host's clock: the function it returns says when a timer started
    at `now` (ns) for `duration` (ns) really expires, and must not decrease with `now`.
    """

    __slots__ = ("_queues", "calendar", "deadlines")

    def __init__(
        self, calendar: Calendar, deadlines: Callable[[int], Callable[[int], int]]
    ) -> None:
        self.calendar = calendar
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
                self.calendar.dormant -= 1
        elif not queue.firing:
            queue.enqueue(deadline)
        queue.live += 1
        return timer

    def drop(self, queue: TimerQueue) -> None:
        """Forget an empty queue, so that passing durations leave nothing behind."""
        del self._queues[queue.duration]
