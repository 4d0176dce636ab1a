from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.packet import ACK, SYN, Flow, Packet, SynOptions
from sim.packetdrill import parse
from sim.packetdrill.compare import difference, join
from sim.packetdrill.conversation import Conversation, Stage, UntranslatableError
from sim.packetdrill.notation import describe
from sim.packetdrill.script import IcmpPacket, Settings, TcpPacket

LOCAL, REMOTE = ("10.0.0.1", 8080), ("10.0.0.2", 50000)
NUMBERS = st.integers(0, 2**32 - 1)


def tcp(text: str) -> TcpPacket:
    packet = parse("0 " + text, "a.pkt").events[0].action
    assert isinstance(packet, TcpPacket)
    return packet


def established(local_isn: int = 1000, remote_isn: int = 5000) -> Conversation:
    return Conversation(
        Stage.SYNACK_ACKED,
        local=LOCAL,
        remote=REMOTE,
        local_isn=local_isn,
        remote_isn=remote_isn,
    )


def ours(flags: int, seq: int, ack: int, **fields: object) -> Packet:
    return Packet(Flow(*LOCAL, *REMOTE), flags, seq, ack, 500, **fields)  # type: ignore[arg-type]


# Into the stack.


def test_numbers_of_an_injected_segment_count_from_the_initial_ones() -> None:
    live = established().inject(tcp("< P. 1:11(10) ack 3 win 7"), Settings())
    assert (live.seq, live.ack, live.window, live.payload) == (5001, 1003, 7, bytes(10))
    assert live.flow == Flow(*REMOTE, *LOCAL)


def test_numbers_of_an_injected_syn_are_as_written_but_for_our_own() -> None:
    conversation = established()
    conversation.script_local_isn = 100
    live = conversation.inject(tcp("< S. 77:77(0) ack 101 win 7"), Settings())
    assert (live.seq, live.ack) == (77, 1001)


def test_a_syn_ack_tells_the_peers_initial_number() -> None:
    conversation = Conversation(Stage.SYN_SENT, local=LOCAL, remote=REMOTE, local_isn=9)
    conversation.inject(tcp("< S. 700:700(0) ack 1 win 7"), Settings())
    assert conversation.stage is Stage.SYN_ACKED
    assert conversation.inject(tcp("< . 1:1(0) ack 1 win 7"), Settings()).seq == 701


def test_absolute_numbers_and_ports_go_as_written() -> None:
    live = established().inject(tcp("< 7 > 9 . 1:1(0)! ack 1 win 7"), Settings())
    assert (live.seq, live.flow.sport, live.flow.dport) == (1, 7, 9)


def test_sack_blocks_are_shifted_by_our_initial_number() -> None:
    live = established().inject(tcp("< . 1:1(0) ack 1 win 7 <nop,nop,sack 11:21>"), Settings())
    assert live.sack == ((1011, 1021),)


def test_the_echo_becomes_the_timestamp_really_sent() -> None:
    conversation = established()
    seen = conversation.translate(ours(ACK, 1001, 5001, ts_val=123456, ts_ecr=9), tcp("> . 1:1(0)"))
    conversation.remember_timestamps(seen, tcp("> . 1:1(0) ack 1 <nop,nop,TS val 100 ecr 9>"))
    echo = "< . 1:1(0) ack 1 win 7 <nop,nop,TS val 5 ecr {}>"
    assert conversation.inject(tcp(echo.format(100)), Settings()).ts_ecr == 123456
    assert conversation.inject(tcp(echo.format("7!")), Settings()).ts_ecr == 7
    scaled = Settings(ts_ecr_scaled=True)
    assert conversation.inject(tcp(echo.format(103)), scaled).ts_ecr == 123459
    with pytest.raises(UntranslatableError, match="timestamp 103"):
        conversation.inject(tcp(echo.format(103)), Settings())


def test_a_quoted_segment_is_ours() -> None:
    message = parse("0 < icmp unreachable [11:21(10)]", "a.pkt").events[0].action
    assert isinstance(message, IcmpPacket)
    quoted = established().quoted(message)
    assert (quoted.flow, quoted.seq, len(quoted.payload)) == (Flow(*LOCAL, *REMOTE), 1011, 10)


# Out of the stack.


def test_the_first_syn_tells_who_we_are() -> None:
    conversation = Conversation(Stage.CONNECTING, remote=REMOTE)
    expected = tcp("> S 50:50(0)")
    conversation.expect(expected)
    syn = ours(SYN, 123, 0, options=SynOptions(1460, layout=(2,)))
    assert conversation.is_ours(syn)
    assert not conversation.is_ours(Packet(Flow(*LOCAL, "10.0.0.3", 1), SYN, 1, 0, 0))
    seen = conversation.translate(syn, expected)
    assert describe(seen) == "> S 50:50(0) win 500 <mss 1460>"


def test_numbers_that_come_out_are_in_the_scripts() -> None:
    live = ours(ACK, 1011, 5021, sack=((5031, 5041),), payload=bytes(3))
    seen = established().translate(live, tcp("> . 1:1(0)"))
    assert describe(seen) == "> . 11:14(3) ack 21 win 500 <nop,nop,sack 31:41>"


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_translation_there_and_back(local: int, remote: int, seq: int, ack: int) -> None:
    conversation = established(local, remote)
    injected = replace(tcp("< . 0:0(0) ack 0 win 7"), seq=seq, ack=ack)
    live = conversation.inject(injected, Settings())
    answer = ours(ACK, live.ack, live.seq)
    seen = conversation.translate(answer, tcp("> . 0:0(0)"))
    assert (seen.seq, seen.ack) == (ack, seq)


# Comparing.


@pytest.mark.parametrize(
    ("expected", "seen", "problem"),
    [
        ("> . 1:1(0) ack 1", "> . 1:1(0) ack 1 win 9", ""),
        ("> . 1:1(0) ack 1 win 8", "> . 1:1(0) ack 1 win 9", "window is 9, not 8"),
        ("> . 1:1(0) ack 1", "> F. 1:1(0) ack 1", "control bit F is set"),
        ("> P. 1:2(1) ack 1", "> . 1:2(1) ack 1", "control bit P is not set"),
        ("> . 1:2(1) ack 1", "> . 1:3(2) ack 1", "payload length is 2, not 1"),
        ("> . 1:1(0) ack 1", "> . 2:2(0) ack 1", "sequence number is 2, not 1"),
        ("> . ...(0) ack 1", "> . 2:2(0) ack 1", ""),
        ("> . 1:1(0) ack 1", "> . 1:1(0) ack 2", "ack is 2, not 1"),
        ("> . 1:1(0) ack 1 <...>", "> . 1:1(0) ack 1 <nop,nop,sack 1:2>", ""),
        (
            "> S 1:1(0) <nop,nop,sackOK>",
            "> S 1:1(0) <sackOK,nop,nop>",
            "options are <sackOK,nop,nop>, not <nop,nop,sackOK>",
        ),
        ("> S 1:1(0) <mss 9>", "> S 1:1(0) <mss 8>", "option is mss 8, not mss 9"),
        ("> S 1:1(0)", "> S 1:1(0) <mss 8>", "options are <mss 8>, not <>"),
        ("> S 1:1(0) <nop,nop,TS val 1 ecr 2>", "> S 1:1(0) <nop,nop,TS val 9 ecr 2>", ""),
        (
            "> S 1:1(0) <nop,nop,TS val 1 ecr 2>",
            "> S 1:1(0) <nop,nop,TS val 1 ecr 3>",
            "TS ecr is 3, not 2",
        ),
        ("> [ect0] . 1:1(0)", "> [tos 0x02] . 1:1(0)", ""),
        ("> [ect0] . 1:1(0)", "> [tos 0x01] . 1:1(0)", "type of service is 0x1, not 0x2"),
        ("> [ect01] . 1:1(0)", "> [tos 0x01] . 1:1(0)", ""),
        ("> [ect01] . 1:1(0)", "> . 1:1(0)", "ECN codepoint is 0, not ECT"),
        ("> [tos 0x10] . 1:1(0)", "> [tos 0x12] . 1:1(0)", "type of service is 0x12, not 0x10"),
        ("> [ttl 64] . 1:1(0)", "> [ttl 63] . 1:1(0)", "ttl is 63, not 64"),
    ],
)
def test_difference(expected: str, seen: str, problem: str) -> None:
    assert difference(tcp(expected), tcp(seen)) == problem


@pytest.mark.parametrize(("value", "problem"), [(103, ""), (104, "TS val is 104, not 100")])
def test_timestamps_are_compared_if_a_tick_has_a_length(value: int, problem: str) -> None:
    expected = tcp("> . 1:1(0) ack 1 <nop,nop,TS val 100 ecr 2>")
    seen = tcp(f"> . 1:1(0) ack 1 <nop,nop,TS val {value} ecr 2>")
    assert difference(expected, seen, 3) == problem


def test_segments_in_a_row_are_one() -> None:
    parts = [tcp("> . 1:11(10) ack 1"), tcp("> . 11:21(10) ack 1"), tcp("> . 21:26(5) ack 1")]
    assert join(parts, 25) == tcp("> P. 1:26(25) ack 1")


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        (["> . 1:11(10) ack 1", "> . 12:22(10) ack 1"], "it is not the continuation"),
        (["> . 1:11(10) ack 1", "> . 11:21(10) ack 2"], "it is not the continuation"),
        (["> . 1:11(10)", "> . 11:16(5)", "> . 16:26(10)"], "it is not of the same size"),
        (["> . 1:11(10)", "> . 11:31(20)"], "payload length is 30, not 25"),
    ],
)
def test_segments_that_are_not_one(parts: list[str], problem: str) -> None:
    joined = join([tcp(part) for part in parts], 25)
    assert isinstance(joined, str)
    assert joined.startswith(problem)


def test_everything_is_written_as_it_is_read() -> None:
    for text in (
        "< 7 > 9 FSRPUEW. 1:2(1) ack 3 win 4 urg 5",
        "> - 0:0(0)",
        "> S 0:0(0) <mss 1,nop,wscale 2,sackOK,TS val 3 ecr 4,eol,eol,eol,eol>",
        "> . 0:0(0) ack 1 <nop,nop,sack 1:2 3:4>",
        "> S 0:0(0) <FO abcd,FOEXP>",
        "> . 0:0(0) ack 1 <...>",
    ):
        assert describe(tcp(text)) == text
    message = parse("0 < icmp unreachable frag_needed mtu 1200 [1:3(2)]", "").events[0].action
    assert isinstance(message, IcmpPacket)
    assert describe(message) == "< icmp unreachable frag_needed mtu 1200 [1:3(2)]"


def test_padding_is_an_option_like_any_other() -> None:
    syn = Packet(Flow(*LOCAL, *REMOTE), SYN, 0, 0, 0, SynOptions(9, 3, layout=(2, 3)))
    seen = established().translate(syn, tcp("> S 0:0(0)"))
    assert describe(seen).endswith("<mss 9,wscale 3,eol>")
