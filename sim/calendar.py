"""A simulation's calendar: what is to happen, in the order of its time.

An entry is a call: what to call and with what.  Entries of one time come by their priority, then
in the order in which they were put there, which is SimPy's order.

Those of the near future are a heap.  Those farther off wait in bins of 131 microseconds, unsorted,
and a bin becomes the heap when its time comes: a heap of a few entries costs a few comparisons,
however many connections are under way.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any, Final, TypeAlias

LATE: Final = 2
"""Priority of timers, beside SimPy's: what arrives in the same nanosecond comes first."""

BIN: Final = 17
"""A bin is 2**17 ns."""
RANK: Final = 56
"""Entries are numbered below 2**56; their priority stands above."""

_push: Final = heappush
_pop: Final = heappop

Call: TypeAlias = Callable[[Any], None]
Entry: TypeAlias = tuple[int, int, Call, Any]
"""Time (ns); priority and number in one; what is called, and with what."""


class Calendar:
    """What is to happen; `now` is the time, ns from the beginning."""

    def __init__(self) -> None:
        self.now = 0
        self.passed = 0
        """Entries whose time has come so far."""
        self.pending = 0
        """Entries whose time is still to come."""
        self.dormant = 0
        """Those in which no live timer is left: they end no simulation late."""
        self._number = 0
        self._near: list[Entry] = []
        self._bin = 0
        """The number of the bin that is the heap now, and of all before it."""
        self._bins: dict[int, list[Entry]] = {}
        self._far: list[int] = []
        """The numbers of the bins, a heap."""

    def put(self, time: int, priority: int, call: Call, argument: Any) -> None:
        """Let `call(argument)` happen at `time` (ns), which must not lie before `now`."""
        number = self._number = self._number + 1
        self.pending += 1
        entry = (time, (priority << RANK) + number, call, argument)
        bin_ = time >> BIN
        if bin_ <= self._bin:
            _push(self._near, entry)
            return
        entries = self._bins.get(bin_)
        if entries is None:
            self._bins[bin_] = [entry]
            _push(self._far, bin_)
        else:
            entries.append(entry)

    def head(self) -> Entry | None:
        """Return the next entry, None if there is none."""
        if not self._near and self._far:
            self._open_bin()
        return self._near[0] if self._near else None

    def proceed(self, limit: int) -> bool:
        """Let up to `limit` entries happen; False once nothing is left but the dormant."""
        for _ in range(limit):
            if self.pending <= self.dormant:
                return False
            self.step()
        return True

    def step(self) -> None:
        """Let the next entry happen; raises IndexError if there is none."""
        if not self._near:
            self._open_bin()
        self.now, _, call, argument = _pop(self._near)
        self.pending -= 1
        self.passed += 1
        call(argument)

    def _open_bin(self) -> None:
        """Let the next bin be the heap."""
        self._bin = bin_ = _pop(self._far)
        self._near = near = self._bins.pop(bin_)
        heapify(near)
