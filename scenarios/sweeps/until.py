"""More repetitions of a point until a statistic is known well enough: "p99 of latency within 5%".

The statistic is taken of each repetition; what must be narrow is the 95 % confidence interval of
its mean over repetitions (Student's t).  How many repetitions a point gets follows from its results
alone, never from the order in which runs end, so that every sweep of one plan is the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from scenarios.errors import UserError, nearest

CONFIDENCE: Final = 0.95
FEWEST: Final = 3
"""The fewest repetitions that an interval is made of."""

COLUMNS: Final = {
    "latency": "latency_s",
    "SYN retransmissions": "syn_retransmits",
    "SYN-ACK retransmissions": "synack_retransmits",
}
_FORM: Final = re.compile(r"(mean|max|p[0-9.]+) of (.+?) within ([0-9.]+)\s*%")


@dataclass(frozen=True, slots=True)
class Until:
    """When a point has been repeated often enough."""

    statistic: str
    """mean, max, or p and a percentage."""
    column: str
    tolerance: float
    """Half of the interval's width, as a fraction of the mean."""

    def value(self, table: Path) -> float:
        """Return the statistic of one run's connections; NaN if there is nothing to take it of."""
        import numpy as np  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415 (it takes long to import)

        values = pq.read_table(table, columns=[self.column])[self.column].drop_null().to_numpy()
        if not len(values):
            return math.nan
        if self.statistic == "mean":
            return float(values.mean())
        share = 1.0 if self.statistic == "max" else float(self.statistic[1:]) / 100
        return float(np.quantile(values, share, method="inverted_cdf"))

    def wanted(self, values: Sequence[float]) -> int:
        """Return how many repetitions there should be, given those so far.

        Half as many again as there are, at most, so that intervals are not looked at too often.
        """
        count = len(values)
        if count < FEWEST:
            return FEWEST
        known = [value for value in values if not math.isnan(value)]
        return count if known and self._narrow(known) else count + (count + 1) // 2

    def _narrow(self, values: Sequence[float]) -> bool:
        from scipy import stats  # noqa: PLC0415 (scipy takes long to import)

        mean = sum(values) / len(values)
        if max(values) == min(values):
            return True
        spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
        t = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1))
        return t * spread / math.sqrt(len(values)) <= self.tolerance * abs(mean)


def parse_until(text: str) -> Until:
    """Return what "p99 of latency within 5%" says; raises UserError."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise UserError(f'--until {text!r}: expected a form such as "p99 of latency within 5%"')
    statistic, quantity, tolerance = match.groups()
    if quantity not in COLUMNS:
        raise UserError(f"--until {text!r}: unknown {quantity!r}; {nearest(quantity, COLUMNS)}")
    try:
        percent = float(tolerance)
        share = float(statistic[1:]) if statistic[0] == "p" else 50.0
    except ValueError:
        raise UserError(f"--until {text!r}: not a number in it") from None
    if not (percent > 0 and 0 < share < 100):
        raise UserError(f"--until {text!r}: percentages lie between 0 and 100")
    return Until(statistic, COLUMNS[quantity], percent / 100)
