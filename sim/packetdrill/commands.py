"""Doing what a script's shell commands ask of the host under test."""

from __future__ import annotations

from typing import Any

from sim.packetdrill import knobs
from sim.packetdrill.bench import Bench
from sim.packetdrill.script import Command, Script
from sim.packetdrill.shell import (
    CheckCounter,
    CountSockets,
    DropSockets,
    Either,
    FlushMetrics,
    SetSysctl,
    Sleep,
    Step,
    steps,
)
from sim.tcp.profile import Profile
from sim.tcp.profiles import PROFILES
from sim.tcp.states import State


class CommandError(Exception):
    """A command that is not understood, or whose check fails; one line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Understood:
    """The commands of a script, all of them understood before the first one is run."""

    def __init__(self, script: Script) -> None:
        self.steps: dict[int, tuple[Step, ...]] = {}
        """What each asks for, by its line."""
        commands: list[tuple[int, object]] = [(event.line, event.action) for event in script.events]
        for line, action in [script.init, *commands] if script.init else commands:
            if isinstance(action, Command):
                try:
                    self.steps[line] = steps(action.text)
                except ValueError as error:
                    raise CommandError(line, str(error)) from None
        self.system = knobs.operating_system(
            step for found in self.steps.values() for step in found
        )
        """The operating system to which they speak."""

    def profile(self) -> Profile:
        """Return the profile of that operating system."""
        if self.system not in PROFILES:
            raise CommandError(min(self.steps, default=0), f"there is no profile '{self.system}'")
        return PROFILES[self.system]


class Commands:
    """A script's commands and the host that they are for."""

    def __init__(self, understood: Understood, bench: Bench) -> None:
        self._steps = understood.steps
        self._bench = bench
        self._counted: dict[str, int] = {}

    def run(self, line: int) -> None:
        """Do what the command on a line asks for."""
        for step in self._steps[line]:
            try:
                self._do(step)
            except ValueError as error:
                raise CommandError(line, str(error)) from None

    def _do(self, step: Step) -> None:
        bench = self._bench
        if isinstance(step, SetSysctl):
            bench.configure(knobs.configure(bench.profile, step))
        elif isinstance(step, Sleep):
            bench.advance(bench.now + step.duration)
        elif isinstance(step, FlushMetrics):
            for peer in bench.host.tcp.peers.known.values():
                peer.forget()
        elif isinstance(step, Either):
            self._do_either(step)
        elif isinstance(step, CheckCounter):
            self._check_counter(step.name)
        elif isinstance(step, DropSockets):
            self._drop_sockets(step)
        else:
            self._check_sockets(step)

    def _do_either(self, step: Either) -> None:
        try:
            for part in step.first:
                self._do(part)
        except ValueError:
            for part in step.second:
                self._do(part)

    def _check_counter(self, name: str) -> None:
        counters, last = self._bench.host.tcp.counters, self._counted
        self._counted = dict(counters)
        if name and counters.get(name, 0) == last.get(name, 0):
            raise ValueError(f"the counter {name} has not moved")

    def _drop_sockets(self, step: DropSockets) -> None:
        state = _state(step.state)
        for endpoint in list(self._bench.host.tcp.connections.values()):
            if endpoint.state == state:
                endpoint.vanish()

    def _check_sockets(self, step: CountSockets) -> None:
        state = _state(step.state)
        tcp = self._bench.host.tcp
        endpoints: list[Any] = [*tcp.connections.values(), *tcp.listeners.values()]
        count = [endpoint.state for endpoint in endpoints].count(state) + step.own
        if step.count not in str(count):
            raise ValueError(f"{count} sockets are in {step.state}, expected {step.count}")


def _state(name: str) -> State:
    """Return the state that FreeBSD calls so."""
    state = State.__members__.get(name.replace("SYN_RCVD", "SYN_RECEIVED"))
    if state is None:
        raise ValueError(f"unknown state {name}")
    return state
