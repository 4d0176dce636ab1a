"""Topologies that scenarios take by name: those packaged here, a file, or a generator's call."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from scenarios.errors import UserError
from sim.net.topology import Topology, TopologyError, read_topology

PACKAGED = {"abilene": "abilene.graphml"}
"""Name -> file in scenarios/data."""


def read(name: str, seed: int = 0) -> Topology:
    """Return the packaged topology of that name, or what `sim.net.topology.read_topology` reads.

    A generator ("nx:NAME(ARGUMENTS)") draws from `seed`.  Raises UserError, one line naming the
    file and what is wrong with it.
    """
    try:
        if name in PACKAGED:
            packaged = resources.files("scenarios") / "data" / PACKAGED[name]
            with resources.as_file(packaged) as file:
                return read_topology(file)
        return read_topology(name, seed)
    except TopologyError as error:
        known = name.startswith("nx:") or Path(name).suffix
        more = "" if known else f"; packaged topologies: {', '.join(PACKAGED)}"
        raise UserError(f"topology {error}{more}") from None
