"""The Python of scripts, %{ assert tcpi_state == TCP_ESTABLISHED }%, evaluated within bounds.

packetdrill joins all pieces of code into one program and runs it when the script is over, each
piece with the values of its own moment.  Here each runs at its moment, in one namespace.  A piece
may assert, assign, compute, compare and print; imports, attributes, loops and definitions are
refused, so that a script can do nothing but look.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

FUNCTIONS = {"abs": abs, "bool": bool, "float": float, "int": int, "len": len, "max": max}
FUNCTIONS |= {"min": min, "round": round, "str": str, "sum": sum}

_ALLOWED = (
    *(ast.Module, ast.Assert, ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.Pass),
    *(ast.expr_context, ast.Name, ast.Constant, ast.Tuple, ast.List),
    *(ast.BoolOp, ast.boolop, ast.BinOp, ast.operator, ast.UnaryOp, ast.unaryop),
    *(ast.Compare, ast.cmpop, ast.IfExp, ast.Call, ast.JoinedStr, ast.FormattedValue),
)


class CodeError(Exception):
    """Code that is not understood, or an assertion that does not hold; one line."""


class Namespace:
    """Where the code of one script runs; what it prints goes to `output`."""

    def __init__(self) -> None:
        self.output: list[str] = []
        self._names: dict[str, Any] = {"__builtins__": {**FUNCTIONS, "print": self._print}}
        self._names["__builtins__"]["AssertionError"] = AssertionError

    def run(self, text: str, values: Mapping[str, int]) -> None:
        """Run a piece of code over the values of names such as tcpi_state.

        Raises `CodeError` if it cannot be understood, or fails.
        """
        try:
            tree = ast.parse(text.strip())
        except (SyntaxError, ValueError, RecursionError) as error:
            raise CodeError(f"not Python: {getattr(error, 'msg', error)}") from None
        for node in ast.walk(tree):
            self._check(node)
        self._names.update(values)
        try:
            exec(compile(tree, "<script>", "exec"), self._names)
        except AssertionError as error:
            found = ", ".join(
                f"{name} = {values[name]}" for name in sorted(_names_in(tree, values))
            )
            said = f" ({error})" if error.args else ""
            raise CodeError(f"assertion failed{said}: {' '.join(text.split())}; {found}") from None
        except Exception as error:
            raise CodeError(f"{type(error).__name__}: {error}") from None

    def _check(self, node: ast.AST) -> None:
        if not isinstance(node, _ALLOWED):
            raise CodeError(f"{type(node).__name__} is not allowed in a script's code")
        if isinstance(node, ast.Call) and not (
            isinstance(node.func, ast.Name) and node.func.id in {*FUNCTIONS, "print"}
        ):
            raise CodeError(f"a call of {ast.unparse(node.func)} is not allowed")
        if isinstance(node, ast.Pow):
            raise CodeError("powers are not allowed")

    def _print(self, *values: object) -> None:
        self.output.append(" ".join(map(str, values)))


def _names_in(tree: ast.AST, values: Mapping[str, int]) -> set[str]:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {name for name in names if name in values and name.islower()}
