"""The command line: composes scenarios, simulator and analysis, and decides nothing itself.

What a user can put right ends in one line on standard error and exit status 2, Ctrl-C in 130.
Commands import what they need when they run: `connectsim --help` must be quick.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from analysis import ResultsError
from scenarios import analysis_commands, trace_commands
from scenarios.errors import UserError
from scenarios.packetdrill_command import packetdrill
from scenarios.topology_command import topology

BAD_INPUT, INTERRUPTED = 2, 130
"""Exit statuses."""

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What typer raises for a command line that it does not understand."""

app = typer.Typer(
    help="Simulate TCP connect(): many concurrent handshakes over lossy networks.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set a parameter (repeatable)."),
]
Systems = Annotated[
    list[str] | None,
    typer.Option(
        "--os",
        metavar="SIDE=OS",
        help="Set a side's system (repeatable): client=windows is --set client_os=windows.",
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of all that is random.", min=0)]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Results folder [default: results/NAME].")
]
Force = Annotated[bool, typer.Option("--force", help="Replace a run that the folder holds.")]
Trace = Annotated[
    bool, typer.Option("--trace", help="Record every packet at every place, and every socket.")
]
Pcap = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write what each host saw as DIR/HOST.pcapng; traces, too."),
]
ResultsFolder = Annotated[Path, typer.Argument(metavar="DIR", help="A results folder.")]


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Simulate TCP connect(): many concurrent handshakes over lossy networks."""
    if version:
        from importlib.metadata import version as version_of  # noqa: PLC0415

        print(f"connectsim {version_of('connectsim')}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


@app.command("list")
def list_scenarios() -> None:
    """List the scenarios, each with the question it answers."""
    from scenarios.catalogue import questions  # noqa: PLC0415

    found = questions()
    width = max(map(len, found))
    for name, question in found.items():
        print(f"{name:{width}}  {question}")


@app.command()
def show(
    scenario: Annotated[str, typer.Argument(metavar="NAME", help="A scenario or a script.")],
) -> None:
    """Show a scenario's parameters: name, default, unit, meaning."""
    from scenarios.catalogue import load  # noqa: PLC0415
    from scenarios.parameters import declared  # noqa: PLC0415

    loaded = load(scenario)
    print(f"{loaded.name}: {loaded.question}\n")
    rows = [
        ("parameter", "default", "unit", "meaning"),
        *(
            (name, known.kind.format(known.default), known.kind.unit, known.meaning)
            for name, known in declared(loaded.parameters).items()
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(metavar="NAME|SCRIPT", help="A scenario or a script.")],
    settings: Settings = None,
    systems: Systems = None,
    seed: Seed = 1,
    out: Out = None,
    force: Force = False,
    trace: Trace = False,
    pcap: Pcap = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Print events by kind and time by module.")
    ] = False,
) -> None:
    """Run a scenario, write its results folder and print a summary."""
    from scenarios.catalogue import load  # noqa: PLC0415
    from scenarios.script import execute  # noqa: PLC0415

    given = _pairs("--set", "KEY=VALUE", settings)
    asked = with_systems(given, systems)
    execute(load(scenario), asked, seed, out, force, trace, pcap, profile)


def with_systems(given: Mapping[str, str], systems: Iterable[str] | None) -> dict[str, str]:
    """Add to settings what --os asks for: "client=windows" is client_os=windows."""
    settings = dict(given)
    for side, system in _pairs("--os", "SIDE=OS", systems).items():
        if f"{side}_os" in settings:
            raise UserError(f"--os {side}: given twice, --set {side}_os is the same")
        settings[f"{side}_os"] = system
    return settings


def _pairs(option: str, form: str, texts: Iterable[str] | None) -> dict[str, str]:
    """Return what a repeatable option of the form NAME=VALUE gives, by name."""
    given: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            raise UserError(f"{option} {text}: expected {form}")
        if name in given:
            raise UserError(f"{option} {name}: given twice")
        given[name] = value
    return given


@app.command()
def sweep(
    scenario: Annotated[
        str, typer.Argument(metavar="NAME|SCRIPT|FILE.toml", help="A scenario, or a sweep file.")
    ],
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUES", help="An axis: a,b,c or a:b:step or 'a..b log N'."),
    ] = None,
    settings: Settings = None,
    together: Annotated[
        list[str] | None, typer.Option("--zip", metavar="KEY,KEY", help="Axes that move together.")
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="CONDITION", help="Keep the points that meet it.")
    ] = None,
    repeat: Annotated[
        int | None, typer.Option(min=1, help="Repetitions of each point [default: 1].")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="GOAL", help="Repeat until, say, 'p99 of latency within 5%'."),
    ] = None,
    ceiling: Annotated[
        int | None, typer.Option(min=1, help="Most repetitions for --until [default: 100].")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="That many points, spread over the axes.")
    ] = None,
    sampling: Annotated[
        str | None, typer.Option(help="latin (hypercube) or random [default: latin].")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="First seed [default: 1].")] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="By repetition (points share them) or by run [default: repetition]."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The sweep's folder [default: sweeps/NAME].")
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(help="processes, serial, dask, dask:ADDRESS or mpi [default: processes]."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Runs at a time [default: one a core].")
    ] = None,
    timeout: Annotated[
        str | None, typer.Option(metavar="TIME", help="Give a run up after that long.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run again what failed before.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what would run and how long it would take.")
    ] = False,
) -> None:
    """Run a scenario at many points; what is there already stays."""
    from scenarios.sweeps import command  # noqa: PLC0415

    options = {
        "vary": vary,
        "set": _pairs("--set", "KEY=VALUE", settings) or None,
        "zip": together,
        "where": where,
        "repeat": repeat,
        "until": until,
        "ceiling": ceiling,
        "sample": sample,
        "sampling": sampling,
        "seed": seed,
        "seeds": seeds,
        "out": out,
        "executor": executor,
        "workers": workers,
        "timeout": None if timeout is None else command.seconds(timeout),
        "retry_failed": retry_failed or None,
    }
    tally = command.execute(scenario, options, plan)
    if tally is not None and tally.failures:
        raise typer.Exit(1)


@app.command()
def summary(folder: ResultsFolder) -> None:
    """Print outcomes and latencies of a run, or a sweep's points."""
    import analysis  # noqa: PLC0415

    print(analysis.summarise(folder))


analysis_commands.add_to(app)
trace_commands.add_to(app)
app.command(context_settings={"ignore_unknown_options": True})(packetdrill)
app.command()(topology)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    return status_of(app, arguments)


def status_of(application: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run a typer application and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        status = application(args=arguments, prog_name=_program(), standalone_mode=False)
        sys.stdout.flush()
    except (UserError, ResultsError) as error:
        return _complain(str(error), BAD_INPUT)
    except UsageError as error:
        return _complain(error.format_message(), BAD_INPUT)  # type: ignore[attr-defined]
    except (typer.Abort, KeyboardInterrupt):
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:  # who read the output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return _complain("interrupted", INTERRUPTED) if status == INTERRUPTED else status or 0


def _program() -> str:
    name = Path(sys.argv[0]).name
    return "connectsim" if name == "__main__.py" else name


def _complain(message: str, status: int) -> int:
    line = " ".join(message.split())
    print(f"{_program()}: {line}", file=sys.stderr)
    return status
