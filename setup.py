"""Compiles the packet path with mypyc, where a C compiler is at hand.

The code stays Python: without a compiler, or with CONNECTSIM_PURE=1 in the environment, the same
modules run as they are, slower and with the same results.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

COLD = {"__init__", "header", "siphash"}
"""Modules of the protocol that a handshake does not run through."""
HOT = [
    "sim/bulk.py",
    "sim/calendar.py",
    "sim/packet.py",
    "sim/engine.py",
    "sim/host.py",
    "sim/net/link.py",
    "sim/net/node.py",
    "sim/net/queued.py",
    "sim/net/queues.py",
    "sim/net/wire.py",
    "sim/records.py",
    "sim/socket.py",
    "sim/timers.py",
    *sorted(str(path) for path in Path("sim/tcp").glob("*.py") if path.stem not in COLD),
]


def extensions() -> list[Extension]:
    """Return the compiled modules, none if they cannot be had here."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if os.environ.get("CONNECTSIM_PURE") or not shutil.which(compiler) or not headers.exists():
        return []
    try:
        from mypyc.build import mypycify  # noqa: PLC0415 (it may be missing)
    except ImportError:
        return []
    try:
        modules: list[Extension] = mypycify(
            ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent", *HOT],
            opt_level="2",
        )
    except SystemExit:
        print("mypyc refused: the packet path stays Python", file=sys.stderr)
        return []
    for module in modules:
        module.optional = True
    return modules


setup(ext_modules=extensions())
