"""The same handshakes in ns-3: the wheel from PyPI, and a C++ program compiled against it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

REQUIREMENT: Final = "ns3==3.44.post0"
SOURCE: Final = Path(__file__).with_name("handshakes.cc")
LIBRARIES: Final = ("core", "network", "internet", "point-to-point")


class MissingError(Exception):
    """A peer that cannot be had here; the message says why."""


def install(requirement: str, folder: Path) -> Path:
    """Install a package from PyPI, alone, into a folder of its own; raises MissingError."""
    if not folder.exists():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        done = subprocess.run(
            [*command, "--target", str(folder), requirement],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            shutil.rmtree(folder, ignore_errors=True)
            lines = done.stderr.strip().splitlines() or ["pip failed"]
            raise MissingError(f"{requirement}: {lines[-1]}")
    return folder


def build(folder: Path) -> Path:
    """Compile the program against the wheel; returns its path.  Raises MissingError."""
    wheel = install(REQUIREMENT, folder / "ns3") / "ns3"
    program = folder / "handshakes"
    if program.exists() and program.stat().st_mtime > SOURCE.stat().st_mtime:
        return program
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        raise MissingError("ns-3: no C++ compiler here")
    found = [next((wheel / "lib64").glob(f"libns3*-{name}.so")) for name in LIBRARIES]
    linked = [f"-l{library.stem.removeprefix('lib')}" for library in found]
    places = [f"-I{wheel / 'include'}", f"-L{wheel / 'lib64'}", f"-Wl,-rpath,{wheel / 'lib64'}"]
    command = [compiler, "-O3", "-std=c++20", str(SOURCE), "-o", str(program), *places]
    done = subprocess.run(
        [*command, "-Wl,--no-as-needed", *linked], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MissingError(f"ns-3: {done.stderr.strip().splitlines()[-1]}")
    return program
