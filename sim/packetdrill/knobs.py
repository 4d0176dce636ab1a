"""The sysctls of scripts: which operating system they belong to, and which matter to a host here.

A knob that the host's profile has is set there.  Others are accepted only if they cannot change
what a simulated host does: knobs of congestion control and of the device, and switches of features
that it lacks when they are switched off.
"""

from __future__ import annotations

from collections.abc import Iterable

from sim.packetdrill.shell import CountSockets, DropSockets, SetSysctl, Step
from sim.tcp.profile import Profile

BSD_PREFIXES = ("net.inet.", "net.inet6.", "kern.")

WITHOUT_COUNTERPART = frozenset(
    {
        "kern.timecounter.alloweddeviation",
        "net.inet.tcp.hostcache.purgenow",
        "net.ipv4.tcp_congestion_control",
        "net.ipv4.tcp_dsack",
        "net.ipv4.tcp_fack",
        "net.ipv4.tcp_frto",
        "net.ipv4.tcp_min_tso_segs",
        "net.ipv4.tcp_no_metrics_save",
        "net.ipv4.tcp_notsent_lowat",
        "net.ipv4.tcp_pacing_ca_ratio",
        "net.ipv4.tcp_pacing_ss_ratio",
        "net.ipv4.tcp_recovery",
        "net.ipv4.tcp_reordering",
        "net.ipv4.tcp_slow_start_after_idle",
        "net.ipv4.tcp_tso_win_divisor",
    }
)
"""Knobs of what is not simulated: loss recovery's variants, segmentation, pacing, clocks."""

ONLY_VALUE = {
    "net.ipv4.tcp_ecn": "0",
    "net.inet.tcp.blackhole": "0",
    "net.inet.tcp.ecn.enable": "2",
    "net.inet.tcp.syncookies_only": "0",
    "net.inet.tcp.tolerate_missing_ts": "0",
    "net.ipv4.tcp_fastopen_blackhole_timeout_sec": "0",
    "net.mptcp.enabled": "0",
}
"""Knobs of features that a host lacks, and the value that asks for nothing else."""


def operating_system(steps: Iterable[Step]) -> str:
    """Return the name of the profile that a script's commands speak to."""
    for step in steps:
        if isinstance(step, CountSockets | DropSockets):
            return "freebsd"
        if isinstance(step, SetSysctl) and step.name.startswith(BSD_PREFIXES):
            return "freebsd"
    return "linux"


def configure(profile: Profile, step: SetSysctl) -> Profile:
    """Return the profile with a sysctl set; raises ValueError if the profile cannot honour it."""
    harmless = step.name in WITHOUT_COUNTERPART or ONLY_VALUE.get(step.name) == step.value
    if step.name not in profile.sysctls and harmless:
        return profile
    return profile.configure({step.name: step.value})
