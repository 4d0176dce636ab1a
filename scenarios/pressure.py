"""What the scenarios of a listener under pressure share."""

from __future__ import annotations

from sim import Simulation
from sim.tcp.profiles import PROFILES

SYNCOOKIES = ("net.ipv4.tcp_syncookies", "net.inet.tcp.syncookies")
ABORT_ON_OVERFLOW = ("net.ipv4.tcp_abort_on_overflow",)


def listening_sysctls(
    sim: Simulation, system: str, syncookies: int, abort_on_overflow: int
) -> dict[str, int]:
    """Return the sysctls of a server, under the names that its operating system has for them.

    A note tells of a parameter that differs from what a system without that sysctl does.
    """
    profile = PROFILES[system]
    found = {}
    for parameter, value, names, fixed in (
        ("syncookies", syncookies, SYNCOOKIES, profile.syncookies),
        ("abort_on_overflow", abort_on_overflow, ABORT_ON_OVERFLOW, int(profile.abort_on_overflow)),
    ):
        name = next((name for name in names if name in profile.sysctls), None)
        if name is not None:
            found[name] = value
        elif value != fixed:
            sim.notes.append(f"{system} has no such knob: {parameter} has no effect")
    return found
