"""What the scenarios of a listener under pressure share."""

from __future__ import annotations

from typing import Final

from sim import Simulation
from sim.tcp.profiles import PROFILES

KNOBS: Final = {
    "syncookies": ("net.ipv4.tcp_syncookies", "net.inet.tcp.syncookies"),
    "abort_on_overflow": (
        "net.ipv4.tcp_abort_on_overflow",
        "net.inet.tcp.syncache.rst_on_sock_fail",
    ),
    "somaxconn": ("net.core.somaxconn", "kern.ipc.soacceptqueue"),
    "max_syn_backlog": ("net.ipv4.tcp_max_syn_backlog",),
}
"""Parameters, and what the operating systems call them; a `Profile` has them under our name."""


def listening_sysctls(sim: Simulation, system: str, **parameters: int | None) -> dict[str, int]:
    """Return the sysctls of a server, under the names that its operating system has for them.

    None leaves a parameter as the system has it.  A note tells of one that a system has no knob
    for, if it does otherwise.
    """
    profile = PROFILES[system]
    found = {}
    for parameter, value in parameters.items():
        if value is None:
            continue
        name = next((name for name in KNOBS[parameter] if name in profile.sysctls), None)
        if name is not None:
            found[name] = value
        elif value != int(getattr(profile, parameter)):
            sim.notes.append(f"{system} has no such knob: {parameter} has no effect")
    return found
