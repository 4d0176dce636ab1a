from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sim.engine import Engine
from sim.net.link import Link
from sim.packet import ACK, Flow, Packet
from sim.streams import Streams
from sim.units import MS

FLOW = Flow("10.0.0.1", 1024, "10.0.0.2", 80)


class Bench:
    """A link and the sequence numbers of what comes out of it, with the time."""

    def __init__(self, loss: float, delay: int = 0, seed: int = 1, name: str = "a > b") -> None:
        self.engine = Engine()
        self.log: list[tuple[float, int]] = []
        self.link = Link(self.engine, Streams(seed), name, self.receive, delay, loss)

    def receive(self, packet: Packet) -> None:
        self.log.append((self.engine.now, packet.seq))

    def carry(self, count: int) -> list[int]:
        """Send that many packets at once; return the numbers of those that arrive."""
        for seq in range(count):
            self.link.send(Packet(FLOW, ACK, seq, 0, 0))
        self.engine.run()
        return [seq for _, seq in self.log]


def test_packets_arrive_later_by_the_delay_and_in_order() -> None:
    bench = Bench(0.0, delay=20 * MS)
    bench.engine.run(until=5 * MS)
    assert bench.carry(3) == [0, 1, 2]
    assert {time for time, _ in bench.log} == {25 * MS}


@pytest.mark.parametrize("loss", [0.005, 0.1, 0.5, 0.95])
def test_packets_are_lost_independently(loss: float) -> None:
    """50,000 packets: the share within 4 standard errors, the gaps geometric at 0.1 %."""
    count = 50_000
    arrived = Bench(loss).carry(count)
    lost = np.setdiff1d(np.arange(count), arrived)
    assert len(lost) / count == pytest.approx(loss, abs=4 * np.sqrt(loss * (1 - loss) / count))
    gaps = np.diff(lost)
    limits = np.unique(stats.geom.ppf(np.arange(0.1, 1, 0.1), loss))
    observed = np.bincount(np.searchsorted(limits, gaps), minlength=len(limits) + 1)
    expected = np.diff(stats.geom.cdf([0, *limits, np.inf], loss))
    assert stats.chisquare(observed, expected * len(gaps)).pvalue > 0.001


def test_all_or_nothing() -> None:
    assert Bench(0.0).carry(1000) == list(range(1000))
    assert Bench(1.0).carry(1000) == []


def test_the_rarest_losses_happen() -> None:
    assert Bench(1e-300).carry(10) == list(range(10))
    assert Bench(1 - 1e-16).carry(1000) == []


def test_losses_depend_on_the_seed_and_the_name_alone() -> None:
    first = Bench(0.3).carry(100)
    assert Bench(0.3).carry(100) == first
    assert Bench(0.3, delay=7).carry(100) == first
    assert Bench(0.3, seed=2).carry(100) != first
    assert Bench(0.3, name="b > a").carry(100) != first


@pytest.mark.parametrize(
    ("delay", "loss", "message"),
    [
        (-1, 0.0, "link a > b: the delay is negative: -1 ns"),
        (0, -0.1, "link a > b: the loss is not between 0 and 1: -0.1"),
        (0, 1.1, "link a > b: the loss is not between 0 and 1: 1.1"),
        (0, float("nan"), "link a > b: the loss is not between 0 and 1: nan"),
    ],
)
def test_impossible_links_are_refused(delay: int, loss: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bench(loss, delay=delay)
