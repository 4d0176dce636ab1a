"""Distributions of delay as netem has them: tables of 4096 quantiles, in units of the jitter.

`uniform`, `normal`, `pareto` and `paretonormal` are computed as iproute2 computes its tables:
within 4 jitters of the latency, pareto with exponent 3 shifted by its mean and scaled by 4/3,
paretonormal a quarter of the one quantile and three quarters of the other.  Clipping takes some
of the tail of the latter two, whose means are 0.033 and 0.025 jitters below the latency.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

SIZE: Final = 4096
SCALE: Final = 8192
"""A jitter in the integers of a table file (NETEM_DIST_SCALE)."""
MOST: Final = 16384
"""Numbers that a table may have (NETEM_DIST_MAX)."""
CLIP: Final = 32767 / SCALE


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution as a table of equally likely values, in units of the jitter."""

    name: str
    table: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Mean in units of the jitter."""
        return statistics.fmean(self.table)

    def __repr__(self) -> str:
        return f"<Distribution {self.name}>"


def measured(samples: Sequence[float]) -> tuple[float, float, Distribution]:
    """Return mean, standard deviation and distribution of measured delays or round-trip times.

    With latency and jitter set to the mean and deviation (or to half of them, for one way of a
    round trip) delays are drawn from the samples.  ValueError for fewer than two samples or
    samples that are all equal.
    """
    mean, deviation = statistics.fmean(samples), statistics.pstdev(samples)
    if not deviation:
        raise ValueError("a distribution needs at least two samples that differ")
    table = tuple((sample - mean) / deviation for sample in sorted(samples))
    return mean, deviation, Distribution("measured", table)


def read_distribution(path: str | Path) -> Distribution:
    """Return the distribution in a table file of iproute2: integers of 1/8192 jitter.

    Lines that begin with # are comments.  Raises OSError, or ValueError with one line naming
    the file and the word.
    """
    lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    words = [word for line in lines if not line.startswith("#") for word in line.split()]
    table = [_entry(path, word) for word in words[: MOST + 1]]
    if not 0 < len(table) <= MOST:
        raise ValueError(f"{path}: a table has 1 to {MOST} numbers, not {len(words)}")
    return Distribution(str(path), tuple(table))


def _entry(path: str | Path, word: str) -> float:
    try:
        value = int(word)
    except ValueError:
        raise ValueError(f"{path}: {word!r} is not an integer") from None
    if not -SCALE * 4 <= value < SCALE * 4:
        raise ValueError(f"{path}: {word!r} is not within 16 bits")
    return value / SCALE


def _normal(share: float) -> float:
    return statistics.NormalDist().inv_cdf(share)


def _pareto(share: float) -> float:
    return min(CLIP, (math.pow(1 - share, -1 / 3) - 1.5) * 4 / 3)


_QUANTILES: Final[dict[str, Callable[[float], float]]] = {
    "uniform": lambda share: 2 * share - 1,
    "normal": _normal,
    "pareto": _pareto,
    "paretonormal": lambda share: _normal(share) / 4 + _pareto(share) * 3 / 4,
}
NAMES: Final = tuple(_QUANTILES)


@cache
def named(name: str) -> Distribution:
    """Return the distribution of one of `NAMES`; KeyError for another name."""
    quantile = _QUANTILES[name]
    return Distribution(name, tuple(quantile((i + 0.5) / SIZE) for i in range(SIZE)))
