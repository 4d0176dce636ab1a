"""What connectsim is measured at: `python -m benchmarks.peers.ours WORK ...`, a process each.

Prints one JSON object: `done` (handshakes, packet-hops or events), CPU `seconds`, and what else the
work tells.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any

from benchmarks.handshakes import simulate
from benchmarks.peers import nspy

Result = dict[str, float]


def handshakes(connections: str, servers: str, routers: str, loss: str) -> Result:
    """Run handshakes of 100 client hosts."""
    ran = simulate(int(connections), int(routers), float(loss), int(servers))
    return {**ran, "done": int(connections), "seconds": ran["cpu"]}


def chain(packets: str) -> Result:
    """Send packets over the chain of links that `nspy` has."""
    from sim.engine import Engine
    from sim.net.queued import QueuedLink
    from sim.packet import ACK, NO_TIMESTAMP, Flow, Packet
    from sim.streams import Streams

    engine, streams = Engine(), Streams(1)
    arrived = 0

    def sink(_: Any) -> None:
        nonlocal arrived
        arrived += 1

    send: Callable[[Any], None] = sink
    for number in range(nspy.LINKS):
        name, delay = f"link {number}", round(nspy.DELAY * 1e9)
        send = QueuedLink(engine, streams, name, send, delay, bitrate=round(nspy.BITRATE)).send

    def source() -> Any:
        rng = random.Random(1)
        mean = nspy.SIZE * 8 / nspy.BITRATE / nspy.LOAD * 1e9
        flow, payload = Flow("10.0.0.1", 1024, "10.0.0.2", 80), bytes(nspy.SIZE - 40)
        for number in range(int(packets)):
            yield engine.timeout(round(rng.expovariate(1 / mean)))
            send(Packet(flow, ACK, number, 0, 65535, None, NO_TIMESTAMP, 0, payload))

    engine.process(source())
    start = time.process_time()
    engine.run()
    seconds = time.process_time() - start
    assert arrived == int(packets), arrived
    return {"done": int(packets) * nspy.LINKS, "seconds": seconds}


def floor(events: str, pending: str) -> Result:
    """Push and pop events, each with an empty callback, while `pending` others wait."""
    rng = random.Random(1)
    waits = [rng.randrange(40_000_000) for _ in range(int(events))]
    numbers = count()

    def callback() -> None:
        pass

    queue: list[Any] = [
        (rng.randrange(40_000_000), 1, next(numbers), callback) for _ in range(int(pending))
    ]
    heapify(queue)
    start = time.process_time()
    for wait in waits:
        now, _, _, call = heappop(queue)
        call()
        heappush(queue, (now + wait, 1, next(numbers), callback))
    return {"done": int(events), "seconds": time.process_time() - start}


def start_up(*arguments: str) -> Result:
    """Run the command line with some arguments, as a process; `seconds` are wall time."""
    import subprocess

    command = [sys.executable, "-m", "scenarios", *arguments]

    def once() -> float:
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return time.perf_counter() - start

    return {"done": 1, "seconds": statistics.median(once() for _ in range(3))}


WORK: dict[str, Callable[..., Result]] = {
    "handshakes": handshakes,
    "chain": chain,
    "floor": floor,
    "start": start_up,
}

if __name__ == "__main__":
    print(json.dumps(WORK[sys.argv[1]](*sys.argv[2:])))
