"""Which connections make one curve, and what the curve is called."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

MOST_CURVES = 12
"""More curves than these are no longer told apart; all connections are then drawn as one."""

COLUMNS = ("client_os", "server_os", "client", "path_delay_s")


def split(connections: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield (name, connections) by operating systems if these differ, else by client host.

    Clients come in the order of their distance.  One group with an empty name if nothing tells the
    connections apart, or too much does.
    """
    by_system = [name for name in ("client_os", "server_os") if connections[name].nunique() > 1]
    for by in (by_system, ["client"]):
        if by and 1 < len(connections[by].drop_duplicates()) <= MOST_CURVES:
            groups = connections.groupby(by, observed=True, sort=True)
            for key in groups["path_delay_s"].median().sort_values(kind="stable").index:
                values = key if isinstance(key, tuple) else (key,)
                yield " → ".join(map(str, values)), groups.get_group(values)
            return
    yield "", connections
