"""`connectsim sweep`: reads what is asked from the command line or a sweep file, and runs it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from scenarios.catalogue import load
from scenarios.errors import UserError, nearest
from scenarios.sweeps.plan import SAMPLINGS, SEEDS, Plan, Spec
from scenarios.sweeps.sweep import Means, Sweep, Tally
from sim import units

FAILURES_SHOWN: Final = 5

Options = Mapping[str, Any]
"""What was given, by name; None for what was not."""


def execute(scenario: str, options: Options, plan_only: bool) -> Tally | None:
    """Run the sweep of a scenario, or that of a sweep file, and say what came of it.

    Options of the command line go before those of the file.  Raises UserError.
    """
    if scenario.endswith(".toml"):
        file = read_file(Path(scenario))
        settings = file.get("set", {}) | (options["set"] or {})
        given = {name: value for name, value in options.items() if value is not None}
        options = file | given | {"set": settings}
        scenario = options["scenario"]
    loaded = load(scenario)
    known = {name: value for name, value in options.items() if value is not None}
    sweep = Sweep(Plan(loaded, spec(known)), known.get("until"), known.get("ceiling", 100))
    means = Means(
        known.get("executor", "processes"),
        known.get("workers"),
        known.get("timeout"),
        known.get("retry_failed", False),
    )
    path = Path(known.get("out", Path("sweeps") / Path(loaded.name).stem))
    if plan_only:
        print(sweep.describe(path, means))
        return None
    tally = sweep.run(path, means)
    for key, cause in list(tally.failures.items())[:FAILURES_SHOWN]:
        print(f"failed: run {key}: {cause}")
    if len(tally.failures) > FAILURES_SHOWN:
        print(f"... and {len(tally.failures) - FAILURES_SHOWN} more")
    print(f"{tally}; connections and _sweep/runs.parquet are in {path}")
    return tally


def spec(options: Options) -> Spec:
    """Return what the options ask for; raises UserError."""
    for name, allowed in (("seeds", SEEDS), ("sampling", SAMPLINGS)):
        value = options.get(name, allowed[0])
        if value not in allowed:
            raise UserError(f"--{name} {value}: {nearest(value, allowed)}")
    for name, whole in (("sampling", "sample"), ("ceiling", "until")):
        if name in options and whole not in options:
            raise UserError(f"--{name}: it says more about --{whole}, which is not there")
    names = ("zip", "where", "repeat", "sample", "sampling", "seed", "seeds")
    given = {name: options[name] for name in names if name in options}
    return Spec(options.get("vary", ()), options.get("set", {}), **given)


def read_file(file: Path) -> dict[str, Any]:
    """Return the options in a sweep file; raises UserError naming the file and the entry.

    ::

        scenario = "two_hosts"
        repeat = 10
        out = "sweeps/loss"
        [vary]
        loss = "0:20%:2%"
        client_os = ["linux", "windows"]
        [set]
        connections = 1000
    """
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{file}: not TOML: {error}") from None
    options = {}
    for name, value in entries.items():
        if name not in _READERS:
            raise UserError(f"{file}: unknown entry {name!r}; {nearest(name, _READERS)}")
        try:
            options[name] = _READERS[name](value)
        except ValueError as error:
            raise UserError(f"{file}: {name}: {error}") from None
    if "scenario" not in options:
        raise UserError(f"{file}: the entry 'scenario' is missing")
    return options


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is neither a text nor a number")
    return str(value)


def _seconds(text: str) -> float:
    seconds = units.duration(text) / units.S
    if not seconds:
        raise ValueError(f"{text!r} leaves no time")
    return seconds


def seconds(text: str) -> float:
    """Return the seconds that --timeout gives; raises UserError."""
    try:
        return _seconds(text)
    except ValueError as error:
        raise UserError(f"--timeout: {error}") from None


def _texts(value: Any) -> list[str]:
    return [_text(one) for one in (value if isinstance(value, list) else [value])]


def _number(least: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{value!r} is not a whole number of at least {least}")
        return value

    return read


def _table(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("expected a table of parameters")
    return {name: ",".join(_texts(one)) for name, one in value.items()}


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "scenario": _text,
    "vary": lambda value: [f"{name}={values}" for name, values in _table(value).items()],
    "set": _table,
    "zip": _texts,
    "where": _text,
    "repeat": _number(1),
    "sample": _number(1),
    "sampling": _text,
    "seed": _number(0),
    "seeds": _text,
    "until": _text,
    "ceiling": _number(1),
    "executor": _text,
    "workers": _number(1),
    "timeout": lambda value: _seconds(_text(value)),
    "out": _text,
}
