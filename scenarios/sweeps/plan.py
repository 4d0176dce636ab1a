"""What a sweep runs: its points, and for each its repetitions with their seeds and keys.

Points are the product of the axes, or a sample of it, without those that a condition leaves out.
By default the n-th repetition has the same seed at every point, so that points share their random
numbers and differ by their parameters alone (common random numbers).
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from typing import Any, Final

from scenarios.catalogue import Scenario
from scenarios.errors import UserError
from scenarios.parameters import base_values, declared, parse
from scenarios.sweeps.axes import MOST_VALUES, Axis, group, parse_axis
from scenarios.sweeps.where import parse_condition
from scenarios.sweeps.worker import Task

SEEDS: Final = ("repetition", "run")
SAMPLINGS: Final = ("latin", "random")


@dataclass(frozen=True, slots=True)
class Spec:
    """What the user asks for, as text; also the contents of a sweep file."""

    vary: Sequence[str]
    settings: Mapping[str, str]
    zip: Sequence[str] = ()
    where: str | None = None
    repeat: int = 1
    sample: int | None = None
    sampling: str = "latin"
    seed: int = 1
    seeds: str = "repetition"
    """Whether seeds go by repetition, the same at every point, or by run."""


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of parameters."""

    number: int
    parameters: Any
    """An instance of the scenario's `Parameters`."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One repetition at one point."""

    key: str
    point: Point
    repetition: int
    seed: int


class Plan:
    """The runs of a sweep.

    Raises UserError for an axis, a condition or a sample that makes no sense, or leaves nothing.
    """

    def __init__(self, scenario: Scenario, spec: Spec) -> None:
        self.scenario = scenario
        self.spec = spec
        self.known = declared(scenario.parameters)
        self.axes = [parse_axis(text, self.known) for text in spec.vary]
        for axis in self.axes:
            if axis.name in spec.settings:
                raise UserError(f"--set {axis.name}: it is varied, and has no one value")
        self.source = scenario.file.read_bytes()
        self.version = metadata.version("connectsim")
        self.base = parse(scenario.parameters, spec.settings)
        """The parameters of which the axes change some."""
        self.points = self._points()

    @cached_property
    def _origin(self) -> str:
        source = hashlib.sha256(self.source).hexdigest()
        return f"{self.version} {source}"

    def runs(self, repetitions: int | None = None) -> Iterator[PlannedRun]:
        """Yield the runs: all points' first repetition, then all points' second, ..."""
        for repetition in range(repetitions or self.spec.repeat):
            for point in self.points:
                yield self.run(point, repetition)

    def run(self, point: Point, repetition: int) -> PlannedRun:
        """Return one repetition at a point; its key says all that its result depends on."""
        values = base_values(point.parameters)
        seed = self.spec.seed + repetition
        if self.spec.seeds == "run":
            seed = int(_digest([self.spec.seed, repetition, values], 7), 16)
        return PlannedRun(_digest([self._origin, values, seed], 12), point, repetition, seed)

    def task(self, run: PlannedRun, timeout: float | None = None) -> Task:
        """Return what a worker needs to execute a run."""
        values = {name: getattr(run.point.parameters, name) for name in self.known}
        return Task(
            run.key,
            self.scenario.name,
            self.source,
            self.version,
            values,
            run.seed,
            self.columns(run),
            timeout,
        )

    def columns(self, run: PlannedRun) -> dict[str, int | float | str | None]:
        """Return what tells the runs of a sweep apart: parameters in base units, seed, ..."""
        numbers = {"repetition": run.repetition, "seed": run.seed}
        return base_values(run.point.parameters) | numbers | {"run": run.key}

    def _points(self) -> list[Point]:
        groups = group(self.axes, self.spec.zip)
        where = self.spec.where
        condition = None if where is None else parse_condition(where, self.known)
        points: dict[Any, Point] = {}
        for values in self._combinations(groups):
            changed = {name: getattr(self.base, name) for name in self.known} | values
            try:
                parameters = self.scenario.parameters(**changed)
            except ValueError as error:
                raise UserError(f"the point {self.describe(values)}: {error}") from None
            if condition is None or condition(parameters):
                points.setdefault(parameters, Point(len(points), parameters))
        if not points:
            raise UserError(f"--where {self.spec.where!r}: no point is left")
        return list(points.values())

    def describe(self, values: Mapping[str, Any]) -> str:
        """Return values as text, as they are given."""
        return ", ".join(f"{n}={self.known[n].kind.format(v)}" for n, v in values.items())

    def _combinations(self, groups: Sequence[Sequence[Axis]]) -> Iterator[dict[str, Any]]:
        if self.spec.sample is not None:
            for shares in _shares(self.spec, self.spec.sample, len(groups)):
                yield {
                    axis.name: axis.at(share)
                    for axes, share in zip(groups, shares, strict=True)
                    for axis in axes
                }
            return
        for axis in self.axes:
            if axis.span:
                raise UserError(
                    f"--vary {axis.name}: a..b has no values of its own: give a number of them"
                    " (a..b log 7), a step (a:b:step), or --sample N"
                )
        steps = [range(len(axes[0].values)) for axes in groups]
        number = 1
        for step in steps:
            number *= len(step)
        if number > MOST_VALUES:
            raise UserError(f"the axes make {number} points: at most {MOST_VALUES}")
        for indices in itertools.product(*steps):
            yield {
                axis.name: axis.values[index]
                for axes, index in zip(groups, indices, strict=True)
                for axis in axes
            }


def _shares(spec: Spec, number: int, dimensions: int) -> Any:
    """Return where on each axis the sampled points lie: shape (number, dimensions), 0..1."""
    import numpy as np  # noqa: PLC0415
    from scipy.stats import qmc  # noqa: PLC0415 (scipy takes long to import)

    if not dimensions:
        raise UserError("--sample: nothing is varied")
    rng = np.random.default_rng(spec.seed)
    if spec.sampling == "latin":
        return qmc.LatinHypercube(dimensions, rng=rng).random(number)
    return rng.random((number, dimensions))


def _digest(value: Any, size: int) -> str:
    """Return a digest of plain data, `size` bytes in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
