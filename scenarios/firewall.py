"""What does a client see, and when, if a firewall drops its SYN, rejects it or resets it?

Behind a firewall stands a server for each of its rules.  Clients call all of them; each rule speaks
of the SYNs to its own server.  A firewall answers at the rate that Linux does: at most 6 errors in
a burst to one client, then 1 a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scenarios.errors import UserError
from scenarios.parameters import count, duration, frequency, operating_system, text
from sim import Simulation
from sim.applications import arrive, poisson, serve
from sim.net.firewall import Rule, RuleError, parse
from sim.units import S

if TYPE_CHECKING:
    from analysis.frames import Frames

PORT = 80


@dataclass(frozen=True)
class Parameters:
    """The rules, and who calls through them."""

    rules: str = text(
        "accept; drop; reset; reject 3/1; reject 3/3; reject 3/13",
        "what the firewall does with SYNs, one rule for each server",
    )
    delay: int = duration("20 ms", "one-way delay between the clients and the firewall")
    clients: int = count("50", "client hosts, which call in turn", least=1)
    connections: int = count("200", "how many times clients call each server", least=1)
    rate: float = frequency("10/s", "calls to each server: a Poisson process of that rate")
    client_os: str = operating_system("linux", "operating system of the clients")
    server_os: str = operating_system("linux", "operating system of the servers")
    hold: int = duration("1 s", "how long a connection stays open")

    @property
    def calls(self) -> int:
        """How many times connect() is called."""
        return len(understood(self.rules)) * self.connections


def build(sim: Simulation, p: Parameters) -> None:
    """Build the firewall, the servers behind it and the clients before it."""
    rules = understood(p.rules)
    wall = sim.add_firewall("firewall")
    clients = [
        sim.add_host(f"client{number}", os=p.client_os, at="firewall", delay=p.delay)
        for number in range(1, p.clients + 1)
    ]
    for name, rule in rules.items():
        server = sim.add_host(name, os=p.server_os, at="firewall")
        wall.rules.append(rule.towards(server.address))
        serve(server, PORT, p.connections)
        times = poisson(sim.streams.generator(f"arrivals at {name}"), p.rate, p.connections)
        address = server.address, PORT
        arrive(sim, clients, address, times.tolist(), p.hold)
    last = round(p.connections / p.rate * S)
    sim.notes.append(f"calls last for about {last / S:.0f} s, those without an answer for longer")


def understood(text: str) -> dict[str, Rule]:
    """Return the rules in a text, by themselves; UserError for what is none, or twice there."""
    rules: dict[str, Rule] = {}
    for line in map(str.strip, text.split(";")):
        try:
            rule = parse(line)
        except RuleError as error:
            raise UserError(f"parameter rules: {error}") from None
        if line in rules:
            raise UserError(f"parameter rules: {line!r} is there twice")
        rules[line] = rule
    return rules


def report(frames: Frames, _: Parameters) -> str:
    """Say what the clients saw of each rule."""
    from analysis import breakdown  # noqa: PLC0415

    return breakdown.by(frames, "server", "rule")


if __name__ == "__main__":
    from scenarios.script import main

    main()
