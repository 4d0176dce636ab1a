"""An operating system's retransmission schedules, as run.json holds them.

The n-th timeout of a schedule is the wait after the n-th transmission; when the last one expires
the host gives up.  Linux rounds timers up on its timer wheel (kernel/time/timer.c; confirmed by
measurement within 1 ms): a timeout of fewer than `limit` ticks expires at tick
`(((now + timeout) >> shift) + 1) << shift`, for the first (limit, shift) that fits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Wheel:
    """How a host's timers are rounded up; a tick of 0 s means that they are exact."""

    tick_s: float
    levels: tuple[tuple[int, int], ...]
    """(limit in ticks, shift), limits rising; the last level takes everything longer too."""

    def shift(self, ticks: int) -> int:
        """Return the shift of the level that a timeout of `ticks` falls into."""
        for limit, shift in self.levels:
            if ticks < limit:
                return shift
        return self.levels[-1][1]

    def ticks(self, timeout_s: float) -> int:
        """Return a timeout in whole ticks, rounded up."""
        return math.ceil(round(timeout_s / self.tick_s, 6))

    def expiry(self, now: NDArray[np.int64], timeout_s: float) -> NDArray[np.int64]:
        """Return the ticks at which timers started in the ticks `now` expire."""
        ticks = self.ticks(timeout_s)
        shift = self.shift(ticks)
        return (((now + ticks) >> shift) + 1) << shift


@dataclass(frozen=True, slots=True)
class Schedules:
    """The timers of one profile, s."""

    syn_timeouts_s: tuple[float, ...]
    synack_timeouts_s: tuple[float, ...]
    wheel: Wheel | None = None
    """None: timers are exact."""

    @classmethod
    def from_recipe(cls, profile: dict[str, Any]) -> Schedules:
        """Return the schedules of one entry of run.json's `profiles`."""
        wheel = profile.get("timer_wheel") or {}
        return cls(
            tuple(profile["syn_timeouts_s"]),
            tuple(profile["synack_timeouts_s"]),
            Wheel(wheel["tick_s"], tuple((limit, shift) for limit, shift in wheel["levels"]))
            if wheel.get("tick_s")
            else None,
        )

    def syn_times(self) -> NDArray[np.float64]:
        """Return when an unanswered client sends each SYN and gives up, s after the call.

        Mean over the phases that the client's clock can be in.

        >>> wheel = Wheel(0.004, ((63, 0), (504, 3)))
        >>> Schedules((1.0, 1.0, 2.0), (1.0,), wheel).syn_times().round(3).tolist()
        [0.0, 1.016, 2.04, 4.056]
        """
        if self.wheel is None:
            return np.cumsum([0.0, *self.syn_timeouts_s])
        phases = np.arange(1 << max(shift for _, shift in self.wheel.levels))
        now, times = phases, [0.0]
        for timeout in self.syn_timeouts_s:
            now = self.wheel.expiry(now, timeout)
            times.append(float((now - phases).mean() - 0.5) * self.wheel.tick_s)
        return np.array(times)


def kinds(recipe: dict[str, Any], connections: pd.DataFrame, side: str) -> pd.Series[Any]:
    """Return the entry of `profiles` that each connect()'s host has; `side`: client or server.

    That of its operating system, unless the host's sysctls gave it timers of its own.
    """
    systems = connections[f"{side}_os"]
    configured = recipe.get("host_profiles", {})
    if not configured:
        return systems
    return connections[side].astype(object).map(configured).fillna(systems.astype(object))


def of_host(recipe: dict[str, Any], host: str, system: str) -> dict[str, Any]:
    """Return the entry of `profiles` that a host has."""
    entry: dict[str, Any] = recipe["profiles"][recipe.get("host_profiles", {}).get(host, system)]
    return entry
