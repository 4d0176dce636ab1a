"""Every example in a docstring gives what it says."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

RUN = """
import doctest, importlib, pkgutil, sys
from tests import pure
pure.install()
failed = attempted = 0
for package in ("sim", "scenarios", "analysis"):
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not module.name.endswith("__main__"):
            result = doctest.testmod(importlib.import_module(module.name))
            failed += result.failed
            attempted += result.attempted
print(attempted, "examples")
sys.exit(failed > 0 or attempted == 0)
"""


def test_examples_in_docstrings() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
