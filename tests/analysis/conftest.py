from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis import synthetic


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A results folder of 300 connections, some of which failed."""
    table = synthetic.connections(300, loss=0.5, systems=("linux", "windows"))
    return synthetic.write(tmp_path / "run", table)
