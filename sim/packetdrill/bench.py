"""The host under test on its bench: what it sends is caught, what arrives is put in by hand.

The peer is an address without a host behind it; the way there takes no time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from sim.host import Host
from sim.packet import Packet
from sim.simulation import Simulation
from sim.tcp.profile import Profile


class Bench:
    """One simulated host that runs `profile`, at `local`, whose peer has the address `remote`.

    `mtu` is that of its interface, bytes.
    """

    def __init__(self, profile: Profile, local: str, remote: str, mtu: int = 1500) -> None:
        self.sim = Simulation(seed=0)
        self.env = self.sim.env
        self.host: Host = self.sim.add_host("host", profile.name, address=local, mtu=mtu)
        self.sim.add_host("peer", "rfc9293", address=remote)
        self.sim.add_link("host", "peer", delay=0)
        self.host.forwarding[remote] = self._catch
        self.caught: deque[tuple[int, Packet]] = deque()
        """Packets that came out, with the time, oldest first."""
        self.put: Callable[[Any], None] = self.host.receive
        """Let a packet, TCP or ICMP, arrive at the host."""

    def _catch(self, packet: Packet) -> None:
        self.caught.append((self.now, packet))

    @property
    def now(self) -> int:
        """Simulated time, ns."""
        return self.env.now

    @property
    def profile(self) -> Profile:
        """The host's operating system as it is configured now."""
        return self.host.tcp.profile

    def configure(self, profile: Profile) -> None:
        """Change the host's knobs."""
        self.host.profile = profile
        self.host.tcp.configure(profile)

    def settle(self) -> None:
        """Let everything happen that is due now."""
        self.run_until(lambda: False, self.now)

    def advance(self, time: int) -> None:
        """Let time pass until `time`, and everything happen that is due then."""
        if time > self.now:
            timeout = self.env.timeout(time - self.now)
            self.run_until(lambda: timeout.processed, time)
        self.settle()

    def run_until(self, happened: Callable[[], bool], limit: int) -> bool:
        """Go on until something has happened, but not past `limit`; return whether it has."""
        while not happened():
            if self.env.peek() > limit:
                return False
            self.env.step()
        return True
