"""What hosts count, and how long their listeners' queues are over simulated time.

Counters have the names that `nstat` prints; queues are what `ss -tan` shows on Linux: requests in
SYN-RECEIVED, connections that wait for accept(), connections established.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.records import Column, Enumeration, seconds
from sim.tcp.states import State

if TYPE_CHECKING:
    from sim.host import Host
    from sim.simulation import Simulation

WIDTH = 6


def counters(hosts: Mapping[str, Host]) -> dict[str, Column]:
    """Return the columns of `counters.parquet`: each counter of each host that is not 0."""
    found = [
        (host, name, value)
        for host, of in enumerate(hosts.values())
        for name, value in sorted(of.tcp.counters.items())
        if value
    ]
    names = sorted({name for _, name, _ in found})
    numbers = {name: number for number, name in enumerate(names)}
    return {
        "host": Enumeration(np.array([host for host, _, _ in found], np.int32), list(hosts)),
        "counter": Enumeration(np.array([numbers[name] for _, name, _ in found], np.int32), names),
        "value": np.array([value for _, _, value in found], np.int64),
    }


class QueueSamples:
    """Looks at the queues of every listening port, again and again while anything happens.

    A look takes time for each entry of the connection tables of the hosts that listen.
    """

    def __init__(self, sim: Simulation, interval: int) -> None:
        """Begin now; `interval` in ns."""
        self.sim = sim
        self.interval = interval
        self.limits: dict[tuple[str, int], tuple[int, int]] = {}
        """(host, port) -> most requests and most connections that its queues hold."""
        self._rows = array("q")
        self._wait(0)

    def _wait(self, delay: int) -> None:
        """Look after `delay` ns, if the simulation still runs then: it does not wait for us."""
        env = self.sim.env
        env.dormant += 1
        env.timeout(delay).callbacks.append(self._look)

    def _look(self, _: Any) -> None:
        env = self.sim.env
        env.dormant -= 1
        for number, host in enumerate(self.sim.hosts.values()):
            if host.tcp.listeners:
                self._look_at(number, host)
        self._wait(self.interval)

    def _look_at(self, number: int, host: Host) -> None:
        tcp = host.tcp
        established = Counter(
            key.dport
            for key, endpoint in tcp.connections.items()
            if getattr(endpoint, "state", None) == State.ESTABLISHED
        )
        for (_, port), listening in tcp.listeners.items():
            members = listening.members
            self.limits[host.name, port] = (
                sum(one.request_limit for one in members),
                sum(one.accept_limit for one in members),
            )
            self._rows.extend(
                (
                    *(self.sim.env._now, number, port),
                    sum(one.requests for one in members),
                    sum(len(one.accept_queue) for one in members),
                    established[port],
                )
            )

    def columns(self) -> dict[str, Column]:
        """Return the columns of `queues.parquet`: a row for each listening port and look."""
        rows = np.array(self._rows, dtype=np.int64).reshape(-1, WIDTH)
        return {
            "time_s": seconds(rows[:, 0]),
            "host": Enumeration(rows[:, 1].astype(np.int32), list(self.sim.hosts)),
            "port": rows[:, 2].copy(),
            "syn_queue": rows[:, 3].copy(),
            "accept_queue": rows[:, 4].copy(),
            "established": rows[:, 5].copy(),
        }

    def listeners(self) -> list[dict[str, Any]]:
        """Return what the queues hold at most, for run.json."""
        return [
            {"host": host, "port": port, "syn_queue_limit": syn, "accept_queue_limit": accept}
            for (host, port), (syn, accept) in self.limits.items()
        ]
