"""What differs between operating systems, as data: a `Profile` is one kernel's TCP.

A profile's values are its kernel's defaults; `Profile.configure` sets those that have a sysctl
under the sysctl's own name.  The profiles themselves are in `sim.tcp.profiles`.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from sim.packet import SynOptions
from sim.tcp.errors import icmp_errno
from sim.tcp.timers import Backoff, Wheel

DEFAULT_MSS: Final = 536
DEFAULT_MSS_V6: Final = 1220
"""Segment sizes for a peer that offers none, over IPv4 and IPv6 (RFC 9293 MUST-15)."""


Sysctl = Callable[["Profile", Any], "Profile"]
"""One knob: returns the profile with it set; ValueError says what its value must be."""


class ErrorOf(Protocol):
    """What an ICMP or, if `six`, ICMPv6 error of a type and code means: an errno, or 0."""

    def __call__(self, kind: int, code: int, /, *, six: bool) -> int:
        """Return it."""


def one_more(backlog: int) -> int:
    """Linux: both queues hold one more than the backlog (kernel measurement E5)."""
    return backlog + 1


def no_more(backlog: int) -> int:
    """Linux before 6.14: the backlog and no more, so that one of 0 holds nothing."""
    return backlog


def three_halves(backlog: int) -> int:
    """BSD: a queue overflows when it is longer than 3/2 of the backlog."""
    return 3 * backlog // 2 + 1


def syncache(_: int) -> int:
    """BSD: requests of all listeners share a table (net.inet.tcp.syncache.cachelimit)."""
    return 15375


def exactly(backlog: int) -> int:
    """Windows: the backlog and no more, but one at least."""
    return max(backlog, 1)


@dataclass(frozen=True, slots=True)
class Profile:
    """One operating system's TCP; times in ns, sizes in bytes."""

    name: str
    description: str
    syn: Backoff
    """Schedule of the SYN of an active open."""
    synack: Backoff
    """Schedule of the SYN-ACK of a passive open."""
    wheel: Wheel
    """How its timers are rounded."""
    layout: Callable[[SynOptions, bool], tuple[int, ...]]
    """Order of the options in a SYN, NOPs and end among them; the flag says whether timestamps."""
    ttl: int = 64
    min_mss: int = 48
    """A peer's offer of smaller segments is not believed, bytes (net.ipv4.tcp_min_snd_mss)."""
    timestamps: bool = True
    sack: bool = True
    window_scaling: bool = True
    receive_space: int = 65536
    """Receive buffer that the first window may fill."""
    doubles_buffers: bool = False
    """Whether SO_SNDBUF and SO_RCVBUF read as twice what was set, as in Linux."""
    window_in_segments: bool = True
    """Whether the first window is rounded down to whole segments."""
    buffer_in_segments: bool = False
    """Whether the receive buffer is rounded up to whole segments once both sides' MSS is known."""
    scales_up: bool = True
    """Whether a scaled window is rounded up, as in Linux."""
    wscale: int = 7
    local_ports: tuple[int, int] = (32768, 60999)
    """Ephemeral ports, first and last."""
    port_step: int = 2
    """2: connect() takes ports of one parity first, the other when those are used; 1: any."""
    somaxconn: int = 4096
    max_syn_backlog: int = 1 << 62
    """Of so many requests the last quarter is kept for proven peers where no cookies are sent, in
    Linux (net.ipv4.tcp_max_syn_backlog)."""
    abort_on_overflow: bool = False
    write_reserve: int = 4096
    """Bytes of send buffer that every socket is sure of (first figure of tcp_wmem)."""
    read_reserve: int = 4096
    """Bytes of receive buffer that every socket is sure of (first figure of tcp_rmem)."""
    memory: int = 6 << 30
    """Bytes that all sockets of a host may hold (last figure of tcp_mem)."""
    max_orphans: int = 65536
    """Connections that may still close after their users have closed them (tcp_max_orphans)."""
    msl: int = 30_000_000_000
    """Half of the time in TIME-WAIT."""
    fin_timeout: int = 60_000_000_000
    """Time in FIN-WAIT-2 once the user has closed."""
    tw_reuse: int = 2
    """Who may connect() from a port in TIME-WAIT: 0 nobody, 1 all with timestamps, 2 loopback."""
    tw_reuse_delay: int = 1_000_000_000
    rto_min: int = 200_000_000
    rto_min_is_variance: bool = True
    """Whether rto_min is the least variance term, as in Linux, or the least RTO."""
    rto_slop: int = 0
    """Added to every RTO (FreeBSD: net.inet.tcp.rexmit_slop)."""
    rto_max: int = 120_000_000_000
    data_limit: int = 924_600_000_000
    """How long data may stay unacknowledged before the connection is given up (R2)."""
    orphan_limit: int = 102_200_000_000
    """The same once the user has closed."""
    judges_echo: bool = False
    """Whether a SYN-ACK must echo the timestamp of a SYN that was sent."""
    tail_loss_probe: bool = False
    """Whether the last segments of a flight are probed for loss (RFC 8985 section 7)."""
    delayed_ack: int = 40_000_000
    acks_fin_at_once: bool = False
    initial_cwnd: int = 10
    """Initial window, segments (RFC 6928)."""
    fills_bursts: bool = False
    """Whether a send buffer takes whole bursts, and only tells of room when a third is free."""
    send_buffer: int = 87_040
    """Bytes that send() queues at most."""
    invalid_ratelimit: int = 500_000_000
    """One answer in so long to segments out of order (net.ipv4.tcp_invalid_ratelimit)."""
    answers_unsent_ack: bool = False
    """Whether an ESTABLISHED connection answers an ACK of what was never sent (RFC 9293 does)."""
    pipe_in_close_wait: bool = False
    """Whether a RST in CLOSE-WAIT is reported as EPIPE, as in Linux, not as ECONNRESET."""
    refuses_in_syn_received: bool = False
    """Whether a RST ends a simultaneous open with ECONNREFUSED (RFC 9293), not ECONNRESET."""
    hurried_syn: int = 0
    """Wait before the next SYN when a first answer acknowledges something never sent; 0: no."""
    refused_retries: int = 0
    """How often a refused SYN is sent again before connect() fails."""
    refused_wait: int = 0
    """Wait before that."""
    wait_needs_ack: bool = False
    """Whether TIME-WAIT answers no segment without an ACK, as in FreeBSD (RFC 9293: any)."""
    repeats_fin: bool = False
    """Whether acknowledgments carry the FIN again until it is acknowledged, as in FreeBSD."""
    resets_before_edge: bool = False
    """Whether a RST counts only before the window's right edge (RFC 9293 table 6), not at it."""
    resets_close_window: bool = False
    """Whether a RST of its own offers no window."""
    insecure_rst: bool = False
    """Whether a RST anywhere in the window ends a connection (RFC 793), not the one expected."""
    insecure_syn: bool = False
    """Whether a SYN in the window ends a connection (RFC 793)."""
    careful_requests: bool = True
    """Whether a RST ends a request only at RCV.NXT (RFC 5961); in Linux any in its window does."""
    connect_errors: ErrorOf = icmp_errno
    """The errno with which an ICMP error ends a connect(), 0: it goes on."""
    icmp_of_acks: bool = False
    """Whether ICMP errors about a segment at SND.NXT, an acknowledgment, count, as in Linux."""
    repeats_offer: bool = False
    """Whether the SYN-ACK of a simultaneous open repeats what the SYN offered, as in Linux, not
    only what both SYNs did (RFC 7323)."""
    keeps_syn_text: bool = True
    """Whether text that comes with a SYN is kept for later (RFC 9293); Linux waits for it again,
    but for Fast Open."""
    listens_to_syn_fin: bool = True
    """Whether LISTEN takes a SYN that carries a FIN, which it forgets; Linux drops it."""
    drops_syn_fin: bool = False
    """Whether such a SYN is dropped in every state (FreeBSD: net.inet.tcp.drop_synfin)."""
    reset_ends_wait: bool = True
    """Whether a RST ends TIME-WAIT (RFC 9293); FreeBSD does as RFC 1337 advises."""
    plain_syn: int = 0
    """Which retransmission of a SYN and all after it carry the MSS alone, 0: none
    (FreeBSD: net.inet.tcp.rexmit_drop_options)."""
    syncookies: int = 0
    """SYN cookies: 0 never, 1 when the SYN queue is full, 2 always."""
    accept_limit: Callable[[int], int] = one_more
    """Connections that may wait for accept(), of the backlog."""
    request_limit: Callable[[int], int] = one_more
    """Requests that may be in SYN-RECEIVED, of the backlog."""
    prunes_requests: bool = False
    """Whether old requests are given fewer retries when half the SYN queue is taken."""
    syncache: bool = False
    """Whether requests are taken though the accept queue is full, as by the BSDs' syncache."""
    recycles_requests: bool = False
    """Whether the oldest request makes room for a new one, where no cookie helps (RFC 4987 3.4)."""
    resets_on_overflow: bool = False
    """Whether a SYN that finds a queue full is answered with a RST."""
    forgets_on_overflow: bool = False
    """Whether a final ACK that finds the accept queue full takes its request along."""
    fastopen: int = 0
    """Fast Open: 1 as a client, 2 as a server, and the other bits of net.ipv4.tcp_fastopen."""
    fastopen_key: bytes = b""
    """Key of a server's Fast Open cookies, 16 bytes; b"": a random one of the host's."""
    sysctls: Mapping[str, Sysctl] = field(default_factory=dict, repr=False, compare=False)

    def syn_options(self, mss: int, rcvbuf: int = 0) -> SynOptions:
        """Return what a SYN offers, `mss` bytes among it; `rcvbuf`: SO_RCVBUF, 0 if not set."""
        wscale = min(self.wscale, max(rcvbuf.bit_length() - 16, 0)) if rcvbuf else self.wscale
        options = SynOptions(mss, wscale if self.window_scaling else -1, self.sack)
        return options._replace(layout=self.layout(options, self.timestamps))

    def believed_mss(self, offered: int, *, six: bool) -> int:
        """Return the segment size of a peer that offered so many bytes, -1: nothing.

        Nothing and 0 stand for the default, less than the host's least for that.
        """
        if offered <= 0:
            return DEFAULT_MSS_V6 if six else DEFAULT_MSS
        return max(offered, self.min_mss)

    def first_window(self, segment: int, rcvbuf: int = 0) -> int:
        """Return the first window, bytes, for segments of that many bytes (E8).

        Linux rounds down to whole segments: 64240 in a SYN, 65160 in a SYN-ACK with timestamps.
        """
        space = rcvbuf or self.receive_space
        if self.window_in_segments and space > segment:
            space -= space % segment
        return min(space, 65535)

    def receive_window(self, window: int, segment: int, rcvbuf: int = 0) -> int:
        """Return the window once segments are known to have `segment` bytes at most.

        `window` is what the SYN or SYN-ACK offered.
        """
        if not self.buffer_in_segments:
            return window
        return -(-(rcvbuf or self.receive_space) // segment) * segment

    def reuses_time_wait(self, loopback: bool) -> bool:
        """Whether connect() may take a port in TIME-WAIT (net.ipv4.tcp_tw_reuse)."""
        return self.timestamps and (self.tw_reuse == 1 or (self.tw_reuse == 2 and loopback))

    def configure(self, sysctls: Mapping[str, Any]) -> Profile:
        """Return this profile with some of its sysctls set.

        Raises ValueError, one line, if it has no such sysctl (with the nearest name), or not for
        such a value.
        """
        profile = self
        for name, value in sysctls.items():
            sysctl = self.sysctls.get(name)
            if sysctl is None:
                near = difflib.get_close_matches(name, self.sysctls, 1, 0.5)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"{self.name} has no sysctl {name!r}{hint}")
            try:
                profile = sysctl(profile, value)
            except ValueError as error:
                raise ValueError(f"{name} must be {error}, not {value!r}") from None
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
