"""What differs between operating systems, as data: a `Profile` is one kernel's TCP.

A profile's values are its kernel's defaults; `Profile.configure` sets those that have a sysctl
under the sysctl's own name.  The profiles themselves are in `sim.tcp.profiles`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sim.packet import SynOptions
from sim.tcp.timers import Backoff, Wheel

END, NOP, MSS, WSCALE, SACK_PERMITTED, SACK, TIMESTAMPS, FASTOPEN = 0, 1, 2, 3, 4, 5, 8, 34
"""Option kinds (RFC 9293 3.2, RFC 7323, RFC 2018, RFC 7413)."""


@dataclass(frozen=True, slots=True)
class Sysctl:
    """One knob: how its value changes a profile."""

    apply: Callable[[Profile, Any], Profile]
    read: Callable[[Profile], Any]


@dataclass(frozen=True, slots=True)
class Profile:
    """One operating system's TCP; times in ns, sizes in bytes."""

    name: str
    description: str
    syn: Backoff
    """Schedule of the SYN of an active open."""
    synack: Backoff
    """Schedule of the SYN-ACK of a passive open."""
    fin: Backoff
    """Schedule of the FIN."""
    wheel: Wheel
    """How its timers are rounded."""
    layout: Callable[[SynOptions, bool], tuple[int, ...]]
    """Order of the options in a SYN, NOPs and end among them; the flag says whether timestamps."""
    ttl: int = 64
    timestamps: bool = True
    sack: bool = True
    window_scaling: bool = True
    receive_space: int = 65536
    """Receive buffer that the first window may fill."""
    window_in_segments: bool = True
    """Whether the first window is rounded down to whole segments."""
    wscale: int = 7
    local_ports: tuple[int, int] = (32768, 60999)
    """Ephemeral ports, first and last."""
    somaxconn: int = 4096
    max_syn_backlog: int = 2048
    abort_on_overflow: bool = False
    write_reserve: int = 4096
    """Bytes of send buffer that every socket is sure of (first figure of tcp_wmem)."""
    read_reserve: int = 4096
    """Bytes of receive buffer that every socket is sure of (first figure of tcp_rmem)."""
    memory: int = 6 << 30
    """Bytes that all sockets of a host may hold (last figure of tcp_mem)."""
    msl: int = 30_000_000_000
    """Half of the time in TIME-WAIT."""
    sysctls: Mapping[str, Sysctl] = field(default_factory=dict, repr=False, compare=False)

    def syn_options(self, mss: int) -> SynOptions:
        """Return what a SYN offers, `mss` bytes among it."""
        options = SynOptions(mss, self.wscale if self.window_scaling else -1, self.sack)
        return options._replace(layout=self.layout(options, self.timestamps))

    def first_window(self, segment: int) -> int:
        """Return the first window, bytes, for segments of that many bytes (E8).

        Linux rounds down to whole segments: 64240 in a SYN, 65160 in a SYN-ACK with timestamps.
        """
        space = self.receive_space
        if self.window_in_segments and space > segment:
            space -= space % segment
        return min(space, 65535)

    def configure(self, sysctls: Mapping[str, Any]) -> Profile:
        """Return this profile with some of its sysctls set.

        Raises ValueError, with the nearest name, if the profile has no such sysctl.
        """
        profile = self
        for name, value in sysctls.items():
            sysctl = self.sysctls.get(name)
            if sysctl is None:
                near = difflib.get_close_matches(name, self.sysctls, 1, 0.5)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"{self.name} has no sysctl {name!r}{hint}")
            profile = sysctl.apply(profile, value)
        return profile

    def schedules(self) -> dict[str, Any]:
        """Return its timers as plain data, for run.json: waits in seconds, before rounding."""
        return {
            "syn_timeouts_s": [wait / 1e9 for wait in self.syn.waits],
            "synack_timeouts_s": [wait / 1e9 for wait in self.synack.waits],
            "timer_wheel": {
                "tick_s": self.wheel.tick / 1e9,
                "levels": [list(level) for level in self.wheel.levels],
            },
        }


def knob(name: str, convert: Callable[[Any], Any] = int) -> Sysctl:
    """Return the sysctl that sets the profile's field `name`."""
    return Sysctl(
        lambda profile, value: replace(profile, **{name: convert(value)}),
        lambda profile: getattr(profile, name),
    )


def schedule_knob(schedule: str, name: str) -> Sysctl:
    """Return the sysctl that sets the field `name` of one of the profile's schedules."""
    return Sysctl(
        lambda profile, value: replace(
            profile, **{schedule: replace(getattr(profile, schedule), **{name: int(value)})}
        ),
        lambda profile: getattr(getattr(profile, schedule), name),
    )
