"""Runs one scenario and writes its results folder."""

from __future__ import annotations

import platform
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

from scenarios.catalogue import Scenario
from scenarios.errors import UserError
from scenarios.parameters import base_units, base_values
from scenarios.progress import reporting
from scenarios.store import open_results
from sim import Simulation, sampling
from sim.engine import Engine
from sim.profiling import Profile, ProfiledEngine
from sim.tcp.profiles import PROFILES

LIBRARIES = ("connectsim", "simpy", "networkx", "numpy", "pyarrow")
"""What a run's results depend on; run.json holds the versions."""


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario with its parameters and seed: all that determines a result."""

    scenario: Scenario
    parameters: Any
    seed: int


def simulate(
    run: Run,
    progress: Callable[[Simulation], object] | None = None,
    make: Callable[..., Simulation] = Simulation,
) -> tuple[Simulation, float]:
    """Build and run; returns the simulation and the seconds it took to run, without building.

    `make(seed=...)` makes the empty simulation.
    Raises UserError if the parameters ask for more than 292 years of simulated time.
    """
    simulation = make(seed=run.seed)
    try:
        run.scenario.build(simulation, run.parameters)
        start = time.perf_counter()
        simulation.run(progress=progress)
    except OverflowError as error:
        raise UserError("the simulation would last longer than 292 years") from error
    return simulation, time.perf_counter() - start


def recipe(run: Run, simulation: Simulation, wall: float) -> dict[str, Any]:
    """Return what run.json holds; `wall` in seconds."""
    return {
        "scenario": run.scenario.name,
        "question": run.scenario.question,
        "parameters": base_values(run.parameters),
        "units": base_units(run.scenario.parameters),
        "seed": run.seed,
        "versions": versions(),
        "notes": list(simulation.notes),
        "marks": [
            {"name": name, "from_s": start / 1e9, "to_s": end / 1e9}
            for name, start, end in simulation.marks
        ],
        "listeners": simulation.queues.listeners() if simulation.queues else [],
        "simulated_s": simulation.env.now / 1e9,
        "wall_s": wall,
        "events": simulation.env.events,
        "peak_rss_bytes": peak_memory(),
        **schedules(simulation),
    }


def schedules(simulation: Simulation) -> dict[str, Any]:
    """Return the hosts' timers as run.json holds them.

    `profiles` has the schedules of each operating system, and of its hosts whose sysctls make
    others of them, under a name of their own that `host_profiles` gives by host.
    """
    profiles = {
        name: PROFILES[name].schedules() for name in sorted(set(simulation.records.hosts.values()))
    }
    host_profiles: dict[str, str] = {}
    for host in simulation.hosts.values():
        system = host.profile.name
        if host.profile is PROFILES[system]:
            continue
        own = host.profile.schedules()
        kinds = (name for name in (system, *profiles) if profiles[name] == own)
        kind = next(kinds, f"{system} as {host.name} has it")
        profiles.setdefault(kind, own)
        if kind != system:
            host_profiles[host.name] = kind
    return {"profiles": profiles, "host_profiles": host_profiles}


@contextmanager
def simulations(folder: Path, trace: bool) -> Iterator[Callable[..., Simulation]]:
    """Give what makes a simulation: with `trace`, one whose trace is written into `folder`."""
    if not trace:
        yield Simulation
        return
    from scenarios.traces import TraceFiles  # noqa: PLC0415 (pyarrow takes long to import)
    from sim.tapped import TracedSimulation  # noqa: PLC0415

    with TraceFiles(folder) as sink:
        yield partial(TracedSimulation, sink)


def run_to_folder(
    run: Run,
    folder: Path,
    force: bool = False,
    trace: bool = False,
    profile: Profile | None = None,
) -> dict[str, Any]:
    """Run, write the folder and return what its run.json holds.

    With `trace` the folder has the tables of `sim.trace`, too.  A `profile` takes up where the time
    goes.
    Raises UserError if the folder holds a run (unless `force`) or cannot be written.
    """
    with open_results(folder, force) as results:
        with (
            reporting(calls(run.parameters)) as report,
            simulations(results.partial, trace) as make,
        ):
            engine = Engine if profile is None else partial(ProfiledEngine, profile)
            simulation, wall = simulate(run, report, partial(make, make_engine=engine))
        results.write_table("connections", simulation.records.parts())
        results.write_table("counters", [sampling.counters(simulation.hosts)])
        if simulation.queues:
            results.write_table("queues", [simulation.queues.columns()])
        made = recipe(run, simulation, wall)
        results.write_recipe(made)
        results.publish()
    return made


def calls(parameters: Any) -> int | None:
    """Return how many times connect() will be called, if the parameters tell.

    It is their `calls` where a scenario has that, else their `connections`.
    """
    total: int | None = getattr(parameters, "calls", getattr(parameters, "connections", None))
    return total


def versions() -> dict[str, str]:
    """Return the versions of Python and of what a result depends on."""
    found = {"python": platform.python_version()}
    return found | {library: metadata.version(library) for library in LIBRARIES}


def peak_memory() -> int:
    """Return the most memory that this process has held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
