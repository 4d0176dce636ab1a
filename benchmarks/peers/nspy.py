"""Packets over a chain of links with bandwidth and queue in ns.py: ports and wires.

`python nspy.py FOLDER PACKETS` runs alone, with ns.py from FOLDER, and prints the packet-hops and
the CPU seconds that they took.
"""

from __future__ import annotations

import random
import sys
import time
from typing import Any

LINKS = 4
BITRATE = 1e9
DELAY = 0.001
SIZE = 1000
LOAD = 0.8
"""Share of the bit rate that the packets take on average; they come at random times."""


def chain(packets: int) -> tuple[int, float]:
    """Send packets over the chain; return the hops and the CPU seconds."""
    import simpy
    from ns.packet.packet import Packet  # type: ignore[import-not-found]
    from ns.port.port import Port  # type: ignore[import-not-found]
    from ns.port.wire import Wire  # type: ignore[import-not-found]

    env = simpy.Environment()
    arrived = 0

    class Sink:
        def put(self, _: Any) -> None:
            nonlocal arrived
            arrived += 1

    following: Any = Sink()
    for _ in range(LINKS):
        wire = Wire(env, lambda: DELAY)
        wire.out = following
        port = Port(env, BITRATE, qlimit=None)
        port.out = wire
        following = port

    def source() -> Any:
        rng = random.Random(1)
        mean = SIZE * 8 / BITRATE / LOAD
        for number in range(packets):
            yield env.timeout(rng.expovariate(1 / mean))
            following.put(Packet(env.now, SIZE, number))

    env.process(source())
    start = time.process_time()
    env.run()
    seconds = time.process_time() - start
    assert arrived == packets, arrived
    return packets * LINKS, seconds


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    print(*chain(int(sys.argv[2])))
