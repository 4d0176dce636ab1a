"""A run's recipe (run.json) in words."""

from __future__ import annotations

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
