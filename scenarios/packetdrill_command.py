"""The command that runs packetdrill scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer


def packetdrill(
    arguments: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...",
            help="packetdrill scripts; packetdrill's own options may stand among them: "
            "--ip_version=ipv6, --mtu=1400, -D NAME=WORD. They override those of the scripts.",
        ),
    ],
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the exchange.")] = False,
) -> None:
    """Run packetdrill scripts against a host, in virtual time."""
    from sim.packetdrill import main  # noqa: PLC0415 (not every command needs SimPy)

    words = list(definitions(arguments))
    options = [word for word in words if word.startswith("-")]
    files = [word for word in words if not word.startswith("-")]
    if not files:
        raise typer.BadParameter("no script is named", param_hint="FILE...")
    raise typer.Exit(main(files, verbose, options))


def definitions(words: list[str]) -> Iterator[str]:
    """Write `-D NAME=WORD` as `--define=NAME=WORD`.

    >>> list(definitions(["-D", "A=1", "-DB=2", "a.pkt"]))
    ['--define=A=1', '--define=B=2', 'a.pkt']
    """
    rest = iter(words)
    for word in rest:
        defined = word.startswith("-D")
        yield f"--define={word.removeprefix('-D') or next(rest, '')}" if defined else word
