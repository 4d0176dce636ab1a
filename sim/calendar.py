"""A simulation's calendar: what is to happen, in the order of its time.

An entry is a call: what to call and with what.  Entries of one moment come by their priority, then
in the order in which they were put there, which is SimPy's order.

Those that come next are a sorted list, the very next one last.  Those after them wait in bins of
half a millisecond, as they come; a bin is sorted when its time comes.  So an entry costs a few
comparisons with those of its bin, however many connections are under way, and however many of them
do the same at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from heapq import heappop, heappush
from operator import itemgetter
from typing import Any, Final, TypeAlias

from mypy_extensions import i64

URGENT: Final = 0
NORMAL: Final = 1
LATE: Final = 2
"""Priorities: SimPy's two, and that of timers: what arrives in the same nanosecond comes first."""

BIN: Final = 19
"""A bin is 2**19 ns."""
PRIORITY: Final = 2
"""Bits of a priority."""
FEW: Final = 512
"""So many entries of the list may be moved for one; rather than more, those after it wait again."""

Call: TypeAlias = Callable[[Any], None]
Entry: TypeAlias = tuple[int, Call, Any]
"""Time (ns) and priority as one number, negative; what is called, and with what."""

_bisect: Final = bisect_left
_when: Final = itemgetter(0)


class Calendar:
    """What is to happen; `now` is the time, ns from the beginning."""

    def __init__(self) -> None:
        self.now = 0
        self.passed: i64 = 0
        """Entries whose time has come so far."""
        self.pending: i64 = 0
        """Entries whose time is still to come."""
        self.dormant: i64 = 0
        """Those in which no live timer is left: they end no simulation late."""
        self._next: list[Entry] = []
        self._last: i64 = 0
        """Time and priority of the last of those that were sorted: what is before joins them."""
        self._bins: dict[int, list[Entry]] = {}
        self._numbers: list[int] = []
        """The numbers of the bins, a heap."""

    def put(self, time: int, priority: int, call: Call, argument: Any) -> None:
        """Let `call(argument)` happen at `time` (ns), which must not lie before `now`."""
        self.pending += 1
        when: i64 = -(time << PRIORITY | priority)
        entry: Any = (when, call, argument)
        if when > self._last:
            following = self._next
            if not following or when > following[-1][0]:
                following.append(entry)
                return
            position: int = _bisect(following, when, key=_when)
            if len(following) - position < FEW:
                following.insert(position, entry)
                return
            self._postpone(position)
        number = time >> BIN
        entries = self._bins.get(number)
        if entries is None:
            self._bins[number] = [entry]
            heappush(self._numbers, number)
        else:
            entries.append(entry)

    def head(self) -> Entry | None:
        """Return the next entry, None if there is none."""
        if not self._next and self._numbers:
            self._open_bin()
        return self._next[-1] if self._next else None

    def proceed(self, limit: i64) -> bool:
        """Let up to `limit` entries happen; False once nothing is left but the dormant."""
        end = self.passed + limit
        while self.passed < end:
            if self.pending <= self.dormant:
                return False
            self.step()
        return True

    def step(self) -> None:
        """Let the next entry happen; raises IndexError if there is none."""
        if not self._next:
            self._open_bin()
        when, call, argument = self._next.pop()
        self.now = -when >> PRIORITY
        self.pending -= 1
        self.passed += 1
        call(argument)

    def _postpone(self, count: int) -> None:
        """Let the last `count` of those that come next wait in their bins again."""
        waiting: dict[int, list[Entry]] = {}
        for entry in reversed(self._next[:count]):
            waiting.setdefault(-entry[0] >> PRIORITY + BIN, []).append(entry)
        for number, entries in waiting.items():
            if number in self._bins:
                entries.extend(self._bins[number])
            else:
                heappush(self._numbers, number)
            self._bins[number] = entries
        del self._next[:count]
        self._last = self._next[0][0]

    def _open_bin(self) -> None:
        """Sort the next bin; of entries of one moment the first comes last."""
        entries = self._bins.pop(heappop(self._numbers))
        entries.reverse()
        entries.sort(key=_when)
        self._next = entries
        self._last = entries[0][0]
