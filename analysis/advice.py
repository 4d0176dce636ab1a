"""What theory says about connect() over a path: its quantiles, and what to set.

The functions take schedules as data (`analysis.schedules`), so that those of any operating system,
or none, can be asked about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import pandas as pd

from analysis.quantities import duration, parameter, percent
from analysis.schedules import Schedules
from analysis.text import align
from analysis.theory import Latency, connect_latency

SHARES: Final = (0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 0.999999)

MISSED: Final = 1e-4
"""Share of the connects that would still succeed which an application's timeout may give up on."""

UNNOTICED: Final = 1e-9
"""A setting that changes a share by no more than this changes nothing."""


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
    settings: Mapping[str, Schedules],
    *,
    rtt_s: float,
    loss: float,
    loss_back: float | None = None,
    budget_s: float,
) -> str:
    """Return what to expect of connect() within a budget, and what other settings would change.

    `settings` are other schedules of the client by what one would set for them.
    """
    table = alternatives(
        {"as it is": client} | dict(settings),
        server,
        rtt_s=rtt_s,
        loss=loss,
        loss_back=loss_back,
        budget_s=budget_s,
    )
    now, budget = table.iloc[0], duration(budget_s)
    head = ["setting", f"within {budget}", "p99", "p99.9", "never", "gives up after"]
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
            f"{percent(now['within'])} of connects are established within {budget}"
            + ("; the others fail by then." if now["gives_up_s"] <= budget_s else "."),
            _timeout_line(float(now["timeout_s"])),
            "",
            *align([head, *rows]),
            "",
            _best(table, budget),
            *_early(client, settings, rtt_s),
        ]
    )


def _timeout_line(seconds: float) -> str:
    if math.isnan(seconds):
        return "No timeout helps: no connect is ever established."
    return (
        f"A timeout of {duration(_rounded_up(seconds))} gives up on at most 1 in {1 / MISSED:,.0f}"
        " connects that would still succeed."
    )


def _best(table: pd.DataFrame, budget: str) -> str:
    """Say which setting gets most connects within the budget."""
    within = table["within"]
    if within.max() <= within.iloc[0] + UNNOTICED:
        return f"None of these settings gets more connects within {budget}."
    return f"{within.idxmax()} gets most within {budget}: {percent(within.max())}."


def _early(client: Schedules, settings: Mapping[str, Schedules], rtt_s: float) -> list[str]:
    """Warn of settings that newly repeat a SYN before an answer to it can be there."""
    names = [
        name
        for name, other in settings.items()
        if other.syn_timeouts_s[0] <= min(rtt_s, client.syn_timeouts_s[0] - UNNOTICED)
    ]
    if not names:
        return []
    return [f"Every SYN is repeated before an answer can be there with {', '.join(names)}."]


def _rounded_up(seconds: float) -> float:
    """Return a duration with three significant digits, none of which makes it shorter.

    >>> _rounded_up(2.1312), _rounded_up(0.08), _rounded_up(12.01)
    (2.14, 0.08, 12.1)
    """
    if seconds <= 0:
        return 0.0
    digits = 2 - math.floor(math.log10(seconds))
    return round(math.ceil(round(seconds * 10.0**digits, 6)) / 10.0**digits, max(0, digits))


def timeout(latency: Latency, missed: float = MISSED) -> float:
    """Return the time by which all but a share `missed` of the successful have succeeded, s.

    NaN if none ever succeeds.
    """
    if latency.established == 0.0:
        return math.nan
    return latency.quantile(latency.established * (1 - missed))


def alternatives(
    settings: Mapping[str, Schedules],
    server: Schedules,
    *,
    rtt_s: float,
    loss: float,
    loss_back: float | None = None,
    budget_s: float,
) -> pd.DataFrame:
    """Return one row per setting of the client.

    Columns: `within` (share established within the budget), `timeout_s` (see `timeout`), `p99_s`,
    `p99.9_s`, `never` (share never established), `gives_up_s`.
    """
    rows = {}
    for setting, client in settings.items():
        latency = connect_latency(client, server, rtt_s=rtt_s, loss=loss, loss_back=loss_back)
        rows[setting] = {
            "within": float(latency.cdf(budget_s)),
            "timeout_s": timeout(latency),
            "p99_s": latency.quantile(0.99),
            "p99.9_s": latency.quantile(0.999),
            "never": max(0.0, 1.0 - latency.established),
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
