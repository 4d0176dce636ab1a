"""Linux 6.5 and later, and Linux before 6.5.

Kernel measurements E1, E2, E5, E8 to E10 on Linux 6.18, and the kernel's sources where a comment
names them.  Both break MUST-23 of RFC 9293 (a SYN is given up after 127 or 131 s, not three
minutes) and abort connect() on ICMP errors that section 3.9.2.2 calls soft.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sim.packet import SynOptions
from sim.tcp.profile import (
    FASTOPEN,
    MSS,
    NOP,
    SACK_PERMITTED,
    TIMESTAMPS,
    WSCALE,
    Profile,
    Sysctl,
    flag,
    knob,
    no_more,
    schedule_knob,
)
from sim.tcp.siphash import fastopen_key
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


def numbers(value: Any) -> tuple[int, ...]:
    """Return the numbers of a knob such as tcp_mem: text or a sequence."""
    return tuple(int(number) for number in (value.split() if isinstance(value, str) else value))


def seconds(value: Any) -> int:
    """Return a knob's seconds as ns."""
    return int(value) * S


def milliseconds(value: Any) -> int:
    """Return a knob's milliseconds as ns."""
    return int(value) * MS


def data_limit(retries: int) -> int:
    """Return how long so many retransmissions take from an RTO of 200 ms on, ns.

    The kernel models tcp_retries2 so (tcp_model_timeout).

    >>> data_limit(15) / 1e9
    924.6
    """
    return sum(Backoff(200 * MS, retries=retries).waits)


def set_rmem(profile: Profile, value: Any) -> Profile:
    """Set least, first and greatest receive buffer; the last decides on the window scale."""
    least, first, greatest = numbers(value)
    wscale = min(max(greatest.bit_length() - 16, 0), 14)
    return replace(profile, read_reserve=least, receive_space=first // 2, wscale=wscale)


def set_wmem(profile: Profile, value: Any) -> Profile:
    """Set the least send buffer; the first is grown with the congestion window at once."""
    return replace(profile, write_reserve=numbers(value)[0])


def set_rto_max(profile: Profile, value: Any) -> Profile:
    """Set the longest wait of every schedule, ms (since Linux 6.15)."""
    longest = milliseconds(value)
    return replace(
        profile,
        rto_max=longest,
        syn=replace(profile.syn, longest=longest),
        synack=replace(profile.synack, longest=longest),
    )


LINUX_SYSCTLS = {
    "net.ipv4.tcp_syn_retries": schedule_knob("syn", "retries"),
    "net.ipv4.tcp_syn_linear_timeouts": schedule_knob("syn", "linear"),
    "net.ipv4.tcp_synack_retries": schedule_knob("synack", "retries"),
    "net.ipv4.tcp_timestamps": knob("timestamps", flag),
    "net.ipv4.tcp_sack": knob("sack", flag),
    "net.ipv4.tcp_window_scaling": knob("window_scaling", flag),
    "net.ipv4.ip_local_port_range": knob("local_ports", numbers),
    "net.ipv4.tcp_abort_on_overflow": knob("abort_on_overflow", flag),
    "net.ipv4.tcp_fastopen": knob("fastopen", lambda value: int(str(value), 0)),
    "net.ipv4.tcp_fastopen_key": knob("fastopen_key", fastopen_key),
    "net.ipv4.tcp_early_retrans": Sysctl(
        lambda p, value: replace(p, tail_loss_probe=int(value) >= 3),
        lambda p: 3 * p.tail_loss_probe,
    ),
    "net.ipv4.tcp_fin_timeout": knob("fin_timeout", seconds),
    "net.ipv4.tcp_invalid_ratelimit": knob("invalid_ratelimit", milliseconds),
    "net.ipv4.tcp_max_orphans": knob("max_orphans"),
    "net.ipv4.tcp_max_syn_backlog": knob("max_syn_backlog"),
    "net.ipv4.tcp_min_snd_mss": knob("min_mss"),
    "net.ipv4.tcp_mem": Sysctl(
        lambda p, value: replace(p, memory=numbers(value)[2] * PAGE), lambda p: p.memory // PAGE
    ),
    "net.ipv4.tcp_orphan_retries": Sysctl(
        lambda p, value: replace(p, orphan_limit=data_limit(int(value) or 8)),
        lambda p: p.orphan_limit,
    ),
    "net.ipv4.tcp_retries2": Sysctl(
        lambda p, value: replace(p, data_limit=data_limit(int(value))), lambda p: p.data_limit
    ),
    "net.ipv4.tcp_rmem": Sysctl(set_rmem, lambda p: p.read_reserve),
    "net.ipv4.tcp_rto_max_ms": Sysctl(set_rto_max, lambda p: p.rto_max // MS),
    "net.ipv4.tcp_syncookies": knob("syncookies"),
    "net.ipv4.tcp_tw_reuse": knob("tw_reuse"),
    "net.ipv4.tcp_tw_reuse_delay": knob("tw_reuse_delay", milliseconds),
    "net.ipv4.tcp_wmem": Sysctl(set_wmem, lambda p: p.write_reserve),
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
    max_syn_backlog=2048,
    syncookies=1,
    prunes_requests=True,
    careful_requests=False,
    icmp_of_acks=True,
    pipe_in_close_wait=True,
    repeats_offer=True,
    keeps_syn_text=False,
    listens_to_syn_fin=False,
    hurried_syn=8 * MS,
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
