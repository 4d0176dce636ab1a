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


def one_line(recipe: dict[str, Any]) -> str:
    """Return scenario, parameters, seed and version in one line.

    >>> one_line({"scenario": "two_hosts", "parameters": {"loss": 0.01}, "units": {"loss": "%"},
    ...           "seed": 7, "versions": {"connectsim": "0.1.0"}})
    'two_hosts: loss 1 %; seed 7; connectsim 0.1.0'
    """
    given = ", ".join(f"{name} {value}" for name, value in parameters(recipe).items())
    parts = [f"{recipe.get('scenario', 'unnamed')}{': ' if given else ''}{given}"]
    if "seed" in recipe:
        parts.append(f"seed {recipe['seed']}")
    version = recipe.get("versions", {}).get("connectsim")
    if version:
        parts.append(f"connectsim {version}")
    return "; ".join(parts)
