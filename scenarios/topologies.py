"""Topologies that scenarios take by name: those packaged here, or a file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from scenarios.errors import UserError
from sim.net.topology import Topology, TopologyError, read_graphml

PACKAGED = {"abilene": "abilene.graphml"}
"""Name -> file in scenarios/data."""


def read(name: str) -> Topology:
    """Return the packaged topology of that name, or else the one in that GraphML file.

    Raises UserError, one line naming the file and what is wrong with it.
    """
    try:
        if name in PACKAGED:
            packaged = resources.files("scenarios") / "data" / PACKAGED[name]
            with resources.as_file(packaged) as file:
                return read_graphml(file)
        return read_graphml(Path(name))
    except TopologyError as error:
        known = "" if Path(name).suffix else f"; packaged topologies: {', '.join(PACKAGED)}"
        raise UserError(f"topology {error}{known}") from None
