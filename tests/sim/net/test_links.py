"""sim.net.links: the link that a description asks for."""

from __future__ import annotations

from typing import Any

import pytest

from sim.engine import Engine
from sim.net.impaired import ImpairedLink
from sim.net.link import Link
from sim.net.links import make_link
from sim.net.netem import parse
from sim.net.queued import QueuedLink
from sim.net.queues import DropTail
from sim.net.script import LossScript
from sim.packet import ACK, Flow, Packet
from sim.streams import Streams
from sim.units import MS

PACKET_SIZE = 1000


def arrivals(count: int, **options: Any) -> list[int]:
    """Return when so many packets sent at once arrive over a link of 10 ms."""
    engine, log = Engine(), list[int]()

    def receive(packet: Packet) -> None:
        log.append(engine.calendar.now)

    link = make_link(engine, Streams(1), "a > b", receive, 10 * MS, **options)
    for _ in range(count):
        flow = Flow("10.0.0.1", 1, "10.0.0.2", 2)
        link.send(Packet(flow, ACK, 0, 0, 9, payload=b"x" * (PACKET_SIZE - 40)))
    engine.run()
    return log


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({}, Link),
        ({"loss": 0.1}, Link),
        ({"netem": parse("")}, ImpairedLink),
        ({"lose": LossScript("ACK 1")}, ImpairedLink),
        ({"bitrate": 10**6}, QueuedLink),
        ({"bitrate": 10**6, "netem": parse("")}, ImpairedLink),
    ],
)
def test_plainest_link_that_does_it(options: dict[str, Any], kind: type[Link]) -> None:
    link = make_link(Engine(), Streams(1), "a > b", print, 10 * MS, **options)
    assert type(link) is kind
    assert link.delay == 10 * MS


def test_each_kind_adds_what_it_says() -> None:
    assert arrivals(2) == [10 * MS, 10 * MS]
    assert arrivals(2, bitrate=10**6) == [18 * MS, 26 * MS]
    assert arrivals(2, netem=parse("delay 5ms")) == [15 * MS, 15 * MS]
    assert arrivals(2, netem=parse("delay 5ms"), bitrate=10**6) == [23 * MS, 31 * MS]


def test_queue_of_an_impaired_link_drops() -> None:
    queue = DropTail(packets=1)
    assert arrivals(3, netem=parse(""), bitrate=10**6, queue=queue) == [18 * MS, 26 * MS]


def test_queue_without_a_bit_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="link a > b: a queue without a bit rate never fills"):
        arrivals(1, queue=DropTail())
