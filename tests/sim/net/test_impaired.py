"""sim.net.impaired and sim.net.script: impairments and scripted losses on a link that runs."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sim.engine import Engine
from sim.icmp import IcmpPacket
from sim.net.impaired import ImpairedLink
from sim.net.impairments import Fate
from sim.net.models import Delay, Netem
from sim.net.netem import parse
from sim.net.script import LossScript
from sim.net.wire import wire_size
from sim.packet import ACK, FIN, RST, SYN, Flow, Packet, SynOptions
from sim.streams import Streams
from sim.tcp import header
from sim.units import MS

THERE = Flow("10.0.0.1", 1024, "10.0.0.2", 80)


def segment(flags: int, flow: Flow = THERE, payload: bytes = b"") -> Packet:
    options = SynOptions(1460, 7, True, None, (2, 4, 8, 1, 3)) if flags & SYN else None
    return Packet(flow, flags, 7, 0, 65535, options, ts_val=1, payload=payload)


class Bench:
    """An impaired link and the times at which packets come out of it."""

    def __init__(self, **options: Any) -> None:
        self.engine = Engine()
        self.log: list[int] = []
        netem = parse(options.pop("netem", ""))
        self.link = ImpairedLink(
            self.engine, Streams(1), "a > b", self.receive, 10 * MS, netem=netem, **options
        )

    def receive(self, packet: Packet) -> None:
        self.log.append(self.engine.calendar.now)

    def send(self, *packets: Packet | IcmpPacket) -> list[int]:
        for packet in packets:
            self.link.send(packet)
        self.engine.run()
        return self.log


def test_delay_of_link_and_of_netem_add_up() -> None:
    assert Bench(netem="delay 5ms").send(segment(SYN)) == [15 * MS]


def test_jitter_of_the_link_takes_away_as_well_as_adds() -> None:
    bench = Bench()
    netem = Netem(delay=Delay(0, 4 * MS, least=-10 * MS))
    bench.link = ImpairedLink(
        bench.engine, Streams(1), "a > b", bench.receive, 10 * MS, netem=netem
    )
    times = bench.send(*(segment(SYN) for _ in range(500)))
    assert 6 * MS <= min(times) < 6.1 * MS
    assert 13.9 * MS < max(times) <= 14 * MS


def test_jitter_beyond_a_delay_that_has_changed_sends_nothing_into_the_past() -> None:
    bench = Bench()
    netem = Netem(delay=Delay(0, 4 * MS, least=-10 * MS))
    bench.link = ImpairedLink(
        bench.engine, Streams(1), "a > b", bench.receive, 10 * MS, netem=netem
    )
    bench.engine.run(until=20 * MS)
    bench.link.delay = MS
    times = bench.send(*(segment(SYN) for _ in range(100)))
    assert min(times) == 20 * MS
    assert max(times) > 24 * MS


def test_rate_counts_whole_ip_packets() -> None:
    assert wire_size(segment(SYN)) == 60
    assert Bench(netem="rate 480kbit").send(segment(SYN), segment(SYN)) == [11 * MS, 12 * MS]


@pytest.mark.parametrize(
    "packet",
    [
        segment(SYN),
        segment(ACK, payload=b"x" * 100),
        segment(ACK, Flow("2001:db8::1", 1, "2001:db8::2", 2)),
    ],
)
def test_wire_size_is_that_of_the_bytes(packet: Packet) -> None:
    assert wire_size(packet) == len(header.encode(packet))


def test_wire_size_of_an_icmp_error() -> None:
    error = IcmpPacket("10.0.0.9", "10.0.0.1", 3, 1, segment(SYN))
    assert wire_size(error) == 20 + 8 + 20 + 8


def test_corrupted_packet_is_counted_and_dropped_at_the_far_end() -> None:
    bench = Bench(netem="corrupt 100%")
    assert bench.send(segment(SYN)) == []
    assert bench.engine.now == 10 * MS
    assert bench.link.counts == {Fate.CORRUPTED: 1}


def test_duplicate_arrives_twice() -> None:
    assert Bench(netem="duplicate 100%").send(segment(SYN)) == [10 * MS, 10 * MS]


def test_losses_are_counted() -> None:
    bench = Bench(netem="loss 100%")
    assert bench.send(segment(SYN), segment(SYN)) == []
    assert bench.link.counts == {Fate.LOST: 2}


def test_loss_of_the_link_itself_comes_first() -> None:
    bench = Bench(netem="duplicate 100%", loss=1.0)
    assert bench.send(segment(SYN)) == []
    assert bench.link.counts == {Fate.LOST: 1}


def test_seed_of_netem_replaces_the_seed_of_the_run() -> None:
    def fates(seed: int, netem: str) -> list[int]:
        bench = Bench(netem=netem)
        bench.link = ImpairedLink(
            bench.engine, Streams(seed), "a > b", bench.receive, 0, netem=parse(netem)
        )
        return bench.send(*(segment(SYN) for _ in range(50)))

    assert fates(1, "delay 9ms 5ms seed 5") == fates(2, "delay 9ms 5ms seed 5")
    assert fates(1, "delay 9ms 5ms") != fates(2, "delay 9ms 5ms")


@pytest.mark.parametrize(
    ("script", "lost"),
    [
        ("SYN 1", [0]),
        ("syn 1-2", [0, 1]),
        ("SYN *", [0, 1, 5]),
        ("SYN+ACK 1", [2]),
        ("ACK 2", [4]),
        ("DATA 1", [4]),
        ("FIN 1, RST 1", [6, 7]),
        ("ANY 3, SYN 3", [2, 5]),
    ],
)
def test_script_names_the_packets_lost(script: str, lost: list[int]) -> None:
    lose = LossScript(script)
    packets = [
        *(segment(SYN), segment(SYN), segment(SYN | ACK), segment(ACK)),
        *(segment(ACK, payload=b"x"), segment(SYN), segment(FIN | ACK), segment(RST)),
    ]
    assert [index for index, packet in enumerate(packets) if lose(packet)] == lost


def test_script_counts_each_connection_by_itself() -> None:
    lose = LossScript("SYN 1")
    other = Flow(THERE.src, 1025, THERE.dst, THERE.dport)
    packets = [segment(SYN), segment(SYN, other), segment(SYN), segment(SYN, other)]
    assert [lose(packet) for packet in packets] == [True, True, False, False]


def test_script_leaves_icmp_alone() -> None:
    assert not LossScript("ANY *")(IcmpPacket("10.0.0.9", "10.0.0.1", 3, 1, segment(SYN)))


def test_script_decides_on_a_link() -> None:
    bench = Bench(lose=LossScript("SYN 1"))
    assert bench.send(segment(SYN), segment(SYN)) == [10 * MS]


@pytest.mark.parametrize(
    "text", ["", "SYN", "SYN one", "PING 1", "SYN 1,", "SYN 1 2", "SYN 1;ACK 1"]
)
def test_bad_script_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="^" + re.escape(f"script {text!r}: ")) as caught:
        LossScript(text)
    assert len(str(caught.value).splitlines()) == 1
