"""sim.net.queued and sim.net.background: links with a bit rate, a queue and other traffic."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import pytest

from sim.engine import Engine
from sim.net.background import on_off, poisson
from sim.net.impaired import ImpairedLink
from sim.net.netem import parse
from sim.net.queued import QueuedLink
from sim.net.queues import CoDel, DropTail
from sim.net.wire import Filler
from sim.packet import ACK, Flow, Packet
from sim.streams import Streams
from sim.units import MS, S

FLOW = Flow("10.0.0.1", 1024, "10.0.0.2", 80)


def packet(payload: int = 960) -> Packet:
    """Return a packet of 40 bytes of headers: of 1000 bytes, or 8 ms at 1 Mbit/s."""
    return Packet(FLOW, ACK, 0, 0, 65535, payload=b"x" * payload)


class Bench:
    """A link of 1 Mbit/s and 10 ms, and the times at which packets come out of it."""

    def __init__(self, **options: Any) -> None:
        self.engine = Engine()
        self.log: list[int] = []
        self.link = QueuedLink(
            self.engine, Streams(1), "a > b", self.receive, 10 * MS, bitrate=10**6, **options
        )

    def receive(self, packet: Packet) -> None:
        self.log.append(self.engine.calendar.now)

    def send_at(self, *times: int) -> list[int]:
        def sender() -> Any:
            for time in times:
                if time > self.engine.now:
                    yield self.engine.timeout(time - self.engine.now)
                self.link.send(packet())
            yield self.engine.timeout(0)

        self.engine.process(sender())
        self.engine.run()
        return self.log


def test_packets_that_meet_leave_one_after_the_other() -> None:
    assert Bench().send_at(0, 0, MS) == [18 * MS, 26 * MS, 34 * MS]


def test_free_link_sends_at_once() -> None:
    assert Bench().send_at(0, 8 * MS, 30 * MS) == [18 * MS, 26 * MS, 48 * MS]


def test_idle_link_costs_one_event_a_packet() -> None:
    def events(*times: int) -> int:
        bench = Bench()
        bench.send_at(*times)
        return bench.engine.events

    assert events(0, 10 * MS, 20 * MS) - events(0, 10 * MS) == 2  # the sender's wait is one
    assert events(0, 0, 0) - events(0, 0) == 2


def test_queue_drops_what_it_has_no_room_for() -> None:
    bench = Bench(queue=DropTail(packets=1))
    assert bench.send_at(0, 0, 0, 9 * MS) == [18 * MS, 26 * MS, 34 * MS]
    assert bench.link.dropped == 1


def test_packet_that_the_link_loses_has_taken_its_time() -> None:
    bench = Bench()
    bench.link.loss, bench.link._gap = 1.0, 0
    bench.link._random = np.random.default_rng(1)
    assert bench.send_at(0) == []
    assert bench.link._free_at == 8 * MS


def test_background_traffic_takes_up_room_and_vanishes() -> None:
    bench = Bench()
    for _ in range(10):
        bench.link.send(Filler(1000))
    assert bench.send_at(0) == [98 * MS]


def test_codel_keeps_waits_short_where_drop_tail_fills_up() -> None:
    def median_wait(queue: DropTail | CoDel) -> float:
        bench = Bench(queue=queue)
        generator = np.random.default_rng(1)
        filler = on_off(bench.engine, bench.link.send, generator, 1.3e6, S, S // 10, until=9 * S)
        bench.engine.process(filler)
        bench.link.receive = lambda packet: waits.append(bench.engine.calendar.now - packet.seq)
        waits: list[int] = []

        def prober() -> Any:
            yield bench.engine.timeout(3 * S)
            for _ in range(100):
                yield bench.engine.timeout(50 * MS)
                probe = packet(0)
                probe.seq = bench.engine.calendar.now
                bench.link.send(probe)

        bench.engine.process(prober())
        bench.engine.run()
        assert len(waits) > 50
        return statistics.median(waits)

    assert median_wait(DropTail(packets=100)) > 500 * MS
    assert median_wait(CoDel(packets=100)) < 100 * MS


@pytest.mark.parametrize("traffic", [poisson, on_off])
def test_background_traffic_has_its_rate(traffic: Any) -> None:
    engine, sizes = Engine(), list[int]()
    options = {} if traffic is poisson else {"on": 30 * MS, "off": 10 * MS}
    generator = np.random.default_rng(1)

    def send(filler: Filler) -> None:
        sizes.append(filler.size)

    engine.process(traffic(engine, send, generator, 10e6, until=100 * S, **options))
    engine.run()
    share = 1.0 if traffic is poisson else 0.75
    mean = sum(sizes) * 8 / 100
    assert mean == pytest.approx(10e6 * share, rel=0.05)  # 80,000 packets, 2,500 bursts


def test_impairments_stand_in_front_of_the_queue() -> None:
    bench = Bench()
    netem = ImpairedLink(
        bench.engine, Streams(1), "netem", bench.link.send, 0, netem=parse("duplicate 100%")
    )
    netem.send(packet())
    bench.engine.run()
    assert bench.log == [18 * MS, 26 * MS]


def test_bit_rate_must_be_positive() -> None:
    with pytest.raises(ValueError, match="bit rate is not above 0: 0"):
        QueuedLink(Engine(), Streams(1), "a > b", print, 0, bitrate=0)
