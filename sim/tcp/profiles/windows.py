"""Windows 10 and 2019, and Windows 7.

Schedules: nmap#2113 and a public measurement of connect() (0, 1, 3, 7, 15 s, the whole attempt cut
at 21 s); Windows 7: three SYNs, 3 s doubling.  A refused SYN is tried twice more, half a second
apart, before connect() fails; a full backlog is answered with a RST; timers tick every 15.625 ms.
Breaks MUST-23 of RFC 9293 (a SYN is given up before three minutes).
"""

from __future__ import annotations

from dataclasses import replace

from sim.packet import SynOptions
from sim.tcp.errors import hard_errno
from sim.tcp.header import MSS, NOP, SACK_PERMITTED, TIMESTAMPS, WSCALE
from sim.tcp.profile import Profile, exactly
from sim.tcp.timers import Backoff, Wheel
from sim.units import MS, S


def windows_layout(options: SynOptions, timestamps: bool) -> tuple[int, ...]:
    """MSS, NOP, window scale, then SACK-permitted and timestamps."""
    layout: tuple[int, ...] = (MSS,) if options.mss >= 0 else ()
    if options.wscale >= 0:
        layout += (NOP, WSCALE)
    if timestamps:
        layout += (SACK_PERMITTED, TIMESTAMPS) if options.sack_permitted else (NOP, NOP, TIMESTAMPS)
    elif options.sack_permitted:
        layout += (NOP, NOP, SACK_PERMITTED)
    return layout


WINDOWS = Profile(
    name="windows",
    description="Windows 10, Server 2019 and later",
    syn=Backoff(1 * S, retries=4, deadline=21 * S),
    synack=Backoff(1 * S, retries=2),
    wheel=Wheel(15_625_000),
    layout=windows_layout,
    ttl=128,
    timestamps=False,
    wscale=8,
    port_step=1,
    local_ports=(49152, 65535),
    somaxconn=200,
    accept_limit=exactly,
    request_limit=exactly,
    resets_on_overflow=True,
    msl=60 * S,
    rto_min=300 * MS,
    rto_min_is_variance=False,
    acks_fin_at_once=True,
    answers_unsent_ack=True,
    connect_errors=hard_errno,
    refused_retries=2,
    refused_wait=500 * MS,
    tw_reuse=0,
)

WINDOWS_7 = replace(
    WINDOWS,
    name="windows_7",
    description="Windows 7, Server 2008 R2 and before",
    syn=Backoff(3 * S, retries=2),
    synack=Backoff(3 * S, retries=2),
    initial_cwnd=2,
)
