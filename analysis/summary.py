"""What a run amounts to: outcomes, quantiles of the latency, retransmissions.

Quantiles are observed latencies (the inverse of the empirical distribution), never a mixture of
two: latencies of connect() come in clusters a second apart, between which nothing ever happens.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import causes, quantities, recipe
from analysis.columns import PARTS
from analysis.frames import Frames
from analysis.text import align

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}

RETRANSMISSIONS = ("syn_sent", "syn_retransmits", "synack_sent", "synack_retransmits")

_COLUMNS = ("outcome", "errno", "latency_s", *RETRANSMISSIONS, *PARTS)


def summarise(connections: pd.DataFrame) -> pd.DataFrame:
    """Return one row per outcome, the most frequent first, and a last row `all`.

    Columns: `count`, `share` (of all attempts), `mean_s`, `p50_s`, `p90_s`, `p99_s`, `p99.9_s`,
    `max_s` (of the latency; NaN where there is none), and the sums of `syn_sent`,
    `syn_retransmits`, `synack_sent`, `synack_retransmits`.
    """
    used = connections[["outcome", "latency_s", *RETRANSMISSIONS]]
    outcomes = used["outcome"].value_counts()
    rows = {
        str(outcome): used[used["outcome"] == outcome] for outcome in outcomes.index[outcomes > 0]
    }
    rows["all"] = used
    table = pd.DataFrame.from_dict(
        {name: _row(rows_of, len(connections)) for name, rows_of in rows.items()}, orient="index"
    ).rename_axis("outcome")
    return table.astype(dict.fromkeys(("count", *RETRANSMISSIONS), "int64"))


def quantiles(latencies: NDArray[np.float64], shares: list[float]) -> NDArray[np.float64]:
    """Return the smallest latency that at least each share of `latencies` does not exceed.

    NaN for every share if there are no latencies.
    """
    if not len(latencies):
        return np.full(len(shares), np.nan)
    return np.quantile(latencies, shares, method="inverted_cdf")


def retransmissions(connections: pd.DataFrame) -> list[tuple[str, int, int]]:
    """Return (packet, sent, retransmitted) of the SYNs and the SYN-ACKs."""
    return [
        (
            packet,
            int(connections[f"{name}_sent"].sum()),
            int(connections[f"{name}_retransmits"].sum()),
        )
        for packet, name in (("SYN", "syn"), ("SYN-ACK", "synack"))
    ]


def text(frames: Frames) -> str:
    """Return the summary of a run, ready to print."""
    connections = frames.select(_COLUMNS)
    table = summarise(connections.drop(columns=list(PARTS)))
    lines = [recipe.one_line(frames.recipe)]
    question = frames.recipe.get("question")
    if question:
        lines.append(question)
    paragraphs = [["no connections"]]
    if not connections.empty:
        paragraphs = [
            _latency_lines(table, _errnos(connections)),
            _retransmission_lines(connections),
            causes.lines(connections),
        ]
    paragraphs.append(recipe.answer(frames.recipe))
    for paragraph in filter(None, paragraphs):
        lines += ["", *paragraph]
    return "\n".join(lines)


def _row(connections: pd.DataFrame, total: int) -> dict[str, float]:
    latencies = connections["latency_s"].dropna().to_numpy()
    found = quantiles(latencies, list(QUANTILES.values()))
    nothing = float("nan")
    return {
        "count": len(connections),
        "share": len(connections) / total if total else nothing,
        "mean_s": float(latencies.mean()) if len(latencies) else nothing,
        **{f"{name}_s": float(value) for name, value in zip(QUANTILES, found, strict=True)},
        "max_s": float(latencies.max()) if len(latencies) else nothing,
        **{name: int(connections[name].sum()) for name in RETRANSMISSIONS},
    }


def _errnos(connections: pd.DataFrame) -> dict[str, str]:
    """Return the names of the errors that each outcome raised."""
    pairs = connections[["outcome", "errno"]].dropna().drop_duplicates().astype(str)
    return {
        str(outcome): ", ".join(sorted(names)) for outcome, names in pairs.groupby("outcome").errno
    }


def _latency_lines(table: pd.DataFrame, errnos: dict[str, str]) -> list[str]:
    """Return the table of outcomes and latencies; without `all` if there is but one outcome."""
    shown = table if len(table) > 2 else table.iloc[:-1]
    head = ["connect()", "count", "share", "mean", *QUANTILES, "max"]
    rows = [
        [
            f"{name} ({errnos[str(name)]})" if name in errnos else str(name),
            quantities.count(row["count"]),
            quantities.percent(row["share"]),
            *(quantities.duration(row[f"{column}_s"]) for column in head[3:]),
        ]
        for name, row in shown.iterrows()
    ]
    return align([head, *rows])


def _retransmission_lines(connections: pd.DataFrame) -> list[str]:
    rows = [
        [
            label,
            quantities.count(sent),
            quantities.count(repeated),
            f"{repeated / len(connections):.4f}",
        ]
        for label, sent, repeated in retransmissions(connections)
    ]
    return align([["packets", "sent", "retransmissions", "per connect()"], *rows])
