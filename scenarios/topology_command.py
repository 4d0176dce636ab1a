"""The command that says what was understood of a topology, and draws it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from scenarios.errors import UserError, writing


def topology(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="GraphML, GML, JSON or CSV; abilene; or nx:GENERATOR(ARGUMENTS)."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PNG, SVG or PDF by its ending [default: NAME.png]."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of a generator.")] = 1,
) -> None:
    """Print what was understood of a topology, and draw a map."""
    from analysis.plots import style  # noqa: PLC0415
    from analysis.plots import topology as drawing  # noqa: PLC0415
    from scenarios.topologies import read  # noqa: PLC0415
    from sim.net.topology import describe, plain  # noqa: PLC0415

    file = out or Path(f"{_name(source)}.png")
    try:
        style.check_ending(file)
        understood = read(source, seed)
        print(describe(understood))
        with writing(file):
            style.save(drawing.topology(plain(understood), source), file)
    except ValueError as error:
        raise UserError(str(error)) from error
    print(file)


def _name(source: str) -> str:
    """Return what to call the picture of a topology.

    >>> _name("maps/abilene.graphml"), _name("nx:path_graph(5)")
    ('abilene', 'path_graph')
    """
    generator = re.match(r"nx:\s*(\w+)", source)
    return generator[1] if generator else Path(source).stem
