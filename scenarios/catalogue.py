"""Finds scenarios: those packaged here, by name, and a user's own script, by path.

A scenario is a Python file with a docstring whose first line is the question it answers, a frozen
dataclass `Parameters`, a function `build(simulation, parameters)`, and, if there is more to say
than the summary, `report(frames, parameters)`, which returns text; `TRACED = True` if that needs
a trace.  Listing them reads their docstrings without running them.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from scenarios.errors import UserError, nearest

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario, ready to be built."""

    name: str
    """Its name in the catalogue, or the path of the script."""
    question: str
    file: Path
    parameters: type
    build: Callable[[Any, Any], None]
    report: Callable[[Any, Any], str] | None
    traced: bool = False
    """Whether it is always traced, because its report is made of the trace."""


def questions() -> dict[str, str]:
    """Return the question of each packaged scenario by name, in the order of the names."""
    found = {}
    for file in sorted(FOLDER.glob("*.py")):
        source = file.read_text(encoding="utf-8")
        if "\ndef build(" in source:
            found[file.stem] = _question(ast.get_docstring(ast.parse(source)))
    return found


def load(name: str) -> Scenario:
    """Return the packaged scenario of that name, or the one in the script at that path.

    Raises UserError if there is none, the script cannot be loaded, or it is not a scenario.
    """
    if not name.endswith(".py"):
        known = questions()
        if name not in known:
            raise UserError(f"unknown scenario {name!r}; {nearest(name, known)}")
        return from_module(importlib.import_module(f"scenarios.{name}"), name)
    file = Path(name)
    try:
        source = file.read_bytes()
    except OSError as error:
        raise UserError(f"{name}: {error.strerror}") from None
    beside = str(file.resolve().parent)
    if beside not in sys.path:
        sys.path.append(beside)
    return from_source(source, name)


def from_source(source: bytes, name: str) -> Scenario:
    """Return the scenario that a script's source is; `name` is that of the file, or its path.

    Raises UserError as `load` does.
    """
    try:
        code = compile(source, name, "exec")
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        raise UserError(f"{name}: {where}{error.msg}") from None
    except ValueError as error:
        raise UserError(f"{name}: {error}") from None
    module = ModuleType(f"connectsim_script_{Path(name).stem}")
    module.__file__ = name
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)
    except Exception as error:
        line = [at for at in traceback.extract_tb(error.__traceback__) if at.filename == name][-1]
        raise UserError(f"{name}: line {line.lineno}: {type(error).__name__}: {error}") from error
    return from_module(module, name)


def from_module(module: ModuleType, name: str) -> Scenario:
    """Return the scenario that a module is; raises UserError if it is none."""
    parameters = getattr(module, "Parameters", None)
    build = getattr(module, "build", None)
    if not is_dataclass(parameters) or not isinstance(parameters, type):
        raise UserError(f"{name}: not a scenario: it has no dataclass Parameters")
    if not callable(build):
        raise UserError(f"{name}: not a scenario: it has no function build(simulation, parameters)")
    question = _question(module.__doc__)
    report = getattr(module, "report", None)
    traced = bool(getattr(module, "TRACED", False))
    return Scenario(name, question, Path(str(module.__file__)), parameters, build, report, traced)


def _question(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n")[0]
