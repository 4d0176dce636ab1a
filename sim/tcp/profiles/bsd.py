"""FreeBSD 13 and later, and macOS.

FreeBSD: tcp_timer.h, tcp_syncache.c, tcp_output.c (tcp_addoptions); macOS: xnu's tcp_timer.c and
tcp_output.c.  Both give connect() up after keepinit, 75 s, and so break MUST-23 of RFC 9293.  The
accept queue overflows beyond 3/2 of the backlog; a final ACK that finds it full is answered with a
RST and its entry in the syncache deleted (syncache_expand).  When the syncache is full its oldest
entry goes, unless cookies do without.  macOS has no syncache: a SYN that finds the accept queue
full is dropped, and the oldest request makes room for a new one (sodropablereq).  Knobs carry
FreeBSD's own names.  The schedule of the SYN is the published one, without what
net.inet.tcp.rexmit_slop adds to every wait but the first: set it to FreeBSD's 200 ms to have that.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sim.packet import SynOptions
from sim.tcp.errors import bsd_errno, no_errno
from sim.tcp.header import END, FASTOPEN, MSS, NOP, SACK_PERMITTED, TIMESTAMPS, WSCALE
from sim.tcp.profile import ErrorOf, Profile, Sysctl, syncache, three_halves
from sim.tcp.profiles.knobs import field, flag, milliseconds, schedule, whole
from sim.tcp.timers import Backoff, Wheel
from sim.units import MS, S


def freebsd_layout(options: SynOptions, timestamps: bool) -> tuple[int, ...]:
    """MSS, window scale, SACK-permitted, timestamps, each aligned as tcp_addoptions() does."""
    layout: tuple[int, ...] = ()
    length = 0

    def put(kind: int, size: int, modulus: int, remainder: int) -> None:
        nonlocal layout, length
        while length % modulus != remainder or (not length and remainder):
            layout += (NOP,)
            length += 1
        layout += (kind,)
        length += size

    if options.mss >= 0:
        put(MSS, 4, 4, 0)
    if options.wscale >= 0:
        put(WSCALE, 3, 4, 1)
    if options.sack_permitted:
        put(SACK_PERMITTED, 2, 2, 0)
    if timestamps:
        put(TIMESTAMPS, 10, 4, 2)
    if options.fastopen is not None:
        put(FASTOPEN, 2 + len(options.fastopen), 4, 0)
    return layout + (END,) * (-length % 4)


def macos_layout(options: SynOptions, timestamps: bool) -> tuple[int, ...]:
    """MSS, NOP, window scale, NOP, NOP, timestamps, SACK-permitted, end of list."""
    layout: tuple[int, ...] = (MSS,) if options.mss >= 0 else ()
    if options.wscale >= 0:
        layout += (NOP, WSCALE)
    if timestamps:
        layout += (NOP, NOP, TIMESTAMPS)
    if options.sack_permitted:
        layout += (SACK_PERMITTED, END, END)
    return layout


def rfc1323(profile: Profile, value: Any) -> Profile:
    """net.inet.tcp.rfc1323: 1 both extensions, 2 window scaling alone, 3 timestamps alone."""
    number = whole(0, 3)(value)
    return replace(profile, window_scaling=number in (1, 2), timestamps=number in (1, 3))


def icmp_may_rst(profile: Profile, value: Any) -> Profile:
    """net.inet.tcp.icmp_may_rst: whether ICMP errors end a connect()."""
    errors: ErrorOf = bsd_errno if flag(value) else no_errno
    return replace(profile, connect_errors=errors)


def set_slop(profile: Profile, value: Any) -> Profile:
    """net.inet.tcp.rexmit_slop: what every retransmission waits in addition."""
    slop = milliseconds()(value)
    return replace(profile, rto_slop=slop, syn=replace(profile.syn, slop=slop))


def set_buffer_limit(profile: Profile, value: Any) -> Profile:
    """kern.ipc.maxsockbuf: the window scale is the least that can offer so much."""
    limit, scales = whole(1, 2**63)(value), range(15)
    return replace(profile, wscale=next((n for n in scales if 65535 << n >= limit), 14))


def set_port(end: int) -> Sysctl:
    """net.inet.ip.portrange.first and .last; the host takes the lesser one for the first."""

    def set_end(profile: Profile, value: Any) -> Profile:
        port, other = whole(1, 65535)(value), profile.local_ports[1 - end]
        return replace(profile, local_ports=(min(port, other), max(port, other)))

    return set_end


FREEBSD_SYSCTLS: dict[str, Sysctl] = {
    "kern.ipc.maxsockbuf": set_buffer_limit,
    "kern.ipc.soacceptqueue": field("somaxconn", whole()),
    "net.inet.ip.portrange.first": set_port(0),
    "net.inet.ip.portrange.last": set_port(1),
    "net.inet.ip.ttl": field("ttl", whole(1, 255)),
    "net.inet.tcp.delacktime": field("delayed_ack", milliseconds()),
    "net.inet.tcp.drop_synfin": field("drops_syn_fin", flag),
    "net.inet.tcp.finwait2_timeout": field("fin_timeout", milliseconds()),
    "net.inet.tcp.icmp_may_rst": icmp_may_rst,
    "net.inet.tcp.initcwnd_segments": field("initial_cwnd", whole(1)),
    "net.inet.tcp.insecure_rst": field("insecure_rst", flag),
    "net.inet.tcp.insecure_syn": field("insecure_syn", flag),
    "net.inet.tcp.keepinit": schedule("syn", "deadline", milliseconds(1)),
    "net.inet.tcp.minmss": field("min_mss", whole(1, 65535)),
    "net.inet.tcp.msl": field("msl", milliseconds(1)),
    "net.inet.tcp.recvspace": field("receive_space", whole(1)),
    "net.inet.tcp.rexmit_drop_options": field("plain_syn", lambda value: 3 * flag(value)),
    "net.inet.tcp.rexmit_initial": schedule("syn", "initial", milliseconds(1)),
    "net.inet.tcp.rexmit_min": field("rto_min", milliseconds(1)),
    "net.inet.tcp.rexmit_slop": set_slop,
    "net.inet.tcp.rfc1323": rfc1323,
    "net.inet.tcp.sack.enable": field("sack", flag),
    "net.inet.tcp.sendspace": field("send_buffer", whole(1)),
    "net.inet.tcp.syncache.rexmtlimit": schedule("synack", "retries", whole()),
    "net.inet.tcp.syncache.rst_on_sock_fail": field("abort_on_overflow", flag),
    "net.inet.tcp.syncookies": field("syncookies", flag),
}

FREEBSD = Profile(
    name="freebsd",
    description="FreeBSD 13 and later",
    syn=Backoff(1 * S, retries=12, deadline=75 * S, longest=64 * S),
    synack=Backoff(1 * S, retries=3),
    wheel=Wheel(1 * MS),
    layout=freebsd_layout,
    receive_space=65536,
    window_in_segments=False,
    buffer_in_segments=True,
    scales_up=False,
    wscale=6,
    port_step=1,
    local_ports=(10000, 65535),
    somaxconn=128,
    accept_limit=three_halves,
    request_limit=syncache,
    syncache=True,
    recycles_requests=True,
    abort_on_overflow=True,
    forgets_on_overflow=True,
    syncookies=1,
    msl=30 * S,
    rto_min=30 * MS,
    rto_min_is_variance=False,
    acks_fin_at_once=True,
    answers_unsent_ack=True,
    wait_needs_ack=True,
    repeats_fin=True,
    resets_before_edge=True,
    resets_close_window=True,
    invalid_ratelimit=0,
    reset_ends_wait=False,
    refuses_in_syn_received=True,
    connect_errors=bsd_errno,
    rto_slop=200 * MS,
    min_mss=216,
    rto_max=64 * S,
    send_buffer=32768,
    tw_reuse=0,
    sysctls=FREEBSD_SYSCTLS,
)

MACOS = replace(
    FREEBSD,
    name="macos",
    description="macOS and iOS",
    syn=Backoff(1 * S, retries=12, linear=4, deadline=75 * S),
    layout=macos_layout,
    request_limit=three_halves,
    syncache=False,
    abort_on_overflow=False,
    forgets_on_overflow=False,
    local_ports=(49152, 65535),
    syncookies=0,
    msl=15 * S,
    send_buffer=131072,
    sysctls={},
)
