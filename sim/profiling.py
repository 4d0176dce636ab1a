"""Where a simulation's time goes: its events by kind, and the time of each by module.

A profiled engine looks at each event before it happens.  What an event's handler calls counts for
the module that the event came to: a packet that arrives at a host for `sim.host`, the TCP that it
wakes included; an expiring timer for the module that set it; a process for that of its program.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from typing import Any, NamedTuple

from simpy.events import Process

from sim.engine import Engine, happen
from sim.icmp import IcmpPacket
from sim.packet import ACK, FIN, RST, SYN, Packet
from sim.timers import TimerQueue

PACKETS = (
    (RST, "RST"),
    (SYN | ACK, "SYN, ACK"),
    (SYN, "SYN"),
    (FIN, "FIN"),
    (ACK, "ACK"),
)
"""Kinds of segments, by the flags that must be set: the first that fits counts."""


class Happening(NamedTuple):
    """What kind of event it is, and the module that takes it."""

    kind: str
    module: str


class Profile:
    """How many events of each kind there were, and how many ns they took."""

    def __init__(self) -> None:
        self.events: dict[Happening, int] = defaultdict(int)
        self.time: dict[Happening, int] = defaultdict(int)

    def __str__(self) -> str:
        """Return two tables: events by kind, and time by module."""
        kinds: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        modules: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for happening, count in self.events.items():
            for name, totals in ((happening.kind, kinds), (happening.module, modules)):
                totals[name][0] += count
                totals[name][1] += self.time[happening]
        return f"{_table('event', kinds)}\n\n{_table('module', modules)}"


def _table(what: str, totals: dict[str, list[int]]) -> str:
    whole = sum(time for _, time in totals.values()) or 1
    lines = [f"{what:24}{'events':>12}{'seconds':>10}{'share':>8}{'each':>11}"]
    for name, (count, time) in sorted(totals.items(), key=lambda item: -item[1][1]):
        each = f"{time / count / 1000:,.2f} us"
        lines.append(f"{name:24}{count:12,}{time / 1e9:10.3f}{time / whole:8.1%}{each:>11}")
    return "\n".join(lines)


class ProfiledEngine(Engine):
    """An engine that adds up in `profile` what it does."""

    def __init__(self, profile: Profile) -> None:
        super().__init__()
        self.profile = profile

    def _proceed(self, limit: int) -> bool:
        """Process up to `limit` events, each by itself."""
        events, time = self.profile.events, self.profile.time
        for _ in range(limit):
            head = self.calendar.head()
            if head is None or self.calendar.pending <= self.calendar.dormant:
                return False
            happening = describe(*head[1:])
            events[happening] += 1
            start = perf_counter_ns()
            try:
                super()._proceed(1)
            finally:
                time[happening] += perf_counter_ns() - start
        return True


def describe(call: Callable[[Any], None], argument: Any) -> Happening:
    """Return what kind of event an entry of the calendar is, and the module that takes it."""
    if isinstance(argument, TimerQueue):
        timer = argument.alive()
        return Happening("timer", _module((timer and timer.expire) or argument.fire))
    if call is happen:
        takers = argument.callbacks
        return Happening(type(argument).__name__, _module(takers[0]) if takers else "nobody")
    if isinstance(argument, Packet):
        return Happening(_segment(argument), _module(call))
    kind = "ICMP" if isinstance(argument, IcmpPacket) else _name(call)
    return Happening(kind, _module(call))


def _segment(packet: Packet) -> str:
    kind = next((name for flags, name in PACKETS if packet.flags & flags == flags), "other")
    return f"{kind} with data" if packet.payload else kind


def _name(callback: Callable[..., Any]) -> str:
    """Return the name of a function or method, or of the class of what else is called."""
    return str(getattr(callback, "__name__", type(callback).__name__))


def _module(callback: Callable[..., Any]) -> str:
    """Return the module of whoever a callback belongs to; of a process, that of its program."""
    while isinstance(callback, partial):
        callback = callback.func
    owner = getattr(callback, "__self__", getattr(callback, "__objclass__", callback))
    if isinstance(owner, Process):
        frame = getattr(owner._generator, "gi_frame", None)
        return str(frame.f_globals["__name__"]) if frame is not None else type(owner).__module__
    return str(getattr(owner, "__module__", type(owner).__module__))
