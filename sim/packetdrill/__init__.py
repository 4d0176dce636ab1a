"""An interpreter of packetdrill scripts that drives one simulated host in virtual time.

packetdrill (Cardwell et al., USENIX ATC 2013) tests a TCP implementation by scripts: system calls
to make, packets to inject, packets that must come out, each with its time.  Here the
implementation is a host of the simulator.  `parse` and `read` give a script as values
(`sim.packetdrill.script`).
"""

from __future__ import annotations

from sim.packetdrill.parser import parse, read
from sim.packetdrill.script import Script, ScriptError

__all__ = ["Script", "ScriptError", "parse", "read"]
