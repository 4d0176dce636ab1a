from __future__ import annotations

import pytest

from sim.packetdrill import knobs
from sim.packetdrill.code import CodeError, Namespace
from sim.packetdrill.icmp import IcmpError, type_and_code
from sim.packetdrill.script import Direction, IcmpPacket, Settings, TimeKind, When
from sim.packetdrill.shell import (
    DEFAULTS,
    CheckCounter,
    CountSockets,
    FlushMetrics,
    SetSysctl,
    Sleep,
    Step,
    steps,
)
from sim.packetdrill.timing import due, tolerance
from sim.tcp.profiles.linux import LINUX
from sim.units import MS, S


def icmp(kind: str, code: str | None = None, mtu: int | None = None) -> IcmpPacket:
    return IcmpPacket(Direction.INBOUND, kind, code, mtu)


# Commands.


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ("sysctl -q a.b=1 c=2", [SetSysctl("a.b", "1"), SetSysctl("c", "2")]),
        ("sysctl -w a=\"1 2 3\" \\\n  b='4'", [SetSysctl("a", "1 2 3"), SetSysctl("b", "4")]),
        ("sysctl a.b", []),
        ("sysctl a=1 > /dev/null 2>&1; sysctl b=2 && sysctl c=3", "abc"),
        ("\n./set_sysctls.py /proc/sys/net/ipv4/x=1 # why", [SetSysctl("net.ipv4.x", "1")]),
        ("../../common/defaults.sh", [SetSysctl(*item) for item in DEFAULTS.items()]),
        ("/tmp/sysctl_restore_${PPID}.sh", []),
        ("ip tcp_metrics flush all > /dev/null 2>&1", [FlushMetrics()]),
        ("tc qdisc add dev tun0 root pfifo", []),
        ("kldload -n tcp_rack", []),
        ("sleep 0.25", [Sleep(250 * MS)]),
        ("nstat > /dev/null", [CheckCounter("")]),
        ("nstat | grep TcpOutRsts > /dev/null", [CheckCounter("TcpOutRsts")]),
        (
            "sockstat -4 -P tcp -s | grep packetdril | grep -c TIME_WAIT | grep 1",
            [CountSockets("TIME_WAIT", "1", False)],
        ),
        (
            "sockstat -4 -P tcp -s -l | grep packetdril | grep -c LISTEN | grep 2",
            [CountSockets("LISTEN", "2", True)],
        ),
        (
            "sockstat -6 -P tcp -s -p 8080 | grep -c LISTEN | grep 0",
            [CountSockets("LISTEN", "0", False)],
        ),
    ],
)
def test_commands(command: str, result: list[Step] | str) -> None:
    if isinstance(result, str):
        result = [SetSysctl(name, str(n)) for n, name in enumerate(result, 1)]
    assert list(steps(command)) == result


@pytest.mark.parametrize(
    "command",
    [
        "rm -rf /",
        "sysctl -p file",
        "sysctl =1",
        "sysctl a=",
        "sleep soon",
        "sleep inf",
        "ip link set dev tun0 mtu 1200",
        "sockstat | wc -l",
        "nstat -a",
        'sysctl "a=1',
    ],
)
def test_commands_that_are_not_understood(command: str) -> None:
    with pytest.raises(ValueError, match=r"unknown command|NAME=VALUE|closing quotation"):
        steps(command)


def test_sysctls_tell_the_operating_system() -> None:
    assert knobs.operating_system(steps("sysctl net.ipv4.tcp_sack=1")) == "linux"
    assert knobs.operating_system(steps("sysctl net.inet.tcp.rfc1323=1")) == "freebsd"
    assert knobs.operating_system(steps("sockstat | grep -c LISTEN | grep 1")) == "freebsd"
    assert knobs.operating_system([]) == "linux"


def test_knobs() -> None:
    assert not knobs.configure(LINUX, SetSysctl("net.ipv4.tcp_sack", "0")).sack
    assert knobs.configure(LINUX, SetSysctl("net.ipv4.tcp_frto", "2")) == LINUX
    assert knobs.configure(LINUX, SetSysctl("net.ipv4.tcp_ecn", "0")) == LINUX
    for name, value in (("tcp_sack", "yes"), ("tcp_ecn", "1"), ("tcp_sackk", "1")):
        with pytest.raises(ValueError, match=f"net.ipv4.{name}"):
            knobs.configure(LINUX, SetSysctl(f"net.ipv4.{name}", value))


# Code.


@pytest.mark.parametrize(
    "code",
    [
        "assert tcpi_state == TCP_ESTABLISHED, tcpi_state",
        "assert (tcpi_options & TCPI_OPT_SACK) != 0; assert 1 <= tcpi_state <= 2",
        "x = tcpi_state + 1\nassert x == 2",
        "assert abs(tcpi_rtt - 100) < 10",
        "if tcpi_state == 1:\n  assert True",
        "pass",
    ],
)
def test_code_that_holds(code: str) -> None:
    values = {"tcpi_state": 1, "TCP_ESTABLISHED": 1, "tcpi_options": 2, "TCPI_OPT_SACK": 2}
    Namespace().run(code, {**values, "tcpi_rtt": 104})


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("assert a == 2, a", "assertion failed (1): assert a == 2, a; a = 1"),
        ("assert b", "NameError: name 'b' is not defined"),
        ("assert (", "not Python"),
        ("import os", "Import is not allowed"),
        ("assert a.real", "Attribute is not allowed"),
        ("[x for x in ()]", "ListComp is not allowed"),
        ("while True: pass", "While is not allowed"),
        ("f = lambda: 1", "Lambda is not allowed"),
        ("open('/etc/passwd')", "a call of open is not allowed"),
        ("abs(1)(2)", "a call of abs(1) is not allowed"),
        ("assert 9 ** 9 ** 9", "powers are not allowed"),
        ("assert 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_code_that_does_not_hold_or_is_refused(code: str, message: str) -> None:
    with pytest.raises(CodeError) as caught:
        Namespace().run(code, {"a": 1})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_names_live_on_and_output_is_kept() -> None:
    namespace = Namespace()
    namespace.run("x = a", {"a": 1})
    namespace.run("print(x, a, f'{x + a}')", {"a": 2})
    assert namespace.output == ["1 2 3"]


# ICMP.


@pytest.mark.parametrize(
    ("message", "version", "numbers"),
    [
        (icmp("unreachable"), 4, (3, 0)),
        (icmp("unreachable", "host_unreachable"), 4, (3, 1)),
        (icmp("unreachable", "frag_needed", 1200), 4, (3, 4)),
        (icmp("unreachable", "precedence_cutoff"), 4, (3, 15)),
        (icmp("time_exceeded", "code_1"), 4, (11, 1)),
        (icmp("type_12"), 4, (12, 0)),
        (icmp("packet_too_big", None, 1280), 6, (2, 0)),
        (icmp("unreachable", "net_unreachable"), 6, (1, 0)),
        (icmp("unreachable", "port_unreachable"), 6, (1, 4)),
        (icmp("time_exceeded", "exceeded_frag_time"), 6, (3, 1)),
        (icmp("parameter_problem", "unknown_option"), 6, (4, 2)),
    ],
)
def test_icmp_names(message: IcmpPacket, version: int, numbers: tuple[int, int]) -> None:
    assert type_and_code(message, version) == numbers


@pytest.mark.parametrize(
    ("message", "version"),
    [
        (icmp("packet_too_big"), 4),
        (icmp("unreachable", "no_route"), 4),
        (icmp("unreachable", "frag_needed"), 6),
        (icmp("unreachable", "host_unreachable", 1200), 4),
        (icmp("type_256"), 4),
        (icmp("unreachable", "code_x"), 4),
    ],
)
def test_icmp_that_cannot_be(message: IcmpPacket, version: int) -> None:
    with pytest.raises(IcmpError):
        type_and_code(message, version)


# Time.


def test_tolerance_is_the_larger_of_two() -> None:
    settings = Settings(tolerance=4 * MS)
    assert tolerance(settings, 12.5, 10 * MS, 0) == 4 * MS
    assert tolerance(settings, 12.5, 1 * S, 0) == 125 * MS
    assert tolerance(settings, 12.5, 3 * S, 2 * S) == 125 * MS
    assert tolerance(settings, 12.5, 3 * S, None) == 4 * MS
    assert tolerance(Settings(tolerance=4 * MS, tolerance_percent=1), 12.5, 1 * S, 0) == 10 * MS


@pytest.mark.parametrize(
    ("kind", "allowed", "forbidden"),
    [
        (TimeKind.ABSOLUTE, (996, 1004), (995, 1005)),
        (TimeKind.RELATIVE, (1996, 2004), (1995, 2005)),
        (TimeKind.ABSOLUTE_RANGE, (996, 1504), (995, 1505)),
        (TimeKind.RELATIVE_RANGE, (1996, 2504), (1995, 2505)),
        (TimeKind.ANY, (0, 10**6), ()),
    ],
)
def test_when_an_event_is_in_time(
    kind: TimeKind, allowed: tuple[int, ...], forbidden: tuple[int, ...]
) -> None:
    when = due(When(kind, S, 1500 * MS), S, S, Settings(), 0)
    assert [when.problem("it", time * MS) for time in allowed] == [""] * len(allowed)
    assert all(when.problem("it", time * MS).startswith("timing: it") for time in forbidden)
