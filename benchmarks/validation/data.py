"""Where the kernel's figures are."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any, Final

DATA: Final = Path(__file__).parents[2] / "tests" / "data"
LINUX: Final = DATA / "linux"

RECIPE: Final[dict[str, Any]] = {
    "scenario": "validation against Linux 6.18",
    "versions": {"connectsim": metadata.version("connectsim")},
}
"""What stands in small print under the plots."""
