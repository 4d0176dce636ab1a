"""A run's recipe (run.json) in words."""

from __future__ import annotations

import shlex
from typing import Any

from analysis.quantities import parameter


def parameters(recipe: dict[str, Any]) -> dict[str, str]:
    """Return the parameters' values as text, with units where the recipe knows them."""
    units = recipe.get("units", {})
    return {
        name: parameter(value, units.get(name, ""))
        for name, value in recipe.get("parameters", {}).items()
    }


def answer(recipe: dict[str, Any]) -> list[str]:
    """Return the lines of what the scenario itself answers, none if it leaves that to the summary.

    Aligned by spaces: to be shown in a font of one width.
    """
    return str(recipe.get("answer", "")).strip("\n").splitlines()


def one_line(recipe: dict[str, Any]) -> str:
    """Return scenario, parameters, seed, completeness and version in one line.

    >>> one_line({"scenario": "two_hosts", "parameters": {"loss": 0.01}, "units": {"loss": "%"},
    ...           "seed": 7, "versions": {"connectsim": "0.1.0"}})
    'two_hosts: loss 1 %; seed 7; connectsim 0.1.0'
    """
    axes = recipe.get("axes", [])
    given = ", ".join(
        f"{name} {value}" for name, value in parameters(recipe).items() if name not in axes
    )
    parts = [f"{recipe.get('scenario', 'unnamed')}{': ' if given else ''}{given}"]
    if axes:
        parts.append(f"varied: {', '.join(axes)}")
    seed = recipe.get("seed", recipe.get("spec", {}).get("seed"))
    if seed is not None:
        parts.append(f"seed {seed}")
    if "complete" in recipe:
        parts.append(complete(recipe))
    version = recipe.get("versions", {}).get("connectsim")
    if version:
        parts.append(f"connectsim {version}")
    return "; ".join(parts)


def complete(recipe: dict[str, Any]) -> str:
    """Return how much of a sweep is there.

    >>> complete({"complete": [99, 106]})
    'complete: 99 of 106'
    """
    return "complete: {} of {}".format(*recipe["complete"])


def command(made: dict[str, Any]) -> str:
    """Return the command that repeats a run or a sweep.

    >>> command({"scenario": "two_hosts", "parameters": {"loss": 0.01}, "seed": 7})
    'connectsim run two_hosts --set loss=0.01 --seed 7'
    """
    if "axes" in made:
        return _sweep_command(made)
    words = ["connectsim", "run", str(made.get("scenario", ""))]
    for name, value in made.get("parameters", {}).items():
        words += ["--set", f"{name}={'never' if value is None else value}"]
    return shlex.join([*words, "--seed", str(made.get("seed", 0))])


def _sweep_command(made: dict[str, Any]) -> str:
    spec = made.get("spec", {})
    words = ["connectsim", "sweep", str(made.get("scenario", ""))]
    for axis in spec.get("vary", []):
        words += ["--vary", str(axis)]
    for name, value in spec.get("settings", {}).items():
        words += ["--set", f"{name}={value}"]
    for together in spec.get("zip", []):
        words += ["--zip", str(together)]
    for option in ("where", "repeat", "sample", "sampling", "seed", "seeds"):
        if spec.get(option) is not None:
            words += [f"--{option}", str(spec[option])]
    for option in ("until", "ceiling"):
        if made.get(option) is not None:
            words += [f"--{option}", str(made[option])]
    return shlex.join(words)
