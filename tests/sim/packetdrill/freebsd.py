"""Scripts in FreeBSD's flavour: each kind of segment in each state of the `freebsd` profile.

What is expected is what FreeBSD 13 and later do (tcp_input.c, tcp_syncache.c, tcp_timewait.c);
RCV.WND is 65700 bytes once the segment size is known, 65535 before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

SETUP = """--ip_version=ipv4
--tolerance_usecs=75000
 0.00 `sysctl -w net.inet.tcp.rfc1323=1`
+0.00 `sysctl -w net.inet.tcp.rexmit_initial=1000`
+0.00 `sysctl -w net.inet.tcp.rexmit_slop=200`
+0.00 `sysctl -w net.inet.tcp.{knob}={value}`
+0.00 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0.00 fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK) = 0
"""
OFFER = "<mss 1460,sackOK,eol,eol>"
SYN = "> S 0:0(0) win 65535 <mss 1460,nop,wscale 6,sackOK,TS val {ts} ecr 0>\n"
CONNECT = f"+0.00 connect(3, ..., ...) = -1 EINPROGRESS (in progress)\n+0.00 {SYN.format(ts=100)}"
ESTABLISHED = f"""{CONNECT}+0.10 < S. 0:0(0) ack 1 win 32767 {OFFER}
+0.00 > . 1:1(0) ack 1 win 65535
"""
LISTEN = "+0.00 bind(3, ..., ...) = 0\n+0.00 listen(3, 2) = 0\n"
SYN_RECEIVED = f"""+0.00 < S 0:0(0) win 32767 {OFFER}
+0.00 > S. 0:0(0) ack 1 win 65535 {OFFER}
"""
OUR_FIN = "+0.10 shutdown(3, SHUT_WR) = 0\n+0.00 > F. 1:1(0) ack 1 win 65535\n"
THEIR_FIN = "+0.10 < F. 1:1(0) ack 1 win 32767\n+0.00 > . 1:1(0) ack 2 win 65535\n"
LAST_FIN = "+0.00 < F. 1:1(0) ack 2 win 32767\n+0.00 > . 2:2(0) ack 2 win 65535\n"
CLOSE = "+0.00 close(3) = 0\n"
TIME_WAIT = f"{ESTABLISHED}{OUR_FIN}{LAST_FIN}"
ACCEPTED_TIME_WAIT = f"""{LISTEN}{SYN_RECEIVED}+0.10 < . 1:1(0) ack 1 win 32767
+0.00 accept(3, ..., ...) = 4
{OUR_FIN.replace("shutdown(3", "shutdown(4")}{LAST_FIN}"""
STILL_WAITS = "+0.10 `sockstat -4 -P tcp -s | grep packetdril | grep -c TIME_WAIT | grep 1`\n"

STATES = {
    "ESTABLISHED": (ESTABLISHED, 1, 1, f"{CLOSE}+0.00 > F. 1:1(0) ack 1 win 65535\n{LAST_FIN}"),
    "CLOSE-WAIT": (
        f"{ESTABLISHED}{THEIR_FIN}",
        *(2, 1, f"{CLOSE}+0.00 > F. 1:1(0) ack 2 win 65535\n+0.00 < . 2:2(0) ack 2 win 32767\n"),
    ),
    "FIN-WAIT-1": (f"{ESTABLISHED}{OUR_FIN}", 1, 2, f"{LAST_FIN}{CLOSE}"),
    "FIN-WAIT-2": (
        f"{ESTABLISHED}{OUR_FIN}+0.10 < . 1:1(0) ack 2 win 32767\n",
        *(1, 2, f"{LAST_FIN}{CLOSE}"),
    ),
    "CLOSING": (
        f"{ESTABLISHED}{OUR_FIN}+0.10 < F. 1:1(0) ack 1 win 32767\n"
        "+0.00 > F. 1:1(0) ack 2 win 65535\n",
        *(2, 2, f"+0.00 < . 2:2(0) ack 2 win 32767\n{CLOSE}"),
    ),
    "LAST-ACK": (
        f"{ESTABLISHED}{THEIR_FIN}+0.00 shutdown(3, SHUT_WR) = 0\n"
        "+0.00 > F. 1:1(0) ack 2 win 65535\n",
        *(2, 2, f"+0.00 < . 1:1(0) ack 2 win 32767\n{CLOSE}"),
    ),
}
"""What leads to a state, RCV.NXT and SND.NXT there, and how the connection ends from there."""

EDGES = {"left of": -1, "at": 0, "last in": 65699, "right of": 65700}
"""Where a segment lies in the window, as the distance from RCV.NXT."""


def error(name: str) -> str:
    return f"+0.00 getsockopt(3, SOL_SOCKET, SO_ERROR, [{name}], [4]) = 0\n"


def setup(knob: str = "insecure_rst", value: int = 0) -> str:
    return SETUP.format(knob=knob, value=value)


def ipv6(script: str) -> str:
    """The same over IPv6: segments are 20 bytes shorter, and the window is 66240 bytes."""
    script = script.replace("ip_version=ipv4", "ip_version=ipv6").replace("mss 1460", "mss 1440")
    return re.sub(r"\b657(0\d)\b", lambda match: str(66240 + int(match[1])), script)


def resets_and_syns() -> Iterator[tuple[str, str]]:
    """RFC 793's and RFC 5961's answers to RST and SYN in every synchronized state."""
    for state, (lead, rcv, snd, end) in STATES.items():
        for place, offset in EDGES.items():
            at = f"{rcv + offset}:{rcv + offset}(0)"
            inside = 0 <= offset < 65700
            challenge = f"+0.00 > . {snd}:{snd}(0) ack {rcv} win 65535\n"
            for insecure in (0, 1):
                dies = offset == 0 or (inside and insecure)
                yield (
                    f"RST {place} the window in {state}, insecure_rst={insecure}",
                    f"{setup('insecure_rst', insecure)}{lead}+0.10 < R {at} win 32767\n"
                    + (
                        error("ECONNRESET") + CLOSE
                        if dies
                        else challenge * inside + error("0") + end
                    ),
                )
                reset = f"+0.00 > R. {snd}:{snd}(0) ack {rcv} win 0\n" + error("ECONNRESET") + CLOSE
                yield (
                    f"SYN {place} the window in {state}, insecure_syn={insecure}",
                    f"{setup('insecure_syn', insecure)}{lead}+0.10 < S {at} win 32767 {OFFER}\n"
                    + (reset if inside and insecure else challenge + error("0") + end),
                )


def resets_in_syn_received() -> Iterator[tuple[str, str]]:
    passive = f"""+0.10 < . 1:1(0) ack 1 win 32767
+0.10 accept(3, ..., ...) = 4
{THEIR_FIN.replace("+0.10", "+0.00")}"""
    active = f"{error('0')}+0.10 < . 1:1(0) ack 1 win 32767\n{THEIR_FIN}"
    crossing = (
        f"{CONNECT}+0.10 < S 0:0(0) win 32767 {OFFER}\n+0.00 > S. 0:0(0) ack 1 win 65535 {OFFER}\n"
    )
    gone = "+0.10 `sockstat -4 -P tcp -p 8080 -s | grep -c SYN_RCVD | grep 0`\n"
    ways = (
        ("passive", LISTEN + SYN_RECEIVED, 65535, gone, passive),
        ("active", crossing, 65700, error("ECONNREFUSED"), active),
    )
    for way, lead, window, refused, alive in ways:
        for place, seq in {
            "left of": 0,
            "at": 1,
            "last in": window,
            "right of": window + 1,
        }.items():
            for insecure in (0, 1):
                inside = place in ("at", "last in")
                dies = place == "at" or (inside and insecure)
                challenge = "+0.00 > . 1:1(0) ack 1 win 65535\n" * inside
                yield (
                    f"RST {place} the window in SYN-RECEIVED, {way}, insecure_rst={insecure}",
                    f"{setup('insecure_rst', insecure)}{lead}+0.10 < R {seq}:{seq}(0) win 32767\n"
                    + (refused + CLOSE if dies else challenge + alive),
                )


def segments_in_time_wait() -> Iterator[tuple[str, str]]:
    """An ACK is answered unless it repeats the last one; RST and what has no ACK never are."""
    answer = "+0.00 > . 2:2(0) ack 2 win 65535\n"
    silent = f"+0.10 < . 1:1(0) ack 2 win 32767\n{answer}"
    for seq in (1, 2, 3, 65701, 65702):
        for flags, reply in (
            (".", silent if seq == 2 else answer),
            ("F.", answer),
            *(("F", silent), ("R", silent), ("R.", silent)),
        ):
            yield (
                f"{flags} {seq} in TIME-WAIT",
                f"{setup()}{TIME_WAIT}+0.10 < {flags} {seq}:{seq}(0) ack 2 win 32767\n{reply}"
                f"{STILL_WAITS}{CLOSE}",
            )
    for seq in (1, 2, 65536, 65537):
        opens = f"+0.00 > S. ...(0) ack {seq + 1} win 65535 {OFFER}\n"
        for flags, drop in (("S", 0), ("SF", 0), ("SF", 1), ("S.", 0)):
            reply = opens if seq > 2 and not drop else silent + STILL_WAITS
            if flags == "S.":
                reply = answer + STILL_WAITS
            yield (
                f"{flags} {seq} in TIME-WAIT, drop_synfin={drop}",
                f"{setup('drop_synfin', drop)}{ACCEPTED_TIME_WAIT}"
                f"+0.10 < {flags} {seq}:{seq}(0) ack 0 win 32767 {OFFER}\n{reply}"
                "+0.00 close(4) = 0\n",
            )


def segments_without_a_connection() -> Iterator[tuple[str, str]]:
    alive = "+0.10 < . 17:17(0) ack 34 win 32767\n+0.00 > R 34:34(0) win 0\n"
    for length in (0, 3):
        span = f"17:{17 + length}({length})"
        for listens in (False, True):
            lead = LISTEN if listens else "+0.00 bind(3, ..., ...) = 0\n"
            refused = f"+0.00 > R. 0:0(0) ack {{}} win 0\n{CLOSE}"
            synack = f"+0.00 > S. 0:0(0) ack 18 win 65535 {OFFER}\n{CLOSE}"
            for flags, reply in {
                ".": "+0.00 > R 34:34(0) win 0\n",
                "S.": "+0.00 > R 34:34(0) win 0\n",
                "F.": "+0.00 > R 34:34(0) win 0\n",
                "R.": alive,
                "R": alive,
                "S": synack if listens else refused.format(18 + length),
                "SF": synack if listens else refused.format(19 + length),
                "F": alive if listens else refused.format(18 + length),
            }.items():
                yield (
                    f"{flags} of {length} bytes in {'LISTEN' if listens else 'CLOSED'}",
                    f"{setup()}{lead}+0.10 < {flags} {span} ack 34 win 32767 {OFFER}\n{reply}",
                )


def segments_in_syn_sent() -> Iterator[tuple[str, str]]:
    goes_on = f"+0.90 {SYN.format(ts=1100)}+0.00 < S. 0:0(0) ack 1 win 32767 {OFFER}\n"
    goes_on += "+0.00 > . 1:1(0) ack 1 win 65535\n"
    for length in (0, 3):
        end = 1 + length
        for ack, flags in ((a, f) for a in (0, 1, 2) for f in (".", "F.", "R.", "S.")):
            reply = goes_on
            if ack != 1 and flags != "R.":
                reply = f"+0.00 > R {ack}:{ack}(0) win 0\n{goes_on}"
            elif ack == 1 and flags == "R.":
                reply = error("ECONNREFUSED")
            elif ack == 1 and flags == "S.":
                reply = f"+0.00 > . 1:1(0) ack {end} win 65535\n"
            yield (
                f"{flags} of {length} bytes, ack {ack}, in SYN-SENT",
                f"{setup()}{CONNECT}"
                f"+0.10 < {flags} 0:{length}({length}) ack {ack} win 32767 {OFFER}\n{reply}{CLOSE}",
            )
        received = (
            f"""+0.00 > S. 0:0(0) ack 1 win 65535 {OFFER}
+0.00 %{{ assert tcpi_state == TCPI_SYN_RECEIVED }}%
+0.00 read(3, ..., 100) = -1 EWOULDBLOCK (would block)
+0.10 < . {end}:{end}(0) ack 1 win 65535
"""
            + f"+0.00 read(3, ..., 100) = {length}\n" * bool(length)
        )
        received += f"{CLOSE}+0.00 > F. 1:1(0) ack {end} win 65535\n"
        for flags, drop in (("S", 0), ("SF", 0), ("SF", 1), ("R", 0), ("F", 0)):
            crosses = "S" in flags and not drop
            yield (
                f"{flags} of {length} bytes in SYN-SENT, drop_synfin={drop}",
                f"{setup('drop_synfin', drop)}{CONNECT}"
                f"+0.10 < {flags} 0:{length}({length}) win 32767 {OFFER}\n"
                f"{received if crosses else goes_on}",
            )


def cases() -> dict[str, str]:
    """All scripts, over IPv4 and IPv6, by what they are about."""
    families = (
        *(resets_and_syns(), resets_in_syn_received(), segments_in_time_wait()),
        *(segments_without_a_connection(), segments_in_syn_sent()),
    )
    scripts = {what: script for family in families for what, script in family}
    return scripts | {f"{what}, IPv6": ipv6(script) for what, script in scripts.items()}
