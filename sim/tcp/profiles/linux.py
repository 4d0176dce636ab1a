"""Linux 6.5 and later, and Linux before 6.5.

Kernel measurements E1, E2, E5, E8 to E10 on Linux 6.18, and the kernel's sources where a comment
names them.  Both break MUST-23 of RFC 9293 (a SYN is given up after 127 or 131 s, not three
minutes) and abort connect() on ICMP errors that section 3.9.2.2 calls soft.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sim.packet import SynOptions
from sim.tcp.header import FASTOPEN, MSS, NOP, SACK_PERMITTED, TIMESTAMPS, WSCALE
from sim.tcp.profile import Profile, Sysctl, no_more
from sim.tcp.profiles.knobs import (
    cookie_key,
    field,
    flag,
    milliseconds,
    numbers,
    schedule,
    seconds,
    whole,
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

PAGE = 4096


def data_limit(retries: int) -> int:
    """Return how long so many retransmissions take from an RTO of 200 ms on, ns.

    The kernel models tcp_retries2 so (tcp_model_timeout).

    >>> data_limit(15) / 1e9
    924.6
    """
    return sum(Backoff(200 * MS, retries=retries).waits)


SIZES = numbers(3, 1)
"""Least, first and greatest size of a buffer, or low, pressure and high of all of them."""


def set_rmem(profile: Profile, value: Any) -> Profile:
    """Set least, first and greatest receive buffer; the last decides on the window scale."""
    least, first, greatest = SIZES(value)
    wscale = min(max(greatest.bit_length() - 16, 0), 14)
    return replace(profile, read_reserve=least, receive_space=first // 2, wscale=wscale)


def set_wmem(profile: Profile, value: Any) -> Profile:
    """Set the least send buffer; the first is grown with the congestion window at once."""
    return replace(profile, write_reserve=SIZES(value)[0])


def set_mem(profile: Profile, value: Any) -> Profile:
    """Set what all buffers may take, pages; the last figure is the limit."""
    return replace(profile, memory=SIZES(value)[2] * PAGE)


def set_rto_max(profile: Profile, value: Any) -> Profile:
    """Set the longest wait of every schedule, ms (since Linux 6.15)."""
    longest = milliseconds(1000, 120_000)(value)
    return replace(
        profile,
        rto_max=longest,
        syn=replace(profile.syn, longest=longest),
        synack=replace(profile.synack, longest=longest),
    )


LINUX_SYSCTLS: dict[str, Sysctl] = {
    "net.core.somaxconn": field("somaxconn", whole()),
    "net.ipv4.ip_default_ttl": field("ttl", whole(1, 255)),
    "net.ipv4.ip_local_port_range": field("local_ports", numbers(2, 1, 65535)),
    "net.ipv4.tcp_abort_on_overflow": field("abort_on_overflow", flag),
    "net.ipv4.tcp_early_retrans": field("tail_loss_probe", lambda value: whole(0, 4)(value) >= 3),
    "net.ipv4.tcp_fastopen": field("fastopen", whole()),
    "net.ipv4.tcp_fastopen_key": field("fastopen_key", cookie_key),
    "net.ipv4.tcp_fin_timeout": field("fin_timeout", seconds),
    "net.ipv4.tcp_invalid_ratelimit": field("invalid_ratelimit", milliseconds()),
    "net.ipv4.tcp_max_orphans": field("max_orphans", whole()),
    "net.ipv4.tcp_max_syn_backlog": field("max_syn_backlog", whole()),
    "net.ipv4.tcp_mem": set_mem,
    "net.ipv4.tcp_min_snd_mss": field("min_mss", whole(48, 65535)),
    "net.ipv4.tcp_orphan_retries": field(
        "orphan_limit", lambda value: data_limit(whole(0, 255)(value) or 8)
    ),
    "net.ipv4.tcp_retries2": field("data_limit", lambda value: data_limit(whole(0, 255)(value))),
    "net.ipv4.tcp_rmem": set_rmem,
    "net.ipv4.tcp_rto_max_ms": set_rto_max,
    "net.ipv4.tcp_sack": field("sack", flag),
    "net.ipv4.tcp_syn_linear_timeouts": schedule("syn", "linear", whole(0, 127)),
    "net.ipv4.tcp_syn_retries": schedule("syn", "retries", whole(1, 127)),
    "net.ipv4.tcp_synack_retries": schedule("synack", "retries", whole(0, 255)),
    "net.ipv4.tcp_syncookies": field("syncookies", whole(0, 2)),
    "net.ipv4.tcp_timestamps": field("timestamps", lambda value: whole(0, 2)(value) > 0),
    "net.ipv4.tcp_tw_reuse": field("tw_reuse", whole(0, 2)),
    "net.ipv4.tcp_tw_reuse_delay": field("tw_reuse_delay", milliseconds(1, 60_000)),
    "net.ipv4.tcp_window_scaling": field("window_scaling", flag),
    "net.ipv4.tcp_wmem": set_wmem,
}

LINUX = Profile(
    name="linux",
    description="Linux 6.5 and later",
    syn=Backoff(1 * S, retries=6, linear=4, elapsed_limit=True),
    synack=Backoff(1 * S, retries=5),
    wheel=LINUX_WHEEL,
    layout=linux_layout,
    max_syn_backlog=2048,
    syncookies=1,
    prunes_requests=True,
    careful_requests=False,
    icmp_of_acks=True,
    doubles_buffers=True,
    pipe_in_close_wait=True,
    repeats_offer=True,
    keeps_syn_text=False,
    listens_to_syn_fin=False,
    hurried_syn=8 * MS,
    judges_echo=True,
    fills_bursts=True,
    tail_loss_probe=True,
    fastopen=1,
    sysctls=LINUX_SYSCTLS,
)

LINUX_4_19 = replace(
    LINUX,
    name="linux_4_19",
    description="Linux before 6.5: the classic doubling schedule",
    syn=replace(LINUX.syn, linear=0),
    somaxconn=128,
    request_limit=no_more,
    sysctls={
        name: sysctl
        for name, sysctl in LINUX_SYSCTLS.items()
        if name not in ("net.ipv4.tcp_syn_linear_timeouts", "net.ipv4.tcp_rto_max_ms")
    },
)
