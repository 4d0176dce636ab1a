"""Importing the simulator as Python even where it is compiled, to hold one against the other."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType


class PureFinder:
    """Finds the modules of `sim` by their source files alone."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, module = name.rpartition(".")
        if package.partition(".")[0] != "sim":
            return None
        files = (Path(folder) / f"{module}.py" for folder in path or ())
        return next((spec_from_file_location(name, file) for file in files if file.exists()), None)


def install() -> None:
    """Import `sim` as Python from now on, in this process."""
    sys.meta_path.insert(0, PureFinder)  # type: ignore[arg-type]
