"""What Linux sends when one chosen packet is lost, late or doubled: measurement E9.

Ten connects of the kernel each, and `CLOCKS` of ours at other phases of the one clock that client
and server shared there.  All that the kernel did we must do at some phase, and what we do at more
than half of the phases the kernel must have done.  Times agree in the mean within four standard
errors plus 1 ms for the relay.

A connect in which a timer of the kernel was a tick late, as happens on an idle processor, proves
no pattern: timers of 1 s that keep step with the wheel are 1.024 s apart.
"""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from sim.packetdrill.info import tcp_info
from sim.socket import Socket
from sim.tcp.connection import Connection
from sim.units import MS, S
from tests.sim.conversation import LOST, Conversation, Script, spread

DATA = Path(__file__).parents[1] / "data" / "linux"
E9 = pd.read_csv(DATA / "E9_timelines.csv.gz")
CLOCKS = 200
RELAY = 0.001

CASES: dict[int, Script] = {
    9001: {},
    9002: {"SYN 1": LOST},
    9003: {"SYN+ACK 1": LOST},
    9004: {"ACK 1": LOST},
    9006: {"SYN 1-2": LOST},
    9007: {"SYN 1": (0, 5 * MS)},
    9008: {"SYN 1": (0, 100 * MS)},
    9009: {"SYN+ACK 1": (0, 5 * MS)},
    9010: {"SYN 1": (1200 * MS,)},
    9013: {"SYN+ACK 1-2": LOST},
    9014: {"SYN+ACK 1": (1200 * MS,)},
    9017: {"SYN+ACK 1": (970 * MS,)},
}
"""By the port of the measurement."""

Timeline = dict[str, list[tuple[str, float]]]
"""For each side the flags and the time, s, of what it sent; the client's "S" begins it."""
FLAGS = {"S": "S", "SA": "S.", "A": "."}
SIDES = {"c2s": "client", "s2c": "server"}


def measured(run: str, port: int) -> list[Timeline]:
    """Return the kernel's timelines up to the first data, or to the end of the measurement."""
    timelines = []
    for _, rows in E9[(E9["run"] == run) & (E9["port"] == port)].groupby("conn"):
        timeline: Timeline = {"client": [], "server": []}
        columns = (rows[name].tolist() for name in ("dir", "flags", "t_ms_since_connect"))
        for way, flags, time in zip(*columns, strict=True):
            if flags not in FLAGS:
                break
            timeline[SIDES[way]].append((FLAGS[flags], time / 1000))
        timelines.append(timeline)
    return timelines


def in_step(timeline: Timeline) -> bool:
    """Whether the client's timers kept step with the timer wheel."""
    syns = [time for flags, time in timeline["client"][1:] if flags == "S"]
    return all(b - a == pytest.approx(1.024, abs=0.001) for a, b in pairwise(syns))


def simulated(
    script: Script, timestamps: bool, delay: int = 20 * MS, end: float = math.inf
) -> list[Timeline]:
    """Return our timelines up to `end`, s."""
    sysctls = {"net.ipv4.tcp_timestamps": int(timestamps)}
    conversation = Conversation(
        script, delay=delay, one_kernel=True, sysctls=sysctls, server_sysctls=sysctls
    )
    for at in spread(CLOCKS):
        conversation.connect(at=at)
    conversation.run()
    timelines: dict[int, Timeline] = {}
    begun: dict[int, int] = {}
    for sent in conversation.sent:
        flow = sent.packet.flow
        port = flow.sport if sent.host == "client" else flow.dport
        begin = begun.setdefault(port, sent.time)
        timeline = timelines.setdefault(port, {"client": [], "server": []})
        if (sent.time - begin) / S < end:
            timeline[sent.host].append((sent.flags, (sent.time - begin) / S))
    return list(timelines.values())


def pattern(timeline: Timeline) -> str:
    return ", ".join(
        f"{side} {' '.join(flags for flags, _ in sent)}" for side, sent in timeline.items()
    )


def assert_agree(ours: list[Timeline], kernel: list[Timeline]) -> None:
    mine, theirs = Counter(map(pattern, ours)), Counter(map(pattern, kernel))
    assert len(ours) == CLOCKS
    assert set(map(pattern, filter(in_step, kernel))) <= set(mine)
    assert {p for p, count in mine.items() if count > CLOCKS / 2} <= set(theirs)
    for side in SIDES.values():
        for nth in range(min(len(timeline[side]) for timeline in ours + kernel)):
            a, b = ([timeline[side][nth][1] for timeline in both] for both in (ours, kernel))
            error = np.hypot(np.std(a) / np.sqrt(len(a)), np.std(b) / np.sqrt(len(b)))
            assert np.mean(a) == pytest.approx(np.mean(b), abs=4 * error + RELAY)


@pytest.mark.parametrize("timestamps", [True, False])
@pytest.mark.parametrize("port", CASES)
def test_timeline(port: int, timestamps: bool) -> None:
    kernel = measured(f"e9ts{int(timestamps)}", port)
    assert_agree(simulated(CASES[port], timestamps), kernel)


@pytest.mark.parametrize("timestamps", [True, False])
def test_a_round_trip_of_more_than_a_second_repeats_the_syn_in_vain(timestamps: bool) -> None:
    """Until the client sends data, 300 ms after connect() has returned at 1.2 s."""
    kernel = measured(f"e9rtt1200ts{int(timestamps)}", 9001)
    assert_agree(simulated({}, timestamps, delay=600 * MS, end=1.5), kernel)


class Rto(NamedTuple):
    """What `getsockopt(TCP_INFO)` said after the handshake, ms, with timestamps or without."""

    script: Script
    side: str
    with_timestamps: int
    without: int


RTOS = {
    "nothing, client": Rto({}, "client", 244, 244),
    "nothing, server": Rto({}, "server", 244, 244),
    "SYN": Rto({"SYN 1": LOST}, "client", 240, 3000),
    "SYN twice": Rto({"SYN 1-2": LOST}, "client", 240, 3000),
    "SYN-ACK": Rto({"SYN+ACK 1": LOST}, "client", 3140, 3000),
    "ACK": Rto({"ACK 1": LOST}, "server", 3150, 3000),
}


@pytest.mark.parametrize("timestamps", [True, False])
@pytest.mark.parametrize("name", RTOS)
def test_retransmission_timeout_after_the_handshake(name: str, timestamps: bool) -> None:
    """Within a tick (4 ms); after a RTT of more than 1 s, of which it is three times, 40 ms.

    Without a timestamp a repeated segment measures no RTT: RFC 6298 5.7 falls back to 3 s.
    """
    script, side, with_timestamps, without = RTOS[name]
    conversation = Conversation(
        script,
        one_kernel=True,
        sysctls={"net.ipv4.tcp_timestamps": int(timestamps)},
    )
    for at in spread(20):
        conversation.connect(at=at)
    conversation.run()
    sockets = {"client": conversation.connected, "server": conversation.accepted}[side]
    rtos = [tcp_info(connection(socket))["tcpi_rto"] / 1000 for socket in sockets]
    assert len(rtos) == 20
    expected = with_timestamps if timestamps else without
    tolerance = 40 if timestamps and expected > 3000 else 4
    assert np.mean(rtos) == pytest.approx(expected, abs=tolerance)


def connection(socket: Socket) -> Connection:
    block = socket.control_block
    assert isinstance(block, Connection)
    return block
