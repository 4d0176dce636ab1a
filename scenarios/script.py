"""Runs a scenario from the command line: as a script by itself, or for `connectsim run`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import analysis
from scenarios import cli, store
from scenarios.catalogue import Scenario, from_module
from scenarios.errors import writing
from scenarios.parameters import Parameter, declared, parse
from scenarios.runner import Run, run_to_folder
from sim.collector import AtRest
from sim.profiling import Profile


def main() -> None:
    """Run the scenario that is the program: options are its parameters; exits with the status."""
    module = sys.modules["__main__"]
    scenario = from_module(module, Path(str(module.__file__)).stem)
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(help=scenario.question)(_command(scenario))
    sys.exit(cli.status_of(app))


def _command(scenario: Scenario) -> Any:
    """Return a function whose signature tells typer the options."""

    def command(
        systems: cli.Systems = None,
        seed: cli.Seed = 1,
        out: cli.Out = None,
        force: cli.Force = False,
        trace: cli.Trace = False,
        pcap: cli.Pcap = None,
        **settings: str | None,
    ) -> None:
        given = {name: value for name, value in settings.items() if value is not None}
        execute(scenario, cli.with_systems(given, systems), seed, out, force, trace, pcap)

    own = inspect.signature(command, eval_str=True).parameters.values()
    options = [_option(parameter) for parameter in declared(scenario.parameters).values()]
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        options + [one for one in own if one.kind is not inspect.Parameter.VAR_KEYWORD]
    )
    return command


def _option(parameter: Parameter) -> inspect.Parameter:
    default = parameter.kind.format(parameter.default)
    option = typer.Option(f"--{parameter.name}", help=f"{parameter.meaning} [default: {default}]")
    return inspect.Parameter(
        parameter.name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None,
        annotation=Annotated[str | None, option],
    )


def execute(
    scenario: Scenario,
    settings: Mapping[str, str],
    seed: int,
    out: Path | None,
    force: bool,
    trace: bool = False,
    pcap: Path | None = None,
    profile: bool = False,
) -> None:
    """Run a scenario, write its folder (`results/NAME` without `out`), print what came of it.

    `pcap` is the folder for captures, which are made of a trace; `profile`: print where the time
    went, too.
    """
    parameters = parse(scenario.parameters, settings)
    folder = out or Path("results") / Path(scenario.name).stem
    traced = trace or scenario.traced or pcap is not None
    if pcap is not None:
        with writing(pcap):
            pcap.mkdir(parents=True, exist_ok=True)
    seen = Profile() if profile else None
    with AtRest():
        made = run_to_folder(Run(scenario, parameters, seed), folder, force, traced, seen)
    if scenario.report is not None:
        answer = scenario.report(analysis.load(folder), parameters)
        store.amend(folder, made | {"answer": answer})
    print(analysis.summarise(folder))
    for note in made["notes"]:
        print(f"\nnote: {note}")
    print(
        f"\n{made['simulated_s']:,.1f} s simulated in {made['wall_s']:.2f} s:"
        f" {made['events']:,} events, {made['events'] / made['wall_s']:,.0f} a second;"
        f" peak memory {made['peak_rss_bytes'] / 1e6:,.0f} MB"
        f"\nwrote {'packets, sockets and ' if traced else ''}connections.parquet and run.json"
        f" to {folder}"
    )
    if pcap is not None:
        _capture(folder, pcap, made)
    if seen is not None:
        print(f"\n{seen}")


def _capture(folder: Path, pcap: Path, made: Mapping[str, Any]) -> None:
    from analysis import recipe  # noqa: PLC0415
    from scenarios import traces  # noqa: PLC0415

    with writing(pcap):
        files = traces.write_captures(folder, pcap, recipe.one_line(dict(made)))
    for file in files:
        print(f"wrote {file}")
