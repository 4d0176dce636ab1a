"""The command that runs packetdrill scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def packetdrill(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="packetdrill scripts.")],
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the exchange.")] = False,
) -> None:
    """Run packetdrill scripts against a host, in virtual time."""
    from sim.packetdrill import main  # noqa: PLC0415 (not every command needs SimPy)

    raise typer.Exit(main(files, verbose))
