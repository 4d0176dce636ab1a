"""The commands that read runs and sweeps (plot, report, compare), and those that ask theory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from scenarios.errors import UserError, nearest, writing

if TYPE_CHECKING:
    from analysis.schedules import Schedules

T = TypeVar("T")

LARGEST_RTT_S: Final = 60.0
"""A longer path outlasts every schedule, and theory has nothing to say about it."""

Profile = Annotated[
    str, typer.Option("--profile", "--os", metavar="NAME", help="Operating system of the client.")
]
Server = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Operating system of the server [default: the same]."),
]
Rtt = Annotated[str, typer.Option(metavar="TIME", help="Round-trip time of the path.")]
Loss = Annotated[str, typer.Option(metavar="SHARE", help="Loss of packets, each way.")]
LossBack = Annotated[
    str | None, typer.Option(metavar="SHARE", help="Loss on the way back [default: the same].")
]


def plot(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run or a sweep.")],
    kind: Annotated[
        str | None,
        typer.Option(
            help="Of a run ecdf, ccdf, timeline, over_time, retransmissions ..., of a sweep lines,"
            " heatmap, ecdf, ccdf [default: all of a run, the lines of a sweep]."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PNG, SVG or PDF by its ending [default: DIR/plots]."),
    ] = None,
    x: Annotated[
        str | None, typer.Option(metavar="AXIS", help="Of a sweep: the axis to the right.")
    ] = None,
    y: Annotated[
        str | None,
        typer.Option(
            metavar="VALUE",
            help="What lines show: p50, p99.9, mean, max, established, failed, syn_retransmits ..."
            " [default: p99]; of a heatmap the axis upwards.",
        ),
    ] = None,
    hue: Annotated[
        str | None, typer.Option(metavar="AXIS", help="Of a sweep: a line per value.")
    ] = None,
    facet: Annotated[
        str | None, typer.Option(metavar="AXIS", help="Of a sweep: a panel per value.")
    ] = None,
    value: Annotated[
        str | None, typer.Option(metavar="VALUE", help="What a heatmap shows [default: p99].")
    ] = None,
) -> None:
    """Draw the plots of a run or a sweep."""
    import analysis  # noqa: PLC0415

    roles = {"x": x, "y": y, "hue": hue, "facet": facet, "value": value}
    over_axes = kind in ("lines", "heatmap") or any(roles.values())
    try:
        with writing(out or folder):
            if over_axes or (kind is None and out is None and analysis.load(folder).axes):
                files = [analysis.plot_sweep(folder, kind or "lines", **roles, out=out)]
            else:
                files = analysis.plot(folder, kind, out)
    except ValueError as error:
        raise UserError(str(error)) from error
    for file in files:
        print(file)


def theory(
    profile: Profile = "linux",
    server: Server = None,
    rtt: Rtt = "40ms",
    loss: Loss = "1%",
    loss_back: LossBack = None,
) -> None:
    """Print the exact distribution of connect()'s latency."""
    from analysis import advice  # noqa: PLC0415 (numpy and pandas take long to import)

    print(advice.theory(*_hosts(profile, server), **_path(rtt, loss, loss_back)))


def advise(
    budget: Annotated[str, typer.Option(metavar="TIME", help="Time that connect() may take.")],
    profile: Profile = "linux",
    server: Server = None,
    rtt: Rtt = "40ms",
    loss: Loss = "1%",
    loss_back: LossBack = None,
) -> None:
    """Say what timeout to set, and what other settings change."""
    from analysis import advice  # noqa: PLC0415

    path = _path(rtt, loss, loss_back)
    hosts = _hosts(profile, server)
    seconds = _seconds("--budget", budget)
    print(advice.advise(*hosts, _settings(profile), **path, budget_s=seconds))


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run or a sweep.")],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The page [default: DIR/report.html].")
    ] = None,
) -> None:
    """Write a run or a sweep up as one self-contained HTML page."""
    import analysis  # noqa: PLC0415

    with writing(out or folder):
        print(analysis.report(folder, out))


def compare(
    first: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a run or a sweep.")],
    second: Annotated[Path, typer.Argument(metavar="DIR", help="Another.")],
) -> None:
    """Compare the latencies of two runs.

    Quantiles with intervals, and the test of Kolmogorov and Smirnov.
    """
    import analysis  # noqa: PLC0415

    print(analysis.compare(first, second))


def _hosts(client: str, server: str | None) -> tuple[Schedules, Schedules]:
    """Return the schedules of the client's and of the server's operating system."""
    from analysis.schedules import Schedules  # noqa: PLC0415
    from sim.tcp.profiles import PROFILES  # noqa: PLC0415

    for option, name in (("--profile", client), ("--server", server or client)):
        if name not in PROFILES:
            raise UserError(f"{option} {name}: {nearest(name, PROFILES)}")
    of_client, of_server = (
        Schedules.from_recipe(PROFILES[name].schedules()) for name in (client, server or client)
    )
    return of_client, of_server


def _settings(client: str) -> dict[str, Schedules]:
    """Return the client's schedules with other retries and with other initial timeouts."""
    from analysis.schedules import Schedules  # noqa: PLC0415
    from sim.tcp.profiles import PROFILES  # noqa: PLC0415
    from sim.units import MS, format_duration  # noqa: PLC0415

    profile = PROFILES[client]
    present = len(profile.syn.waits) - 1 - profile.syn.linear
    changes = {
        f"syn_retries {retries}": replace(profile.syn, retries=retries)
        for retries in sorted({1, 2, 4, present - 1, present + 1} - {0, present})
    } | {
        f"initial RTO {format_duration(initial)}": replace(profile.syn, initial=initial)
        for initial in (200 * MS, 500 * MS, 1000 * MS, 3000 * MS)
        if initial != profile.syn.initial
    }
    return {
        name: Schedules.from_recipe(replace(profile, syn=syn).schedules())
        for name, syn in changes.items()
    }


def _path(rtt: str, loss: str, loss_back: str | None) -> dict[str, Any]:
    """Return a path as `analysis.advice` takes it."""
    from sim.units import probability  # noqa: PLC0415

    seconds = _seconds("--rtt", rtt)
    if seconds > LARGEST_RTT_S:
        raise UserError(f"--rtt {rtt}: more than {LARGEST_RTT_S:g} s")
    back = None if loss_back is None else _parsed("--loss-back", loss_back, probability)
    return {"rtt_s": seconds, "loss": _parsed("--loss", loss, probability), "loss_back": back}


def _seconds(option: str, text: str) -> float:
    from sim.units import S, duration  # noqa: PLC0415

    return _parsed(option, text, duration) / S


def _parsed(option: str, text: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(text)
    except ValueError as error:
        raise UserError(f"{option}: {error}") from error


def add_to(app: typer.Typer) -> None:
    """Make these commands known."""
    for command in (plot, theory, advise, report, compare):
        app.command()(command)
