"""Compiles the packet path with mypyc, where a C compiler is at hand.

The code stays Python: without a compiler, or with CONNECTSIM_PURE=1 in the environment, the same
modules run as they are, slower and with the same results.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

from setuptools import Extension, setup

HOT = [
    "sim/packet.py",
    "sim/engine.py",
    *(
        f"sim/tcp/{name}.py"
        for name in (
            "arrives calls challenge connection cookies errors fastopen_client fastopen_server"
            " icmp isn listener peer ports profile receiving request rto sending seq settings"
            " stack states time_wait timers"
        ).split()
    ),
]
"""What a handshake runs through in the protocol and the engine."""


def extensions() -> list[Extension]:
    """Return the compiled modules, none if they cannot be had here."""
    compiler = (sysconfig.get_config_var("CC") or "cc").split()[0]
    headers = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if os.environ.get("CONNECTSIM_PURE") or not shutil.which(compiler) or not headers.exists():
        return []
    try:
        from mypyc.build import mypycify
    except ImportError:
        return []
    modules: list[Extension] = mypycify(
        ["--config-file=", "--ignore-missing-imports", "--follow-imports=silent", *HOT],
        opt_level="3",
    )
    for module in modules:
        module.optional = True
    return modules


setup(ext_modules=extensions())
