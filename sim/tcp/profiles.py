"""The operating systems that a host can run, each a `Profile`.

Linux: kernel measurements E1, E2 and E8 on Linux 6.18.  The others' constants: kernel sources and
public measurements (Windows: nmap#2113; macOS: xnu; FreeBSD: tcp_timer.h).  Every one of them gives
up before the three minutes of RFC 9293's MUST-23, except `rfc9293`.
"""

from __future__ import annotations

from dataclasses import replace

from sim.packet import SynOptions
from sim.tcp.profile import (
    FASTOPEN,
    MSS,
    NOP,
    SACK_PERMITTED,
    TIMESTAMPS,
    WSCALE,
    Profile,
    knob,
    schedule_knob,
)
from sim.tcp.timers import Backoff, Wheel
from sim.units import MS, S


def linux_layout(options: SynOptions, timestamps: bool) -> tuple[int, ...]:
    """MSS, SACK-permitted, timestamps, NOP, window scale (E8; tcp_options_write in the kernel)."""
    layout: tuple[int, ...] = (MSS,) if options.mss >= 0 else ()
    if timestamps:
        layout += (SACK_PERMITTED, TIMESTAMPS) if options.sack_permitted else (NOP, NOP, TIMESTAMPS)
    elif options.sack_permitted:
        layout += (NOP, NOP, SACK_PERMITTED)
    if options.wscale >= 0:
        layout += (NOP, WSCALE)
    if options.fastopen is not None:
        layout += (FASTOPEN, *(NOP,) * (-(2 + len(options.fastopen)) % 4))
    return layout


LINUX_WHEEL = Wheel(4 * MS, ((63, 0), (504, 3), (4032, 6), (32256, 9), (258048, 12)))
"""CONFIG_HZ=250, the levels of kernel/time/timer.c."""

LINUX_SYSCTLS = {
    "net.ipv4.tcp_syn_retries": schedule_knob("syn", "retries"),
    "net.ipv4.tcp_syn_linear_timeouts": schedule_knob("syn", "linear"),
    "net.ipv4.tcp_synack_retries": schedule_knob("synack", "retries"),
    "net.ipv4.tcp_timestamps": knob("timestamps", lambda value: bool(int(value))),
    "net.ipv4.tcp_sack": knob("sack", lambda value: bool(int(value))),
    "net.ipv4.tcp_window_scaling": knob("window_scaling", lambda value: bool(int(value))),
    "net.ipv4.ip_local_port_range": knob(
        "local_ports",
        lambda value: tuple(
            int(port) for port in (value.split() if isinstance(value, str) else value)
        ),
    ),
    "net.ipv4.tcp_max_syn_backlog": knob("max_syn_backlog"),
    "net.ipv4.tcp_abort_on_overflow": knob("abort_on_overflow", lambda value: bool(int(value))),
    "net.ipv4.ip_default_ttl": knob("ttl"),
    "net.core.somaxconn": knob("somaxconn"),
}

LINUX = Profile(
    name="linux",
    description="Linux 6.5 and later",
    syn=Backoff(1 * S, retries=6, linear=4, elapsed_limit=True),
    synack=Backoff(1 * S, retries=5),
    wheel=LINUX_WHEEL,
    layout=linux_layout,
    hurried_syn=8 * MS,
    sysctls=LINUX_SYSCTLS,
)

LINUX_4_19 = replace(
    LINUX,
    name="linux_4_19",
    description="Linux before 6.5: the classic doubling schedule",
    syn=replace(LINUX.syn, linear=0),
    somaxconn=128,
    sysctls={
        name: sysctl
        for name, sysctl in LINUX_SYSCTLS.items()
        if name != "net.ipv4.tcp_syn_linear_timeouts"
    },
)

RFC9293 = Profile(
    name="rfc9293",
    description="RFC 9293 and RFC 6298 to the letter, with exact timers and R2 of three minutes",
    syn=Backoff(1 * S, retries=64, deadline=180 * S),
    synack=Backoff(1 * S, retries=7),
    wheel=Wheel(0),
    layout=linux_layout,
    msl=120 * S,
)

PROFILES = {profile.name: profile for profile in (LINUX, LINUX_4_19, RFC9293)}
