"""One comparison of the kernel with the simulation, and an experiment's set of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from analysis.quantities import percent

RELAY_S: Final = 0.001
"""What the relay of the measurements adds to a mean at most, s."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One quantity; `unit` is "s", "%" or, of a count, empty."""

    what: str
    kernel: float
    simulation: float
    tolerance: float
    theory: float | None = None
    unit: str = "s"

    @property
    def holds(self) -> bool:
        """Whether kernel and simulation agree within the tolerance."""
        return abs(self.simulation - self.kernel) <= self.tolerance

    def cells(self) -> list[str]:
        """Return the row of the experiment's table."""
        theory = "" if self.theory is None else self._written(self.theory)
        values = map(self._written, (self.kernel, self.simulation))
        difference = self._written(self.simulation - self.kernel)
        verdict = "yes" if self.holds else "**NO**"
        return [self.what, *values, theory, difference, self._written(self.tolerance), verdict]

    def _written(self, value: float) -> str:
        if self.unit == "s":
            return f"{value:.3f} s" if abs(value) >= 1 else f"{1000 * value:.2f} ms"
        return percent(value) if self.unit == "%" else f"{value:g}"


@dataclass(frozen=True, slots=True)
class Equality:
    """Something that must be the same, to the letter."""

    what: str
    kernel: str
    simulation: str

    @property
    def holds(self) -> bool:
        """Whether it is the same."""
        return self.kernel == self.simulation

    def cells(self) -> list[str]:
        """Return the row of the experiment's table."""
        verdict = "yes" if self.holds else "**NO**"
        same = "none" if self.holds else "differs"
        return [self.what, self.kernel, self.simulation, "", same, "equal", verdict]


@dataclass(frozen=True, slots=True)
class Experiment:
    """What was measured, how it compares, and a plot of it."""

    name: str
    title: str
    setup: str
    rows: list[Comparison | Equality]
    tolerance: str
    """What the tolerances are made of."""
    figure: Figure | None = None
    notes: list[str] = field(default_factory=list)


def of_means(
    what: str,
    kernel: tuple[float, float, int],
    ours: ArrayLike,
    theory: float | None = None,
    more: float = 0.0,
) -> Comparison:
    """Compare means within four standard errors of both, the relay's millisecond, and `more`.

    `kernel` is (mean, standard deviation, number) in s, `ours` the simulation's values in s.
    """
    mean, deviation, number = kernel
    times = np.asarray(ours, dtype=float)
    error = np.hypot(deviation / np.sqrt(number), times.std() / np.sqrt(times.size))
    return Comparison(what, mean, float(times.mean()), 4 * float(error) + RELAY_S + more, theory)


def of_range(low: float, high: float) -> float:
    """Return the standard deviation of what is spread evenly from `low` to `high`."""
    return (high - low) / float(np.sqrt(12))
