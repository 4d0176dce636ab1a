"""Graphs made by networkx's generators, asked for by name: "random_internet_as_graph(n=5000)"."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Any, Final

from sim.net.graph_files import TopologyError

if TYPE_CHECKING:
    import networkx as nx

LARGEST: Final = 1_000_000
"""Whole numbers beyond this are refused, lest a slip of the hand fill the memory."""


def generate(call: str, seed: int = 0) -> nx.Graph[Any]:
    """Return the graph of a call of a networkx generator with literal arguments.

    A generator that takes a seed gets `seed` unless the call gives one.  Raises TopologyError,
    one line naming the call and what is wrong with it.
    """
    import networkx as nx  # noqa: PLC0415

    try:
        name, positional, named = _parse(call)
        generator: Any = getattr(nx, name, None)
        if not getattr(generator, "__module__", "").startswith("networkx.generators"):
            raise ValueError(f"networkx has no generator {name!r}")
        signature = inspect.signature(generator)
        bound = signature.bind(*positional, **named)
        if "seed" in signature.parameters:
            bound.arguments.setdefault("seed", seed)
        graph = generator(*bound.args, **bound.kwargs)
        if not isinstance(graph, nx.Graph):
            raise ValueError("makes no graph")
    except Exception as error:  # generators of every kind, given arguments of every kind
        raise TopologyError(f"nx:{call}: {' '.join(str(error).split())}") from None
    return graph


def _parse(call: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Return name, positional and named arguments of a call; ValueError if it is none."""
    try:
        tree = ast.parse(call.strip(), mode="eval").body
        if isinstance(tree, ast.Name):
            return tree.id, [], {}
        if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
            raise ValueError
        positional = [ast.literal_eval(argument) for argument in tree.args]
        named = {str(word.arg): ast.literal_eval(word.value) for word in tree.keywords}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise ValueError('not a call with plain values, such as "path_graph(5)"') from None
    for value in (*positional, *named.values()):
        if isinstance(value, int | float) and abs(value) > LARGEST:
            raise ValueError(f"{value} is more than {LARGEST}")
    return tree.func.id, positional, named
