"""An interpreter of packetdrill scripts that drives one simulated host in virtual time.

packetdrill (Cardwell et al., USENIX ATC 2013) tests a TCP implementation by scripts: system calls
to make, packets to inject, packets that must come out, each with its time.  Here the
implementation is a host of the simulator: Linux, or FreeBSD for scripts that set its sysctls.

`run_script(path)` runs one script, `main(files)` is `connectsim packetdrill`; `read` and `parse`
give a script as values (`sim.packetdrill.script`).
"""

from __future__ import annotations

from sim.packetdrill.parser import parse, read
from sim.packetdrill.run import Outcome, main, run_script
from sim.packetdrill.script import Script, ScriptError

__all__ = ["Outcome", "Script", "ScriptError", "main", "parse", "read", "run_script"]
