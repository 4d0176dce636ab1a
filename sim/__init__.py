"""Hosts, their protocol stacks and the links between them: the simulator behind connectsim.

`Simulation` builds and runs one; `sim.socket` has the BSD calls; `sim.tcp` is the protocol.
"""

from __future__ import annotations

from sim.simulation import Simulation

__all__ = ["Simulation"]
