"""What the report of a sweep says: its points, theory beside them, the slowest, the failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd

from analysis import connects, html, points, recipe, summary, theory
from analysis.frames import Frames
from analysis.plots import OF_SWEEPS, TITLES, kinds, of_sweep
from analysis.plots.of_sweep import TooManyAxesError
from analysis.quantities import count, duration, parameter, percent

SLOWEST: Final = 10
MOST_POINTS: Final = 24
"""Theory of more points than these is not set beside simulation, only of some."""

_DRAWN: Final = ("p50", "p99", "established")
"""Values that are drawn against the axes."""

_QUANTILES: Final = {name: summary.QUANTILES[name] for name in ("p50", "p99", "p99.9")}

_COLUMNS: Final = tuple(
    dict.fromkeys(
        (*connects.COLUMNS, *("errno", "client_os", "server_os", "path_hops", "path_delay_s"))
    )
)


def sections(loaded: Frames) -> Iterator[str]:
    """Yield the sections of the report."""
    found = list(points.measured(loaded, points.SHOWN))
    yield from html.section("Answer", _answer(loaded, found))
    yield from html.section("Pictures", _pictures(loaded))
    yield from html.section("Points", _points(loaded, found))
    evidence = _Evidence(loaded)
    yield from html.section("Theory and simulation", evidence.theory())
    yield from html.section(f"The {SLOWEST} slowest connects", evidence.slowest())
    yield from html.section("Connects that failed", evidence.failed())
    yield from html.section("Runs that are missing or failed", _missing_runs(loaded))


def _answer(loaded: Frames, found: list[points.Measured]) -> Iterator[str]:
    """Say how complete the sweep is, and between which points its values lie."""
    causes = loaded.runs["status"].value_counts()
    ended = [f"{count(causes[status])} {status}" for status in causes.index if status != "done"]
    yield html.paragraph(
        f"Runs {recipe.complete(loaded.recipe)}{'; ' * bool(ended)}{', '.join(ended)}."
    )
    if loaded.axes:
        for place in (0, points.SHOWN.index("p99")):
            yield from _range(loaded, found, place)


def _range(loaded: Frames, found: list[points.Measured], place: int) -> Iterator[str]:
    known = [point for point in found if not np.isnan(point.estimates[place].value)]
    if not known:
        return
    value = points.SHOWN[place]
    least, most = (
        choose(known, key=lambda point: point.estimates[place].value) for choose in (min, max)
    )
    ends = [points.written(end.estimates[place], value) for end in (least, most)]
    name = points.title(value)
    if ends[0] == ends[1]:
        yield html.paragraph(f"The {name} is {ends[0]} at every point.")
        return
    places = [_named(loaded, end.key) for end in (least, most)]
    yield html.paragraph(
        f"The {name} is least, {ends[0]}, at {places[0]}, and most, {ends[1]}, at {places[1]}."
    )


def _named(loaded: Frames, key: tuple[Any, ...]) -> str:
    named = zip(loaded.axes, _axes(loaded, key), strict=True)
    return ", ".join(f"{axis} {value}" for axis, value in named)


def _axes(loaded: Frames, key: tuple[Any, ...]) -> list[str]:
    """Return the parameters of a point as text."""
    units = loaded.recipe.get("units", {})
    return [
        parameter(value, units.get(axis, "")) for axis, value in zip(loaded.axes, key, strict=True)
    ]


def _points(loaded: Frames, found: list[points.Measured]) -> Iterator[str]:
    if loaded.axes:
        yield html.paragraph(points.INTERVALS)
        head, *rows = points.rows(loaded, found)
        yield html.table(head, rows)


def _pictures(loaded: Frames) -> Iterator[str]:
    if loaded.axes:
        axes = ", ".join(loaded.axes)
        for value in _DRAWN:
            try:
                figure = of_sweep.lines(loaded, y=value)
            except TooManyAxesError as error:
                yield html.paragraph(f"{error}.")
                break
            yield html.picture(figure, f"{value} by {axes}")
        if len(loaded.axes) == 2:
            yield html.picture(of_sweep.heatmap(loaded), f"{of_sweep.DEFAULT} by {axes} as colours")
    for kind in OF_SWEEPS:
        yield html.picture(kinds(loaded)[kind](loaded), TITLES[kind])


class _Evidence:
    """What one pass over the connects of all points finds."""

    def __init__(self, loaded: Frames) -> None:
        self._loaded = loaded
        self._theory: list[list[str]] = []
        self._failed: list[tuple[float, list[str]]] = []
        self._slowest = pd.DataFrame()
        done = [point for point in points.members(loaded) if point.done]
        self._points = len(done)
        chosen = set(np.linspace(0, len(done) - 1, min(MOST_POINTS, len(done))).round().tolist())
        for number, point in enumerate(done):
            connections = loaded.of_runs(point.done, [*_COLUMNS, "run"])
            if number in chosen:
                self._compare(point, connections)
            self._keep_slowest(connections)
            self._keep_failed(point, connections)

    def _compare(self, point: points.Members, connections: pd.DataFrame) -> None:
        latency = theory.of_run(self._loaded.recipe_of(point.done[0]), connections)
        if latency is None:
            return
        established = connections["outcome"] == "established"
        waited = connections["latency_s"].where(established, float("inf")).to_numpy()
        found = summary.quantiles(waited, list(_QUANTILES.values()))
        cells = [percent(latency.established), percent(established.mean())]
        for share, value in zip(_QUANTILES.values(), found, strict=True):
            cells += [duration(latency.quantile(share)), duration(float(value))]
        self._theory.append([*_axes(self._loaded, point.key), *cells])

    def _keep_slowest(self, connections: pd.DataFrame) -> None:
        slow = connections[connections["outcome"] == "established"].nlargest(SLOWEST, "latency_s")
        text = ["run", "client", "server"]
        both = pd.concat([self._slowest, slow.astype(dict.fromkeys(text, object))])
        self._slowest = both if both.empty else both.nlargest(SLOWEST, "latency_s")

    def _keep_failed(self, point: points.Members, connections: pd.DataFrame) -> None:
        ends = connections.loc[~connections["outcome"].isin(["established", "pending"]), "errno"]
        if not ends.empty:
            named = [
                f"{name} {count(number)}" for name, number in ends.value_counts().items() if number
            ]
            share = len(ends) / len(connections)
            cells = [count(len(ends)), count(len(connections)), percent(share), ", ".join(named)]
            self._failed.append((share, [*_axes(self._loaded, point.key), *cells]))

    def theory(self) -> Iterator[str]:
        """Yield theory beside simulation, a row per point."""
        if not self._theory:
            return
        yield html.paragraph(theory.KNOWS)
        if self._points > MOST_POINTS:
            yield html.paragraph(f"{MOST_POINTS} of {count(self._points)} points.")
        values = ("established", *_QUANTILES)
        head = [name for value in values for name in (f"{value}, theory", "simulated")]
        yield html.table([*self._loaded.axes, *head], self._theory)

    def slowest(self) -> Iterator[str]:
        """Yield the slowest connects of all runs, and how to see what the slowest one did."""
        if self._slowest.empty:
            return
        runs = self._loaded.runs.set_index("run")
        slowest = self._slowest.to_dict("records")
        yield html.table(
            [*self._loaded.axes, *connects.HEAD, "run"],
            (
                [
                    *_axes(self._loaded, tuple(runs.loc[row["run"], self._loaded.axes])),
                    *connects.cells(row),
                    str(row["run"]),
                ]
                for row in slowest
            ),
        )
        yield html.paragraph("A sweep keeps no packets. To see those of the slowest, run it again:")
        run = recipe.command(self._loaded.recipe_of(str(slowest[0]["run"])))
        number = slowest[0]["connection"]
        yield html.code(
            f"{run} --trace --out slowest\nconnectsim ladder slowest --connection {number}"
        )

    def failed(self) -> Iterator[str]:
        """Yield the points at which connects failed, the worst first."""
        if not self._failed:
            yield html.paragraph("None.")
            return
        worst = sorted(self._failed, key=lambda failed: -failed[0])
        if len(worst) > SLOWEST:
            yield html.paragraph(
                f"The worst {SLOWEST} of {count(len(worst))} points with failures."
            )
        yield html.table(
            [*self._loaded.axes, "failed", "connects", "share", "errors"],
            (cells for _, cells in worst[:SLOWEST]),
        )


def _missing_runs(loaded: Frames) -> Iterator[str]:
    runs = loaded.runs.reindex(columns=["run", *loaded.axes, "seed", "status", "cause"])
    missing = runs[runs["status"] != "done"]
    if missing.empty:
        return
    causes = missing["cause"].fillna("not run yet").value_counts()
    yield html.table(["cause", "runs"], ([str(name), count(n)] for name, n in causes.items()))
    if len(missing) > SLOWEST:
        yield html.paragraph(f"The first {SLOWEST} of {count(len(missing))}:")
    yield html.table(
        ["run", *loaded.axes, "seed", "status"],
        (
            [
                str(row["run"]),
                *_axes(loaded, tuple(row[axis] for axis in loaded.axes)),
                str(row["seed"]),
                str(row["status"]),
            ]
            for row in missing.head(SLOWEST).to_dict("records")
        ),
    )
