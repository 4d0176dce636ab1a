"""What theory says about connect() over a path: its quantiles, and what to set.

The functions take schedules as data (`analysis.schedules`), so that those of any operating system,
or none, can be asked about.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pandas as pd

from analysis.quantities import duration, parameter, percent
from analysis.schedules import Schedules
from analysis.text import align
from analysis.theory import Latency, connect_latency

SHARES: Final = (0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999)

MISSED: Final = 1e-4
"""Share of the connects that would still succeed which an application's timeout may give up on."""


LONGEST_WAIT_S: Final = 120.0
"""No kernel's retransmission timer waits longer (TCP_RTO_MAX of Linux)."""


def theory(
    client: Schedules,
    server: Schedules,
    *,
    rtt_s: float,
    loss: float,
    loss_back: float | None = None,
) -> str:
    """Return the distribution of connect()'s latency over a path as text, to p99.9999."""
    latency = connect_latency(client, server, rtt_s=rtt_s, loss=loss, loss_back=loss_back)
    rows = [
        ["share of connects", "established within"],
        *([percent(share), duration(latency.quantile(share))] for share in SHARES),
    ]
    return "\n".join([_path(rtt_s, loss, loss_back), *_outcome(latency), "", *align(rows)])


def advise(
    client: Schedules,
    server: Schedules,
    *,
    rtt_s: float,
    loss: float,
    loss_back: float | None = None,
    budget_s: float,
) -> str:
    """Return what to expect of connect() within a budget, and what other settings would change."""
    latency = connect_latency(client, server, rtt_s=rtt_s, loss=loss, loss_back=loss_back)
    within = float(latency.cdf(budget_s))
    table = alternatives(
        client, server, rtt_s=rtt_s, loss=loss, loss_back=loss_back, budget_s=budget_s
    )
    head = ["setting", f"within {duration(budget_s)}", "p99", "p99.9", "never", "gives up after"]
    rows = [
        [
            str(setting),
            percent(row["within"]),
            *(duration(row[column]) for column in ("p99_s", "p99.9_s")),
            probability(row["never"]),
            duration(row["gives_up_s"]),
        ]
        for setting, row in table.iterrows()
    ]
    return "\n".join(
        [
            _path(rtt_s, loss, loss_back),
            f"{percent(within)} of connects are established within {duration(budget_s)}.",
            f"A timeout of {duration(timeout(latency))} gives up on 1 in {1 / MISSED:,.0f} of those"
            " that would still succeed.",
            "",
            *align([head, *rows]),
        ]
    )


def timeout(latency: Latency, missed: float = MISSED) -> float:
    """Return the time by which all but a share `missed` of the successful have succeeded, s."""
    return latency.quantile(latency.established * (1 - missed))


def alternatives(
    client: Schedules,
    server: Schedules,
    *,
    rtt_s: float,
    loss: float,
    loss_back: float | None = None,
    budget_s: float,
) -> pd.DataFrame:
    """Return one row per setting of the client, the present one first.

    Columns: `within` (share established within the budget), `p99_s`, `p99.9_s`, `never` (share
    never established), `gives_up_s`.
    """
    rows = {}
    for setting, schedules in _settings(client).items():
        latency = connect_latency(schedules, server, rtt_s=rtt_s, loss=loss, loss_back=loss_back)
        rows[setting] = {
            "within": float(latency.cdf(budget_s)),
            "p99_s": latency.quantile(0.99),
            "p99.9_s": latency.quantile(0.999),
            "never": 1.0 - latency.established,
            "gives_up_s": latency.gives_up_s,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("setting")


def probability(fraction: float) -> str:
    """Return a rare event's probability as text.

    >>> probability(0.00123), probability(3e-7), probability(1e-16)
    ('0.12 %', '1 in 3,333,333', 'under 1 in 1e12')
    """
    if fraction == 0 or fraction >= 1e-4:
        return percent(float(f"{fraction:.2g}"))
    return f"1 in {1 / fraction:,.0f}" if fraction > 1e-12 else "under 1 in 1e12"


def _settings(client: Schedules) -> dict[str, Schedules]:
    """Return the schedule as it is, with other retries, and with other initial timeouts."""
    waits = client.syn_timeouts_s
    settings = {"as it is": waits}
    if len(waits) > 1:
        settings["one SYN fewer"] = waits[:-1]
    settings["one SYN more"] = (*waits, min(2 * waits[-1], LONGEST_WAIT_S))
    for initial in (0.2, 0.5, 1.0, 3.0):
        if initial != waits[0]:
            scaled = tuple(min(wait * initial / waits[0], LONGEST_WAIT_S) for wait in waits)
            settings[f"initial RTO {parameter(initial, 's')}"] = scaled
    return {name: replace(client, syn_timeouts_s=waits) for name, waits in settings.items()}


def _path(rtt_s: float, loss: float, loss_back: float | None) -> str:
    there = f"loss {parameter(loss, '%')}"
    if loss_back is None:
        return f"RTT {parameter(rtt_s, 's')}, {there} each way"
    return f"RTT {parameter(rtt_s, 's')}, {there} there and {parameter(loss_back, '%')} back"


def _outcome(latency: Latency) -> list[str]:
    if latency.established == 0.0:
        return [f"never established; gives up after {duration(latency.gives_up_s)}"]
    return [
        f"mean {duration(latency.mean_s)}; never established: "
        f"{probability(max(0.0, 1.0 - latency.established))}; "
        f"gives up after {duration(latency.gives_up_s)}"
    ]
