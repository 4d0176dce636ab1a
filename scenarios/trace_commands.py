"""The commands that read a traced run: trace, ladder and sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scenarios.errors import UserError, writing

TracedFolder = Annotated[
    Path, typer.Argument(metavar="DIR", help="The results folder of a run with --trace.")
]
Host = Annotated[str | None, typer.Option(help="Only what was seen at this host.")]


def trace(
    folder: TracedFolder,
    connection: Annotated[int | None, typer.Option(help="Only this connection.")] = None,
    host: Host = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Spell out every header field.")
    ] = False,
) -> None:
    """Print a run's packets as tcpdump does."""
    from scenarios import traces  # noqa: PLC0415 (pyarrow takes long to import)

    for line in traces.lines(folder, connection, host, verbose):
        print(line)


def ladder(
    folder: TracedFolder,
    connection: Annotated[int, typer.Option(help="Number of the connection.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PNG, SVG or PDF by its ending [default: text]."),
    ] = None,
) -> None:
    """Show one connection's message sequence, as text or a picture."""
    from analysis import ladder as model  # noqa: PLC0415
    from analysis import ladder_text  # noqa: PLC0415

    if out is None:
        for line in ladder_text.lines(model.load(folder, connection)):
            print(line)
        return
    from analysis.plots import ladder as drawing  # noqa: PLC0415
    from analysis.plots import style  # noqa: PLC0415

    try:
        style.check_ending(out)
        with writing(out):
            style.save(drawing.ladder(model.load(folder, connection)), out)
    except ValueError as error:
        raise UserError(str(error)) from error
    print(out)


def sockets(
    folder: TracedFolder,
    at: Annotated[str, typer.Option(metavar="TIME", help='Moment of the run: "20 ms", "1.5s".')],
    host: Host = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show each whole control block.")
    ] = False,
) -> None:
    """Show every socket at a moment, as `ss -tanoi` does."""
    from analysis import sockets as table  # noqa: PLC0415
    from sim.units import S, duration  # noqa: PLC0415

    try:
        moment = duration(at)
    except ValueError as error:
        raise UserError(f"--at: {error}") from error
    print(table.text(folder, moment / S, host, verbose=verbose))


def add_to(app: typer.Typer) -> None:
    """Make these commands known."""
    for command in (trace, ladder, sockets):
        app.command()(command)
