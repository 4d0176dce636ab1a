"""What an operator wants to know of a server under pressure: who got in, how late, and why not.

Made of `connections`, `counters`, `queues` and the limits in run.json.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import pandas as pd

from analysis.frames import Frames
from analysis.quantities import count, duration, percent
from analysis.summary import quantiles
from analysis.text import align

MEANINGS: Final = {
    "TcpPassiveOpens": "connections that the server made",
    "TcpExtListenOverflows": "SYNs and final ACKs that found the accept queue full",
    "TcpExtListenDrops": "SYNs and final ACKs that were dropped, whatever the cause",
    "TcpExtTCPReqQFullDrop": "SYNs that found the SYN queue full, and no cookies",
    "TcpExtTCPReqQFullDoCookies": "SYNs that were to get a cookie",
    "TcpExtSyncookiesSent": "SYN-ACKs with a cookie",
    "TcpExtSyncookiesRecv": "cookies that came back",
    "TcpExtSyncookiesFailed": "cookies that came back too late, or were none",
    "TcpExtTCPTimeouts": "timers that expired",
    "TcpRetransSegs": "segments sent again",
    "TcpExtEmbryonicRsts": "requests that ended in a RST",
    "TcpOutRsts": "RSTs sent",
    "TcpEstabResets": "connections that ended without a FIN",
    "TcpAttemptFails": "connects that failed",
}
"""The counters that tell of pressure, and what each counts."""

ACCEPTED, PHANTOM = "accepted", "established, never accepted"


def fates(connections: pd.DataFrame) -> pd.Series[str]:
    """Return what became of each connect(): accepted, a phantom, or its errno or outcome."""
    outcome = connections["outcome"].astype(str)
    failed = connections["errno"].astype(object)
    fate = failed.where(failed.notna(), outcome)
    established = outcome == "established"
    accepted = connections["accepted_s"].notna()
    return fate.mask(established & accepted, ACCEPTED).mask(established & ~accepted, PHANTOM)


def who_got_in(connections: pd.DataFrame) -> str:
    """Return a table: the fates, how many met each, and how late."""
    rows = [["", "connects", "", "p50", "p99", "latest", "accepted p50", "latest"]]
    fate = fates(connections)
    for name in fate.value_counts().index:
        of = connections[fate == name]
        waited = (of["accepted_s"] - of["started_s"]).dropna().to_numpy()
        rows.append(
            [
                str(name),
                count(len(of)),
                percent(len(of) / len(connections)),
                *_late(of["latency_s"].dropna().to_numpy(), [0.5, 0.99, 1.0]),
                *_late(waited, [0.5, 1.0]),
            ]
        )
    return "\n".join(align(rows))


def _late(seconds: np.ndarray, shares: list[float]) -> list[str]:
    return [duration(float(value)) for value in quantiles(seconds, shares)]


def by_period(frames: Frames) -> str:
    """Return a table: the connects before, during and after each mark of the run."""
    connections = frames.connections
    rows = [["", "connects", "established", "p50", "p99", "latest"]]
    bounds = [(-np.inf, np.inf, "all")]
    for mark in frames.recipe["marks"]:
        name, begin, end = mark["name"], mark["from_s"], mark["to_s"]
        bounds += [
            (-np.inf, begin, f"before the {name}"),
            (begin, end, f"during the {name}"),
            (end, np.inf, f"after the {name}"),
        ]
    for begin, end, name in bounds:
        of = connections[connections["started_s"].between(begin, end, inclusive="left")]
        established = of[of["outcome"] == "established"]
        late = _late(established["latency_s"].to_numpy(), [0.5, 0.99, 1.0])
        rows.append([name, count(len(of)), count(len(established)), *late])
    return "\n".join(align(rows))


def reconnected(frames: Frames) -> str:
    """Return a table: how long after the outage the clients were connected, and accepted, again."""
    outage = frames.recipe["marks"][0]
    connections = frames.connections
    later = connections[connections["started_s"] >= outage["from_s"]]
    clients = connections["client"].nunique()
    established = later[later["outcome"] == "established"]
    rows = [["after the outage", "clients", "", "p50", "p90", "p99", "last"]]
    for name, column in (("connected again", "finished_s"), ("accepted again", "accepted_s")):
        first = established.groupby("client", observed=True)[column].min().dropna()
        since = (first - outage["to_s"]).to_numpy()
        share = percent(len(first) / clients)
        rows.append([name, count(len(first)), share, *_late(since, [0.5, 0.9, 0.99, 1.0])])
    failed = later[~later["outcome"].isin(["established", "pending"])]
    lines = align(rows)
    lines.append(
        f"{count(len(later))} connects, of which {count(len(failed))} failed;"
        f" {count(later['syn_retransmits'].sum())} SYNs had to be repeated"
    )
    return "\n".join(lines)


def counters_of(frames: Frames, host: str) -> dict[str, int]:
    """Return a host's counters by name; those that stayed 0 are missing."""
    table = frames.counters
    own = table[table["host"] == host]
    return dict(zip(own["counter"].astype(str), own["value"].astype(int), strict=True))


def counters_text(frames: Frames, host: str) -> str:
    """Return a host's counters of `MEANINGS`, as nstat prints them, each with its meaning."""
    counters = counters_of(frames, host)
    rows = [
        [name, count(counters[name]), meaning]
        for name, meaning in MEANINGS.items()
        if name in counters
    ]
    return "\n".join(f"{name:<28}{value:>12}  {meaning}" for name, value, meaning in rows)


def queues_text(frames: Frames, host: str) -> str:
    """Return how long the queues of a host's ports got, how long they were full, and at the end."""
    rows = [["", "longest", "of", "full for", "at the end"]]
    for listener in frames.recipe["listeners"]:
        if listener["host"] != host:
            continue
        samples = samples_of(frames, host, listener["port"])
        lasts = samples["time_s"].diff().shift(-1)
        for name, title in (("syn_queue", "SYN queue"), ("accept_queue", "accept queue")):
            limit, longest = listener[f"{name}_limit"], listener[f"{name}_longest"]
            full = float(lasts[samples[name] >= limit].sum())
            unseen = longest >= limit and full == 0.0
            how_long = f"under {duration(float(lasts.max()))}" if unseen else duration(full)
            rows.append(
                [title, count(longest), count(limit), how_long, count(samples[name].iloc[-1])]
            )
    return "\n".join(align(rows)) if len(rows) > 1 else ""


def samples_of(frames: Frames, host: str, port: int) -> pd.DataFrame:
    """Return the samples of one port's queues."""
    queues = frames.queues
    return queues[(queues["host"] == host) & (queues["port"] == port)]


def text(frames: Frames, host: str, suggestions: Iterable[str]) -> str:
    """Return the report of a server under pressure, in four paragraphs."""
    sections = {
        "who got in, and how late": who_got_in(frames.connections),
        f"what {host} counted (nstat)": counters_text(frames, host),
        "queues": queues_text(frames, host),
        "what would have helped": "\n".join(f"* {one}" for one in suggestions),
    }
    return "\n\n".join(f"{title}\n{body}" for title, body in sections.items() if body)
