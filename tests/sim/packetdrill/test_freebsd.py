from __future__ import annotations

import errno

import pytest

from tests.sim.packetdrill.freebsd import CONNECT, cases, setup
from tests.sim.packetdrill.test_interpreter import mismatch, passes, run

CASES = cases()
NONBLOCKING = "+0.00 fcntl(3, F_SETFL, O_RDWR | O_NONBLOCK) = 0\n"


@pytest.mark.parametrize("what", CASES)
def test_segment_in_state(what: str) -> None:
    run(CASES[what])


def test_every_state_is_there() -> None:
    states = (
        "CLOSED LISTEN SYN-SENT SYN-RECEIVED ESTABLISHED FIN-WAIT-1 FIN-WAIT-2 CLOSE-WAIT CLOSING"
    )
    for state in [*states.split(), "LAST-ACK", "TIME-WAIT"]:
        assert sum(f"in {state}" in what for what in CASES) >= 20


@pytest.mark.parametrize("knob", ["insecure_rst", "insecure_syn", "drop_synfin"])
def test_turning_a_knob_makes_the_scripts_fail_that_depend_on_it(knob: str) -> None:
    for what, script in CASES.items():
        depends = f"{knob}=" in what and ("last in" in what or "SYN at" in what or "SF" in what)
        if not depends or ("SF" in what and any(f"SF {seq} " in what for seq in (1, 2))):
            continue
        turned = script.replace(f"{knob}=1", f"{knob}=x").replace(f"{knob}=0", f"{knob}=1")
        assert not passes(turned.replace(f"{knob}=x", f"{knob}=0")), what


@pytest.mark.parametrize(
    ("message", "error"),
    [
        *((f"unreachable {kind}_unreachable", "ECONNREFUSED") for kind in ("port", "protocol")),
        *((f"unreachable {kind}_prohibited", "ECONNREFUSED") for kind in ("net", "host")),
        ("unreachable packet_filtered", "ECONNREFUSED"),
        ("time_exceeded ttl_exceeded_in_transit", "EHOSTUNREACH"),
    ],
)
def test_icmp_errors_end_connect_if_they_quote_the_syn(message: str, error: str) -> None:
    text = setup("icmp_may_rst", 1) + CONNECT
    for seq in (4294967295, 1):
        text += f"+0.10 < [{seq}:{seq}(0)] icmp {message}\n"
        text += "+0.00 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0\n"
    text += f"+0.10 < icmp {message} [0:0(0)]\n"
    text += f"+0.00 getsockopt(3, SOL_SOCKET, SO_ERROR, [{error}], [4]) = 0\n"
    run(text)
    assert mismatch(text.replace("icmp_may_rst=1", "icmp_may_rst=0")).message == (
        f"getsockopt(): the option is 0, expected {getattr(errno, error)}"
    )


def test_soft_icmp_errors_do_not_end_connect() -> None:
    soft = ("net_unreachable", "host_unreachable", "source_route_failed", "net_unknown")
    text = setup("icmp_may_rst", 1) + CONNECT
    text += "".join(f"+0.01 < icmp unreachable {kind} [0:0(0)]\n" for kind in soft)
    text += "+0.01 < icmp source_quench [0:0(0)]\n+0.01 < icmp parameter_problem [0:0(0)]\n"
    run(text + "+0.00 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0\n")


def test_syns_wait_for_rexmit_slop_too_and_lose_their_options() -> None:
    offer = "<mss 1460,nop,wscale 6,sackOK,TS val {} ecr 0>"
    run(
        setup("rexmit_drop_options", 1).replace(NONBLOCKING, "")
        + f"""+0.00 setsockopt(3, IPPROTO_TCP, TCP_KEEPINIT, [17], 4) = 0
 1.00...18.00 connect(3, ..., ...) = -1 ETIMEDOUT (timed out)
+0.00 > S 0:0(0) win 65535 {offer.format(100)}
+1.00 > S 0:0(0) win 65535 {offer.format(1100)}
+2.20 > S 0:0(0) win 65535 {offer.format(3300)}
+4.20 > S 0:0(0) win 65535 <mss 1460>
+8.20 > S 0:0(0) win 65535 <mss 1460>
18.00 close(3) = 0
"""
    )


def test_waits_grow_to_64_seconds() -> None:
    syn = "> S 0:0(0) win 65535 <...>\n"
    times = ("+0.00", "+1.00", "+2.20", "+4.20", "+8.20", "+16.20", "+32.20", *("+64.00",) * 4)
    run(
        setup()
        + "+0.00 setsockopt(3, IPPROTO_TCP, TCP_KEEPINIT, [363], 4) = 0\n"
        + "+0.00 connect(3, ..., ...) = -1 EINPROGRESS (in progress)\n"
        + "".join(f"{time} {syn}" for time in times)
        + "+65.00 getsockopt(3, SOL_SOCKET, SO_ERROR, [ETIMEDOUT], [4]) = 0\n"
    )


def test_without_options() -> None:
    run(
        setup()
        + """+0.00 setsockopt(3, IPPROTO_TCP, TCP_NOOPT, [1], 4) = 0
+0.00 connect(3, ..., ...) = -1 EINPROGRESS (in progress)
+0.00 > S 0:0(0) win 65535
+0.05 < S 0:0(0) win 65535 <sackOK,TS val 100 ecr 0>
+0.00 > S. 0:0(0) ack 1 win 65535
+0.00 < . 1:1(0) ack 1 win 65535
+0.00 %{ assert tcpi_options == 0 }%
+0.05 write(3, ..., 1000) = 1000
+0.00 > . 1:537(536) ack 1 win 65535
+0.00 > P. 537:1001(464) ack 1 win 65535
"""
    )
    run(
        setup()
        + """+0.00 setsockopt(3, IPPROTO_TCP, TCP_NOOPT, [1], 4) = 0
+0.00 bind(3, ..., ...) = 0
+0.00 listen(3, 1) = 0
+0.00 < S 0:0(0) win 65535 <mss 1000,wscale 6,TS val 100 ecr 0,sackOK,eol>
+0.00 > S. 0:0(0) ack 1 win 65535
+0.00 < . 1:1(0) ack 1 win 65535
+0.00 accept(3, ..., ...) = 4
+0.00 %{ assert tcpi_state == TCPI_ESTABLISHED and tcpi_options == 0 }%
"""
    )


def test_keepinit_of_the_host() -> None:
    run(
        """ 0.00 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0.00 getsockopt(3, IPPROTO_TCP, TCP_KEEPINIT, [75], [4]) = 0
+0.10 `sysctl -w net.inet.tcp.keepinit=15000`
+0.00 getsockopt(3, IPPROTO_TCP, TCP_KEEPINIT, [15], [4]) = 0
+0.00 setsockopt(3, IPPROTO_TCP, TCP_KEEPINIT, [0], 4) = -1 EINVAL (invalid)
"""
    )


def test_mtu_decides_on_the_mss() -> None:
    text = f"--mtu=72\n{setup()}{CONNECT}"
    run(text.replace("mss 1460", "mss 32"))
    assert "mss" in mismatch(text).message


CONDITIONS = """ 0.00 `sysctl -w net.inet.tcp.sack.enable=1`
#ifdef STANDARD
+0.00 `false`
#else
+0.00 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
#endif
#ifdef FreeBSD
+0.00 getsockopt(3, SOL_SOCKET, SO_ERROR, [7], [4]) = 0
#endif
"""


def test_parts_for_one_system_count_there_only() -> None:
    assert mismatch(CONDITIONS).line == 8
    run(CONDITIONS.replace("#ifdef FreeBSD", "#ifndef FreeBSD"))
    run(CONDITIONS.replace("net.inet.tcp.sack.enable", "net.ipv4.tcp_sack"))


def test_tcpdrop_forgets_connections() -> None:
    scripts = [script for what, script in CASES.items() if what == ". 3 in TIME-WAIT"]
    waits = "+0.10 `sockstat -4 -P tcp -s | grep -c TIME_WAIT | grep {}`\n"
    for script in scripts:
        run(f"{script}{waits.format(1)}+0.00 `tcpdrop -s TIME_WAIT`\n{waits.format(0)}")
        assert mismatch(f"{script}+0.00 `tcpdrop -s NAP`\n").message == "unknown state NAP"
