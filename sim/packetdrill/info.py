"""What getsockopt(TCP_INFO) tells of a socket, by the names that a script's code uses."""

from __future__ import annotations

from sim.packetdrill.symbols import TCP_INFO
from sim.tcp import rto
from sim.tcp.connection import Connection
from sim.tcp.listener import Listener
from sim.tcp.seq import MASK
from sim.tcp.states import State
from sim.units import US

STATES = {
    State.CLOSED: "TCP_CLOSE",
    State.LISTEN: "TCP_LISTEN",
    State.SYN_SENT: "TCP_SYN_SENT",
    State.SYN_RECEIVED: "TCP_SYN_RECV",
    State.ESTABLISHED: "TCP_ESTABLISHED",
    State.FIN_WAIT_1: "TCP_FIN_WAIT1",
    State.FIN_WAIT_2: "TCP_FIN_WAIT2",
    State.CLOSE_WAIT: "TCP_CLOSE_WAIT",
    State.CLOSING: "TCP_CLOSING",
    State.LAST_ACK: "TCP_LAST_ACK",
    State.TIME_WAIT: "TCP_TIME_WAIT",
}

TIMESTAMPS_LENGTH = 12
"""Bytes that the timestamps option takes of every segment (RFC 7323 appendix A)."""


def tcp_info(control: Connection | Listener | None) -> dict[str, int]:
    """Return the fields of struct tcp_info and the constants to compare them with.

    None stands for a socket that was never opened.
    """
    c = control
    if not isinstance(c, Connection):
        state = State.CLOSED if c is None else c.state
        return {**TCP_INFO, "tcpi_state": TCP_INFO[STATES[state]], "tcpi_options": 0}
    options = (
        TCP_INFO["TCPI_OPT_TIMESTAMPS"] * (c.ts_recent >= 0)
        | TCP_INFO["TCPI_OPT_SACK"] * c.sack_ok
        | TCP_INFO["TCPI_OPT_WSCALE"] * (c.snd_wscale > 0 or c.rcv_wscale > 0)
        | TCP_INFO["TCPI_OPT_SYN_DATA"] * c.syn_data
    )
    mss = c.mss - (TIMESTAMPS_LENGTH if c.ts_recent >= 0 else 0)
    return {
        **TCP_INFO,
        "tcpi_state": TCP_INFO[STATES[c.state]],
        "tcpi_options": options,
        "tcpi_retransmits": c.retransmits,
        "tcpi_backoff": c.backoff,
        "tcpi_total_retrans": c.total_retransmits,
        "tcpi_snd_wscale": c.snd_wscale,
        "tcpi_rcv_wscale": c.rcv_wscale,
        "tcpi_snd_wnd": c.snd_wnd,
        "tcpi_snd_mss": mss,
        "tcpi_advmss": c.options.mss,
        "tcpi_retrans": 0 if c.sending is None else len(c.sending.resent),
        "tcpi_unacked": -(-((c.snd_nxt - c.snd_una) & MASK) // mss),
        "tcpi_delivered": _delivered(c, mss),
        "tcpi_rtt": c.srtt // US,
        "tcpi_rttvar": c.rttvar // US,
        "tcpi_rto": rto.timeout(c) // US,
    }


def _delivered(c: Connection, mss: int) -> int:
    """Return how many segments of ours the peer has: the SYN, and full segments of data.

    Data that the SYN carried does not count apart from it.
    """
    acknowledged = (c.snd_una - c.iss) & MASK
    data = acknowledged - 1
    if c.syn_data and c.sending is not None and c.sending.early >= 0:
        data -= (c.sending.early - c.iss - 1) & MASK
    return bool(acknowledged) + -(-max(data, 0) // mss)
