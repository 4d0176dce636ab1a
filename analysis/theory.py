"""The exact distribution of connect()'s latency under independent loss.

The model: every SYN is lost with probability `loss` on its way there, every SYN-ACK with
`loss_back` on its way back, independently; the path's delay is constant, queues and hosts add
none.  The client repeats its SYN by its schedule until a SYN-ACK arrives or it gives up.  The
server answers every SYN that arrives with a SYN-ACK at once, and repeats that by its own schedule;
a SYN that arrives again starts the running wait of that schedule anew without advancing it
(tcp_check_req of Linux), and a request that is given up is made again by the next SYN.  The first
SYN-ACK that gets through ends it.  A packet that arrives at the very moment at which a timer
expires comes first.

Nothing is sampled.  A host's timer wheel makes its expiries depend on the phase of its clock,
which is uniform: whole ticks of phase are enumerated, the fraction of a tick that remains is
integrated.  Seen from the moment at which the first SYN reaches the server (or would have), the
delay of the path cancels: client and server race on two clocks, and which of two expiries comes
first follows from the whole ticks and from which of the two fractions is larger.

Left out: a client that gives up within the very tick in which a SYN-ACK arrives is taken to do so
at the mean of its time; loss that comes in bursts, but see `gilbert_elliott_loss`.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.schedules import Schedules, Wheel, kinds

Ticks = NDArray[np.int64]
Masses = NDArray[np.float64]

NEGLIGIBLE: Final = 1e-16
"""Branches of no more probability than this are not followed: all together below 1e-13."""

UNSEEN: Final = 1e-13
"""Expiries of no more probability than this may all be in one phase of their timer's wheel: the
coarse levels of a wheel, which only the longest timeouts use, then need not be enumerated."""

_BLOCK: Final = 1 << 13
"""Phases treated at once: few enough that the rounding errors of their sums stay below 1e-12."""

ATOM, UNIFORM, RISING, FALLING = range(4)
"""How the probability of a tick is spread over it: all at its end, or with a density that is
constant, proportional to the time since its beginning, or to the time until its end."""

BEHIND: Final = np.array([0, 1 / 2, 1 / 3, 2 / 3])
"""The mean of each, in ticks before the tick's end."""


@dataclass(frozen=True, eq=False)
class Latency:
    """The distribution of connect()'s latency; what is missing from 1 is failure."""

    rtt_s: float
    tick_s: float
    masses: Masses
    """[shape, n]: probability of the n-th tick, which ends `rtt_s + n * tick_s` after the call."""
    gives_up_s: float
    """When connect() fails; mean over the phases of the client's clock."""

    @property
    def established(self) -> float:
        """Probability that connect() succeeds."""
        return float(self.masses.sum())

    @property
    def mean_s(self) -> float:
        """Mean latency of those that succeed, s."""
        ends = np.arange(self.masses.shape[1])
        total = float((self.masses * (ends - BEHIND[:, np.newaxis])).sum())
        return self.rtt_s + self.tick_s * total / self.established

    def cdf(self, seconds: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """Return the probability that connect() has succeeded at most `seconds` after the call."""
        at = (np.asarray(seconds, dtype=float) - self.rtt_s) / self.tick_s
        whole = np.ceil(at - 1e-9)
        tick = np.clip(whole, -1, self.masses.shape[1]).astype(np.int64)
        before = np.concatenate([[0.0, 0.0], np.cumsum(self.masses.sum(axis=0)), [0.0]])
        before[-1] = before[-2]
        within = np.zeros((len(self.masses), self.masses.shape[1] + 2))
        within[:, 1:-1] = self.masses
        atom, uniform, rising, falling = within[:, tick + 1]
        part = np.clip(at - whole + 1, 0, 1)
        return np.asarray(
            before[tick + 1]
            + atom * (part > 1 - 1e-9)
            + uniform * part
            + rising * part**2
            + falling * (2 * part - part**2)
        )

    def quantile(self, share: float) -> float:
        """Return the time by which `share` of all connects have succeeded, s.

        Infinite if fewer ever succeed.
        """
        cumulated = np.cumsum(self.masses.sum(axis=0))
        if share > cumulated[-1]:
            return math.inf
        tick = int(np.searchsorted(cumulated, share))
        _, uniform, rising, falling = self.masses[:, tick]
        rest = share - (cumulated[tick - 1] if tick else 0.0)
        square, linear = rising - falling, uniform + 2 * falling
        root = math.sqrt(max(0.0, linear**2 + 4 * square * rest))
        part = 2 * rest / (linear + root) if linear + root > 0 else 1.0
        return float(self.rtt_s + self.tick_s * (tick - 1 + min(1.0, part)))


def connect_latency(
    client: Schedules,
    server: Schedules,
    *,
    rtt_s: float,
    loss: float,
    loss_back: float | None = None,
) -> Latency:
    """Return the distribution of the latency of a connect() over a path.

    `loss_back` is that of the way back, the same as there unless given.
    """
    back = loss if loss_back is None else loss_back
    unit = _unit(client, server)
    masses = _Race(client, server, unit, rtt_s, loss, back).run()
    return Latency(rtt_s, unit, masses, float(client.syn_times()[-1]))


def of_run(recipe: dict[str, Any], connections: pd.DataFrame) -> Latency | None:
    """Return the theory of a run, or None where it says nothing about it.

    It speaks of runs with the parameter `loss` in which all connects cross the same single link
    between hosts with the same schedules, not of sweeps, nor of links that do more by `netem` or
    lose packets by a script.  `connections` has `client`, `server`, `client_os`, `server_os`,
    `path_hops` and `path_delay_s`.
    """
    given = recipe.get("parameters", {})
    loss = given.get("loss")
    more = any(given.get(name, "none") != "none" for name in ("netem", "lose"))
    if "axes" in recipe or loss is None or more:
        return None
    delays = connections["path_delay_s"].unique()
    if len(delays) != 1 or not (connections["path_hops"] == 1).all():
        return None
    sides = [kinds(recipe, connections, side).unique() for side in ("client", "server")]
    if any(len(found) != 1 for found in sides):
        return None
    client, server = (Schedules.from_recipe(recipe["profiles"][found[0]]) for found in sides)
    return connect_latency(client, server, rtt_s=2 * float(delays[0]), loss=loss)


def gilbert_elliott_loss(p: float, r: float, h: float, k: float) -> float:
    """Return the long-run loss of a Gilbert-Elliott channel.

    `p` and `r` are the chances, per packet, of turning bad and good; `h` and `k` those that a
    packet gets through in the bad and in the good state.  In the limit of long gaps, where many
    packets pass between two of one handshake, each of its packets is lost independently with this
    probability, and `connect_latency` of it is exact.

    >>> gilbert_elliott_loss(0.01, 0.1, 0.3, 0.999)
    0.06454545454545454
    """
    bad = p / (p + r)
    return bad * (1 - h) + (1 - bad) * (1 - k)


@dataclass(frozen=True, eq=False)
class _Phases:
    """A block of phases of both clocks, one per column, and the client's SYNs in each.

    Ticks are counted from when the first SYN reaches the server, or would have.
    """

    server: Ticks
    """Phase of the server's clock."""
    margin: int
    """1 if the client's fraction of a tick is the larger: the server's clock then shows one tick
    less when a later SYN arrives."""
    sent: Ticks
    """[k]: when each SYN arrives."""
    shown: Ticks
    """[k]: what the server's clock shows then."""
    gives_up: Ticks


class _Race:
    """The race of a client's and a server's timers, over all phases of their clocks."""

    def __init__(
        self,
        client: Schedules,
        server: Schedules,
        unit: float,
        rtt_s: float,
        loss: float,
        back: float,
    ) -> None:
        self.syn = _Timers(client.syn_timeouts_s, client.wheel, unit)
        self.synack = _Timers(server.synack_timeouts_s, server.wheel, unit)
        self.loss = loss
        self.back = back
        self.reply = rtt_s / unit
        self.coarsen()
        longest = self.syn.expiries(np.arange(self.syn.phases))[-1].max()
        self.masses = np.zeros((4, int(longest) + 1))

    def coarsen(self) -> None:
        """Tell apart only the phases that expiries of more than `UNSEEN` probability depend on.

        Before any expiry that matters, every SYN sent so far or its immediate SYN-ACK was lost,
        and so was every SYN-ACK that the server's timer sent.
        """
        fails = 1 - (1 - self.loss) * (1 - self.back)
        sent = [0, *self.syn.latest()]
        syns = sum(fails ** (n + 1) > UNSEEN for n in range(len(sent) - 1))
        if sent[syns] + self.reply < self.syn.earliest()[-1]:
            # When the client gives up, which all its timeouts decide, does not matter.
            self.syn.tell_apart(syns)
        self.synack.tell_apart(
            sum(
                fails ** bisect_left(sent[:-1], due) * self.back**n > UNSEEN
                for n, due in enumerate(self.synack.earliest())
            )
        )

    def run(self) -> Masses:
        """Return the probability of each tick, [shape, tick]."""
        if not self.syn.rounded:
            margins = [0]
        elif not self.synack.rounded:
            margins = [1]
        else:
            margins = [0, 1]
        total = self.syn.phases * self.synack.phases
        for margin in margins:
            for start in range(0, total, _BLOCK):
                every = np.arange(start, min(start + _BLOCK, total))
                self.block(*np.divmod(every, self.synack.phases), margin)
        return self.masses / (total * len(margins))

    def block(self, client: Ticks, server: Ticks, margin: int) -> None:
        """Follow every course of the handshake for these phases and add up its ends."""
        times = self.syn.expiries(client) - client
        sent = times[:-1]
        shown = sent - margin
        shown[0] = 0
        phases = _Phases(server, margin, sent, shown + server, times[-1])
        syns, waits = len(sent), len(self.synack.ticks)
        reach = np.zeros((syns, waits, len(client)))
        """Probability that SYN k arrives and finds i expiries of the SYN-ACK timer."""
        reach[:, 0] += (1 - self.loss) * self.loss ** np.arange(syns)[:, np.newaxis]
        for k in range(syns):
            for i in range(waits):
                if reach[k, i].max() > NEGLIGIBLE:
                    self.follow(phases, k, i, reach)

    def follow(self, phases: _Phases, k: int, i: int, reach: Masses) -> None:
        """Follow what the k-th SYN sets going, up to the next one that arrives."""
        chance = reach[k, i]
        shape = self.spread(self.syn, phases.margin) if k else ATOM
        self.finish(phases, shape, phases.sent[k], chance * (1 - self.back))
        chance = chance * self.back
        later = len(phases.sent) - k - 1
        passed = self.loss ** np.arange(later + 1)
        pending = np.ones((later, len(phases.server)), dtype=bool)
        """Whether each later SYN still has to be considered."""
        # Exact timers can expire at the very moment at which a packet arrives.
        ties = not self.synack.rounded and (k > 0 or not phases.margin)
        now = phases.shown[k]
        for j in range(i, len(self.synack.ticks)):
            now = self.synack.expiry(now, j)
            due = phases.shown[k + 1 :] < now + ties
            first = due & pending
            for n in range(later):
                if first[n].any():
                    reach[k + 1 + n, j] += first[n] * chance * passed[n] * (1 - self.loss)
            pending &= ~due
            if j + 1 == len(self.synack.ticks):
                break
            at = now - phases.server
            if self.synack.rounded:
                shape = self.spread(self.synack, 1 - phases.margin)
            elif k:
                # An exact timer keeps the fraction of the SYN that started it.
                at, shape = at + phases.margin, self.spread(self.syn, phases.margin)
            fate = chance * passed[due.sum(axis=0)]
            self.finish(phases, shape, at, fate * (1 - self.back))
            chance = chance * self.back
            if chance.max() <= NEGLIGIBLE:
                return
        for n in range(later):
            # The request is gone: the next SYN makes a new one.
            reach[k + 1 + n, 0] += pending[n] * chance * passed[n] * (1 - self.loss)

    def spread(self, timers: _Timers, larger: int) -> int:
        """Return how an expiry is spread over its tick.

        `larger`: whether the fraction of that clock is the larger one of the two.
        """
        if not timers.rounded:
            return ATOM
        if not (self.syn.rounded and self.synack.rounded):
            return UNIFORM
        return FALLING if larger else RISING

    def finish(self, phases: _Phases, shape: int, at: Ticks, chance: Masses) -> None:
        """Count that a SYN-ACK sent at these ticks is the first to get through."""
        ahead = BEHIND[shape] - BEHIND[self.spread(self.syn, phases.margin)]
        heard = at - ahead + self.reply <= phases.gives_up
        if heard.any():
            least = int(at.min())
            counted = np.bincount(at[heard] - least, weights=chance[heard])
            self.masses[shape, least : least + len(counted)] += counted


class _Timers:
    """A schedule of timeouts in units of time, rounded by a wheel or exact."""

    def __init__(self, timeouts_s: tuple[float, ...], wheel: Wheel | None, unit: float) -> None:
        self.rounded = wheel is not None
        if wheel is None:
            self.per_tick = 1
            self.ticks = [round(timeout / unit) for timeout in timeouts_s]
            self.shifts = []
        else:
            self.per_tick = round(wheel.tick_s / unit)
            self.ticks = [wheel.ticks(timeout) for timeout in timeouts_s]
            self.shifts = [wheel.shift(ticks) for ticks in self.ticks]
        self.phases = 1
        """Number of phases that make a difference."""
        self.tell_apart(len(self.ticks))

    def tell_apart(self, number: int) -> None:
        """Let the phases be those that the first `number` timeouts depend on."""
        self.phases = self.per_tick << max(self.shifts[:number], default=0)

    def earliest(self) -> list[int]:
        """Return when each timeout expires at the earliest after the start of the first."""
        return [self.per_tick * ticks for ticks in accumulate(self.ticks)]

    def latest(self) -> list[int]:
        """Return when each timeout expires at the latest after the start of the first."""
        granules = [1 << shift for shift in self.shifts] or [0] * len(self.ticks)
        return [
            self.per_tick * ticks for ticks in accumulate(map(operator.add, self.ticks, granules))
        ]

    def expiry(self, now: Ticks, n: int) -> Ticks:
        """Return when the n-th timeout expires if it starts at `now`."""
        if not self.rounded:
            return now + self.ticks[n]
        shift = self.shifts[n]
        return ((((now // self.per_tick + self.ticks[n]) >> shift) + 1) << shift) * self.per_tick

    def expiries(self, phase: Ticks) -> Ticks:
        """Return [n]: the start and when each timeout expires if all follow one another."""
        times = [phase]
        for n in range(len(self.ticks)):
            times.append(self.expiry(times[-1], n))
        return np.stack(times)


def _unit(client: Schedules, server: Schedules) -> float:
    """Return the unit of time that divides both hosts' ticks, or their timeouts if exact, s."""
    nanoseconds = [
        round(1e9 * duration)
        for schedules, timeouts in (
            (client, client.syn_timeouts_s),
            (server, server.synack_timeouts_s),
        )
        for duration in (timeouts if schedules.wheel is None else [schedules.wheel.tick_s])
    ]
    return math.gcd(*nanoseconds) / 1e9
