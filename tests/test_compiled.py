"""The compiled packet path gives the very bytes that the Python modules give."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMPILED = sorted((ROOT / "sim").rglob("*.so"))

RUN = """
import sys
if sys.argv[1] == "pure":
    from tests import pure
    pure.install()
from sim.tcp import connection
assert connection.__file__.endswith(".py") == (sys.argv[1] == "pure"), connection.__file__
from scenarios.cli import main
sys.argv = ["connectsim", "run", "lossy_wan", "--set", "connections=2000", "--set", "loss=5%",
            "--seed", "3", "--out", sys.argv[2]]
main()
"""


def compiles_here() -> bool:
    """Whether installing can compile here: what setup.py looks for."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    wanted = not os.environ.get("CONNECTSIM_PURE")
    return wanted and shutil.which(compiler) is not None and headers.exists()


@pytest.mark.skipif(not compiles_here(), reason="no compiler, or it was told not to compile")
def test_installing_has_compiled_the_packet_path() -> None:
    assert {module.name.partition(".")[0] for module in COMPILED} >= {"packet", "engine", "link"}


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled here")
def test_compiled_and_pure_give_the_same_bytes(tmp_path: Path) -> None:
    tables = []
    for kind in ("compiled", "pure"):
        out = tmp_path / kind
        done = subprocess.run(
            [sys.executable, "-c", RUN, kind, str(out)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        tables.append((out / "connections.parquet").read_bytes())
    assert tables[0] == tables[1]
