from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.packet import ACK, CWR, ECE, FIN, PSH, SYN
from sim.packetdrill import Script, ScriptError, parse, read
from sim.packetdrill.script import (
    Action,
    Array,
    Call,
    Code,
    Command,
    Direction,
    Ellipsis,
    IcmpPacket,
    Integer,
    IpInfo,
    Member,
    Name,
    Option,
    Or,
    String,
    Structure,
    SystemCall,
    TcpPacket,
    TimeKind,
    TosCheck,
    When,
)
from sim.units import MS, US, S

START = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"


def script(text: str) -> Script:
    return parse(text, "a.pkt")


def action(text: str) -> Action:
    return script("0 " + text).events[0].action


def tcp(text: str) -> TcpPacket:
    result = action(text)
    assert isinstance(result, TcpPacket)
    return result


def call(text: str) -> SystemCall:
    result = action(text)
    assert isinstance(result, SystemCall)
    return result


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("1", When(TimeKind.ABSOLUTE, S)),
        ("0.25", When(TimeKind.ABSOLUTE, 250 * MS)),
        ("+.1", When(TimeKind.RELATIVE, 100 * MS)),
        ("+ 0.000001", When(TimeKind.RELATIVE, US)),
        ("+0.0000019", When(TimeKind.RELATIVE, US)),
        ("*", When(TimeKind.ANY)),
        ("1~1.5", When(TimeKind.ABSOLUTE_RANGE, S, 1500 * MS)),
        ("+0~+.06", When(TimeKind.RELATIVE_RANGE, 0, 60 * MS)),
    ],
)
def test_time_of_an_event(text: str, when: When) -> None:
    assert script(f"{START}{text} > . 1:1(0) ack 1").events[1].when == when


def test_blocking_call_has_a_start_and_an_end() -> None:
    event = script(f"{START}+.05...0.23 accept(3, ..., ...) = 4").events[1]
    assert event.when == When(TimeKind.RELATIVE, 50 * MS)
    assert event.action == SystemCall(
        "accept", (Integer(3), Ellipsis(), Ellipsis()), Integer(4), None, 230 * MS
    )


def test_packet_with_everything() -> None:
    packet = tcp(
        "< [tos 0x20, flowlabel 0x12345] 4 > 80 SEWP. 5:15(10) ack 6 win 7 urg 8 <mss 9,eol,eol,"
        "eol,eol>"
    )
    assert packet == TcpPacket(
        Direction.INBOUND,
        SYN | ECE | CWR | PSH | ACK,
        seq=5,
        length=10,
        ack=6,
        window=7,
        urgent=8,
        options=(Option(2, b"\x00\x09"), *[Option(0)] * 4),
        sport=4,
        dport=80,
        ip=IpInfo(TosCheck.TOS, 0x20, 0x12345),
    )


@pytest.mark.parametrize(
    ("text", "flags"), [("S", SYN), (".", ACK), ("F.", FIN | ACK), ("-", 0), ("S .", SYN | ACK)]
)
def test_control_bits(text: str, flags: int) -> None:
    assert tcp(f"> {text} 0:0(0)").flags == flags


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", ()),
        ("<...>", None),
        ("<nop,nop,sackOK>", (Option(1), Option(1), Option(4))),
        ("<nop,wscale 14>", (Option(1), Option(3, b"\x0e"))),
        ("<mss 65535>", (Option(2, b"\xff\xff"),)),
        (
            "<nop, nop, TS val 1 ecr 2>",
            (Option(1), Option(1), Option(8, struct.pack("!II", 1, 2))),
        ),
        (
            "<nop,nop,sack 1:2 3:4>",
            (Option(1), Option(1), Option(5, struct.pack("!IIII", 1, 2, 3, 4))),
        ),
        ("<FO,nop,nop>", (Option(34), Option(1), Option(1))),
        ("<FO 12345678,nop,nop>", (Option(34, b"\x12\x34\x56\x78"), Option(1), Option(1))),
        ("<FOEXP abcd1234>", (Option(254, b"\xf9\x89\xab\xcd\x12\x34"),)),
        ("<exp-FO>", (Option(254, b"\xf9\x89"),)),
        (
            "<md5 00000000000000000000000000000000,nop,nop>",
            (Option(19, bytes(16)), *[Option(1)] * 2),
        ),
    ],
)
def test_tcp_options(text: str, options: tuple[Option, ...] | None) -> None:
    assert tcp(f"> . 1:1(0) ack 1 {text}").options == options


def test_options_are_followed_by_the_next_event() -> None:
    events = script(f"{START}+0 > S 0:0(0) <mss 1460>\n+0 < S. 0:0(0) ack 1 win 1\n").events
    assert [event.line for event in events] == [1, 2, 3]


def test_numbers_that_are_not_translated_or_not_compared() -> None:
    packet = tcp("> . 1:1(0)! ack 1 <nop,nop,TS val ... ecr 5!>")
    assert (packet.absolute_seq, packet.any_ts_val, packet.absolute_ts_ecr) == (True, True, True)
    packet = tcp("> . ...(10) ack 1")
    assert (packet.any_seq, packet.length) == (True, 10)


@pytest.mark.parametrize(
    ("text", "info"),
    [
        ("[ect0]", IpInfo(TosCheck.ECN, 2)),
        ("(ce)", IpInfo(TosCheck.ECN, 3)),
        ("[noecn]", IpInfo(TosCheck.ECN, 0)),
        ("[ect01]", IpInfo(TosCheck.ECT01)),
        ("[ecn ect1, ttl 64]", IpInfo(TosCheck.ECN, 1, ttl=64)),
        ("[dscp EF]", IpInfo(TosCheck.DSCP, 46 << 2)),
        ("[dscp 0x2e, ecn ect0]", IpInfo(TosCheck.TOS, 0xBA)),
        ("[dscp VOICE-ADMIT, hlim 3]", IpInfo(TosCheck.DSCP, 44 << 2, ttl=3)),
    ],
)
def test_ip_header(text: str, info: IpInfo) -> None:
    assert tcp(f"> {text} . 1:1(0) ack 1").ip == info


def test_icmp() -> None:
    assert action("< icmp unreachable frag_needed mtu 1200 [1:1461(1460)]") == IcmpPacket(
        Direction.INBOUND, "unreachable", "frag_needed", 1200, seq=1, length=1460
    )
    assert action("< icmp packet_too_big mtu 1280") == IcmpPacket(
        Direction.INBOUND, "packet_too_big", mtu=1280
    )


def test_call_that_fails() -> None:
    result = call("connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)")
    assert (result.result, result.errno, result.end) == (Integer(-1), "EINPROGRESS", None)
    assert call("write(3, ..., 9) = -1 (Can't be)").errno is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0x10", Integer(16)),
        ("-1", Integer(-1)),
        ("A | B|1", Or((Name("A"), Name("B"), Integer(1)))),
        ("[]", Array(())),
        ("[0]", Array((Integer(0),))),
        (r'"a\x00\"" "b"', String(b'a\x00"b')),
        ('inet_addr("192.0.2.1")', Call("inet_addr", (String(b"192.0.2.1"),))),
        ("{}", Structure(())),
        (
            "{onoff=1, linger=0}",
            Structure((Member("onoff", Integer(1)), Member("linger", Integer(0)))),
        ),
        (
            "{msg_name(...)=..., msg_iov(1)=[{..., 5}]}",
            Structure(
                (
                    Member("msg_name", Ellipsis(), Ellipsis()),
                    Member(
                        "msg_iov",
                        Array((Structure((Member("", Ellipsis()), Member("", Integer(5)))),)),
                        Integer(1),
                    ),
                )
            ),
        ),
        (
            "{enable=1, psk=00ff}",
            Structure((Member("enable", Integer(1)), Member("psk", String(b"\x00\xff")))),
        ),
    ],
)
def test_expressions(text: str, value: object) -> None:
    assert call(f"f({text}) = 0").arguments == (value,)


def test_members_of_a_structure() -> None:
    value = call("f({fd=3, events=POLLIN}) = 0").arguments[0]
    assert isinstance(value, Structure)
    assert value.names() == ("fd", "events")
    assert value.get("events") == Name("POLLIN")
    assert value.get("revents") is None


def test_commands_and_code() -> None:
    parsed = script(
        "`sysctl -q a=1 \\\n  b=2`\n0 `sysctl c=3`\n+0 %{ assert x == {} }% // why\n`sysctl d=4`\n"
    )
    assert parsed.init == (1, Command("sysctl -q a=1 \\\n  b=2"))
    assert [event.action for event in parsed.events] == [
        Command("sysctl c=3"),
        Code("assert x == {}"),
    ]
    assert parsed.cleanup == Command("sysctl d=4")
    assert [event.line for event in parsed.events] == [3, 4]


def test_options_of_the_script() -> None:
    settings = script(
        "--ip_version=ipv6 --bind_port=9 --connect_port=10 --mtu=1520 --tolerance_usecs=75000\n"
        '--tolerance_percent=12.5 --local_ip=192.168.0.2 --remote_ip="2001:DB8::1/32"\n'
        "--strict_segments --tcp_ts_tick_usecs=1000 --non_fatal=packet,syscall --mss=1000\n"
        "--gateway_ip=192.168.0.1 --tcp_ts_ecr_scaled\n" + START
    ).settings
    assert (settings.ip_version, settings.bind_port, settings.connect_port) == ("ipv6", 9, 10)
    assert (settings.tolerance, settings.tolerance_percent) == (75 * MS, 12.5)
    assert (settings.local_ip, settings.remote_ip) == ("192.168.0.2", "2001:db8::1")
    assert (settings.strict_segments, settings.ts_ecr_scaled) == (True, True)
    assert (settings.ts_tick, settings.mtu, settings.mss) == (MS, 1520, 1000)
    assert settings.non_fatal == {"packet", "syscall"}
    assert script("--ip_version=ipv4-mapped-ipv6 " + START).settings.ip_version.endswith("6")


def test_definitions() -> None:
    text = '--define=PROTO=IPPROTO_TCP --define=CC="reno" 0 f(PROTO, CC, COOKIE) = 0'
    parsed = parse(text, "a.pkt", ["--define=COOKIE=5"])
    result = parsed.events[0].action
    assert isinstance(result, SystemCall)
    assert result.arguments == (Name("IPPROTO_TCP"), String(b"reno"), Integer(5))


def test_comments() -> None:
    assert len(script("/* a\n * b **/ 0 f() = 0 // c `d`\n+0 g() = 0 //").events) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: expected a time, found the end of the script"),
        ("--colour=red 0 f() = 0", "1: unknown option --colour"),
        ("--mtu=12 0 f() = 0", "1: bad --mtu: '12'"),
        ("--wire_client 0 f() = 0", "1: unknown option --wire_client"),
        ("--local_ip=300.1.1.1 0 f() = 0", "1: bad --local_ip: '300.1.1.1'"),
        ("--tolerance_percent=nan 0 f() = 0", "1: bad --tolerance_percent: 'nan'"),
        ("--non_fatal=all 0 f() = 0", "1: bad --non_fatal: 'all'"),
        ("1 f() = 0", "1: the first event must be at time 0"),
        ("0 f() = 0\n2 f() = 0\n1 f() = 0", "3: time goes backward"),
        ("0 f() = 0\n* f() = 0", "2: the time * can only be used with outbound packets"),
        ("0 f() = 0\n1~2 < S 0:0(0) win 1", "2: a time range can only be used with outbound"),
        ("0 f() = 0\n+2~+1 > S 0:0(0)", "2: time range is backwards"),
        ("-1 f() = 0", "1: negative time -1"),
        ("0 f(", "1: expected an expression, found the end of the script"),
        ("0 f(1 2) = 0", "1: expected ',' or ')', found '2'"),
        ("0 f() = -1 EPERM", "1: expected a note in parentheses after EPERM"),
        ("0 f() = -1 EPERM (Not so", "1: expected ')', found the end"),
        ("0 > Q 0:0(0)", "1: unknown control bit 'Q' in 'Q'"),
        ("0 > S 0:1(0)", "1: 0:1 is not 0 bytes"),
        ("0 > S 4294967296:4294967296(0)", "1: sequence number 4294967296 out of range"),
        ("0 < S 0:0(0)", "1: a packet to inject needs its window"),
        ("0 > S 0:0(0) win 65536", "1: win 65536 out of range"),
        ("0 > S 0:0(0) <mss>", "1: expected mss, found '>'"),
        ("0 > S 0:0(0) <quic>", "1: unknown TCP option 'quic'"),
        ("0 > S 0:0(0) <nop>", "1: 1 bytes of TCP options: must be a multiple of 4"),
        ("0 > S 0:0(0) <" + "mss 1," * 10 + "mss 1>", "1: 44 bytes of TCP options: at most 40"),
        ("0 > S 0:0(0) <FO abc>", "1: Fast Open cookie 'abc' is not pairs of hexadecimal"),
        ("0 < S 0:0(0) win 1 <...>", "1: <...> can only be used with outbound packets"),
        ("0 < [ect01] S 0:0(0) win 1", "1: [ect01] can only be used with outbound packets"),
        ("0 > [colour 1] S 0:0(0)", "1: unknown field of the IP header 'colour'"),
        ("0 > udp (10)", "1: 'udp' packets are not supported"),
        ("0 < gre: S 0:0(0) win 1", "1: 'gre' packets are not supported"),
        ("0 > . 1:1(0) /udp(1 > 2)", "1: UDP encapsulation and mutation"),
        ("0 f() = 0\n `a` `b`", "2: expected the end of the script after its clean-up command"),
        ("0 f() = 0\n`a", "2: command without an end"),
        ('0 f("a) = 0', "1: string without an end"),
        ("0 %{ assert", "1: code without an end"),
        ("0 " + "f(" + "[" * 9999, "1: expressions are nested too deeply"),
        ("0 f(" + "9" * 9999 + ") = 0", "out of range"),
        ("9" * 30 + " f() = 0", "1: time 999999999999999999999999999999 is out of range"),
    ],
)
def test_what_cannot_be_understood_names_file_and_line(text: str, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        script(text)
    assert str(caught.value).startswith("a.pkt:")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files(tmp_path: object) -> None:
    with pytest.raises(ScriptError, match=r"absent\.pkt:0: cannot be read: No such file"):
        read(f"{tmp_path}/absent.pkt")


_WORDS = """
0 +.1 < > S . 1:1(0) ack win <mss 1460> icmp [ ] { } ( ) , = | ... -1 f( `a` %{x}% // /* * ~
-- --mtu=1500 "s" ::1 1.2.3.4 fd= 0x1f \\ ; TS val ecr sack FO
"""
_PIECES = st.sampled_from(_WORDS.split())


@given(st.lists(_PIECES | st.text(max_size=5), max_size=12).map(" ".join))
def test_any_text_is_a_script_or_a_script_error(text: str) -> None:
    with suppress(ScriptError):
        assert script(text).events
