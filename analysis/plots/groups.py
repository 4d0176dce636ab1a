"""Which connections make one curve, and what the curve is called."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.columns import CONNECTIONS
from analysis.frames import Frames
from analysis.quantities import parameter

MOST_CURVES = 12
"""More curves than these are no longer told apart; all connections are then drawn as one."""

COLUMNS = ("client_os", "server_os", "client", "server", "path_delay_s")


def columns(frames: Frames) -> tuple[str, ...]:
    """Return the columns of `connections` that `split` needs."""
    return COLUMNS if not frames.is_sweep else (*COLUMNS, *axis_columns(frames))


def axis_columns(frames: Frames) -> list[str]:
    """Return the columns of a sweep's connections that hold its axes.

    A parameter that has the name of a column there has its own beside it.
    """
    known = {column.name for column in CONNECTIONS}
    return [f"{axis}_parameter" if axis in known else axis for axis in frames.axes]


def of(frames: Frames, connections: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield (name, connections): of a run as `split`, of a sweep by its points."""
    by = axis_columns(frames)
    if not by or not 1 < len(connections[by].drop_duplicates()) <= MOST_CURVES:
        yield from split(connections)
        return
    units = frames.recipe.get("units", {})
    for values, group in connections.groupby(by, observed=True, sort=True):
        named = zip(frames.axes, values, strict=True)
        yield (
            ", ".join(f"{axis} {parameter(value, units.get(axis, ''))}" for axis, value in named),
            group,
        )


def split(connections: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield (name, connections) by operating systems if these differ, else by client or server.

    Hosts come in the order of their distance.  One group with an empty name if nothing tells the
    connections apart, or too much does.
    """
    by_system = [name for name in ("client_os", "server_os") if connections[name].nunique() > 1]
    for by in (by_system, ["client"], ["server"]):
        if by and 1 < len(connections[by].drop_duplicates()) <= MOST_CURVES:
            groups = connections.groupby(by, observed=True, sort=True)
            for key in groups["path_delay_s"].median().sort_values(kind="stable").index:
                values = key if isinstance(key, tuple) else (key,)
                yield " → ".join(map(str, values)), groups.get_group(values)
            return
    yield "", connections
