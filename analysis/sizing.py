"""What a server under pressure would have needed: how large a backlog, which settings, what jitter.

Clients arrive when they call for the first time; the server accepts one after the other.  How many
wait at once then follows from the times of the calls alone.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from analysis import pressure
from analysis.frames import Frames
from analysis.quantities import count

REQUEST_S: Final = 68.0
"""How long a request lasts at most that nobody completes, s (five repeated SYN-ACKs of Linux)."""
MARGIN_S: Final = 0.5
"""Longer than a round trip, s."""
MOST: Final = 65_535
"""A larger backlog against a flood is no advice."""


def backlog(frames: Frames, *, rtt_s: float, rate: float) -> int:
    """Return the least backlog that takes every client in at its first SYN.

    `rate`: connections that the server accepts a second, 0: none, math.inf: all at once.
    """
    connections = frames.connections
    arrived = ~connections["outcome"].isin(["refused", "error"])
    calls = np.sort(connections.loc[arrived, "started_s"].to_numpy(dtype=float))
    return max(longest(calls, rtt_s=rtt_s, rate=rate) - 1, 0)


def longest(calls: npt.NDArray[np.float64], *, rtt_s: float, rate: float) -> int:
    """Return how long the longer queue gets if all are taken in: calls in order, s.

    A request waits a round trip for its final ACK, a connection until those before it have been
    accepted.

    >>> longest(np.array([0.0, 0.0, 0.0, 1.0]), rtt_s=0.1, rate=10.0)
    3
    """
    if not len(calls):
        return 0
    order = np.arange(len(calls))
    requests = order + 1 - np.searchsorted(calls, calls - rtt_s)
    if rate == 0:
        return len(calls)
    accepted = np.maximum.accumulate(calls - order / rate) + order / rate
    waiting = order + 1 - np.searchsorted(accepted, calls)
    return int(max(requests.max(), waiting.max()))


def jitter(clients: int, rate: float, backlog: int) -> float:
    """Return over how many seconds so many clients should spread to be accepted as they come.

    Calls at random, accepted at `rate` a second, seldom make a queue longer than the backlog if the
    server is busy for the share 1 - ln(100 clients) / (2 backlog) of the time at most: the tail
    of an M/D/1 queue in heavy traffic.
    """
    idle = min(math.log(100 * clients) / (2 * (backlog + 1)), 0.9)
    return clients / rate / (1 - idle)


def let_in_late(frames: Frames, rate: float) -> int:
    """Return how many connections waited longer for accept() than a full accept queue takes."""
    limit = max(one["accept_queue_limit"] for one in frames.recipe["listeners"])
    connections = frames.connections
    waited = connections["accepted_s"] - connections["finished_s"]
    return int((waited > limit / rate + MARGIN_S).sum())


def queues_advice(frames: Frames, host: str, needed: int, syncookies: int) -> list[str]:
    """Return what to set so that the queues of `host` hold everybody: a backlog of `needed`.

    `syncookies` 2: cookies are sent always, and tell of no pressure.
    """
    counters = pressure.counters_of(frames, host)
    overflows = counters.get("TcpExtListenOverflows", 0)
    full = counters.get("TcpExtTCPReqQFullDrop", 0)
    cookies = counters.get("TcpExtSyncookiesSent", 0) if syncookies == 1 else 0
    quarter = counters.get("TcpExtListenDrops", 0) - overflows - full
    if not overflows + full + cookies and quarter <= 0:
        return [f"Nothing was turned away: a backlog of {count(needed)} would have been enough."]
    causes = {
        f"the accept queue overflowed {count(overflows)} times": overflows,
        f"{count(full)} SYNs found the SYN queue full": full,
        f"{count(cookies)} SYNs got only a cookie": cookies,
        f"{count(quarter)} SYNs found only the last quarter of net.ipv4.tcp_max_syn_backlog left,"
        " which is kept for proven peers": quarter,
    }
    told = "; ".join(text for text, times in causes.items() if times > 0)
    listeners = [one for one in frames.recipe["listeners"] if one["host"] == host]
    present = sum(one["backlog"] for one in listeners)
    advice = f"{told[0].upper()}{told[1:]}. A backlog of {count(max(needed, present))}"
    if needed > present:
        advice += f" (it was {count(present)}; net.core.somaxconn must allow it)"
    if not syncookies:
        most = -(-4 * max(needed, present) // 3)
        advice += f" with a net.ipv4.tcp_max_syn_backlog of {count(most)} or more"
    return [f"{advice} takes everybody in at the first SYN."]


def flood_advice(frames: Frames, host: str, size: int, rate: float) -> list[str]:
    """Return what helps the honest clients of `host` against `size` SYNs, `rate` a second."""
    counters = pressure.counters_of(frames, host)
    dropped = counters.get("TcpExtListenDrops", 0)
    cookies = counters.get("TcpExtSyncookiesRecv", 0)
    found = []
    if dropped:
        held = round(min(size, rate * REQUEST_S)) + len(frames.connections)
        keeps = (
            f" A backlog of {count(held)} (as net.core.somaxconn must allow), with"
            f" {count(-(-4 * held // 3))} for net.ipv4.tcp_max_syn_backlog, would hold the flood,"
            " too."
            if held <= MOST
            else ""
        )
        found.append(
            f"{count(dropped)} SYNs and ACKs were dropped: SYN cookies (net.ipv4.tcp_syncookies=1)"
            f" answer all, and keep nothing.{keeps}"
        )
    if cookies:
        found.append(
            f"{count(cookies)} connections were made of SYN cookies: without these they would have"
            " waited for room in the SYN queue."
        )
    return found or ["Nothing was turned away: no setting of the queues would have changed it."]


def clients_advice(frames: Frames, host: str) -> list[str]:
    """Return what connect() did not tell the clients of `host`: phantoms, resets, no ports."""
    connections = frames.connections
    fates = pressure.fates(connections)
    waiting = sum(
        int(pressure.samples_of(frames, host, one["port"])["accept_queue"].iloc[-1])
        for one in frames.recipe["listeners"]
        if one["host"] == host
    )
    counters = frames.counters
    others = counters[(counters["host"] != host) & (counters["counter"] == "TcpEstabResets")]
    reset = int(others["value"].sum())
    phantoms = int((fates == pressure.PHANTOM).sum()) - waiting - reset
    ports = int((fates == "EADDRNOTAVAIL").sum())
    found = []
    if waiting:
        found.append(f"{count(waiting)} connections still waited for accept() at the end.")
    if phantoms > 0:
        found.append(
            f"{count(phantoms)} clients believe that they are connected, and the server knows"
            " nothing of them. Only data that they send can still let them in, or tell them: let"
            " clients talk first, and limit how long they wait for the answer."
        )
    if reset:
        found.append(
            f"{count(reset)} clients learned by a RST, after connect() had succeeded, that the"
            " server had no room for them."
        )
    if ports:
        found.append(
            f"{count(ports)} calls found no free port: a client's address has"
            f" {count(len(fates) - ports)} for one address and port of a server"
            " (net.ipv4.ip_local_port_range)."
        )
    return found
