"""What hosts count, and how long their listeners' queues are over simulated time.

Counters have the names that `nstat` prints, "TcpExtListenOverflows" for what /proc/net/netstat has
as ListenOverflows of TcpExt; queues are what `ss -tan` shows on Linux: requests in SYN-RECEIVED,
connections that wait for accept(), connections established.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.records import Column, Enumeration, seconds

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

    A look takes time for each port that is listened on, however many hosts and connections there
    are.  The last one is at the end.
    """

    def __init__(self, sim: Simulation, interval: int) -> None:
        """Begin now; `interval` in ns."""
        self.sim = sim
        self.interval = interval
        self.ports: dict[tuple[str, int], dict[str, int]] = {}
        """(host, port) -> what is known of its listeners: see `listeners()`."""
        self._rows = array("q")
        self._wait(0)

    def _wait(self, delay: int) -> None:
        """Look after `delay` ns, if the simulation still runs then: it does not wait for us."""
        env = self.sim.env
        env.calendar.dormant += 1
        env.timeout(delay).callbacks.append(self._look)

    def _look(self, _: Any) -> None:
        self.sim.env.calendar.dormant -= 1
        self._look_at_all()
        self._wait(self.interval)

    def _last_look(self) -> None:
        """Look at how things stand now, instead of a look earlier at this moment."""
        now = self.sim.env.calendar.now
        while self._rows and self._rows[-WIDTH] == now:
            del self._rows[-WIDTH:]
        self._look_at_all()

    def _look_at_all(self) -> None:
        for number, name in sorted(self.sim.records.listening.items()):
            self._look_at(number, self.sim.hosts[name])

    def _look_at(self, number: int, host: Host) -> None:
        tcp = host.tcp
        for (_, port), listening in tcp.listeners.items():
            members = listening.members
            known = self.ports.setdefault((host.name, port), {})
            known["backlog"] = members[0].backlog
            known["syn_queue_limit"] = sum(one.request_limit for one in members)
            known["accept_queue_limit"] = sum(one.accept_limit for one in members)
            for name, longest in (
                ("syn_queue_longest", sum(one.longest_syn_queue for one in members)),
                ("accept_queue_longest", sum(one.longest_accept_queue for one in members)),
            ):
                known[name] = max(known.get(name, 0), longest)
            self._rows.extend(
                (
                    *(self.sim.env.calendar.now, number, port),
                    sum(one.requests for one in members),
                    sum(len(one.accept_queue) for one in members),
                    tcp.established[port],
                )
            )

    def columns(self) -> dict[str, Column]:
        """Return the columns of `queues.parquet`: a row for each listening port and look."""
        self._last_look()
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
        """Return what each port's queues hold at most, and held, for run.json.

        `backlog` is what the host made of listen()'s; the `..._longest` are exact, between looks,
        too; what several listeners hold that share the port is added up.
        """
        self._last_look()
        return [{"host": host, "port": port, **known} for (host, port), known in self.ports.items()]
