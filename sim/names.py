"""Names of hosts, which may have several addresses, and connecting to a name.

Implements the order of destinations of RFC 6724 section 6 as far as it concerns connects: those
that the host has an address for first (rule 1), IPv6 before IPv4 (rule 6), else as they were given
(rule 10).  `connect` tries one after the other as Python's socket.create_connection does.  Left out
are the lookup itself, which takes no time, and racing connects (RFC 8305).
"""

from __future__ import annotations

import errno
from collections.abc import Generator, Sequence
from typing import Any

from simpy.events import Event

from sim.host import Host
from sim.ip import is_ipv6
from sim.simulation import Simulation
from sim.socket import Socket
from sim.tcp.errors import os_error


class Names:
    """The names of one simulation: every host's, and what `add` was told."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._added: dict[str, Sequence[str]] = {}

    def add(self, name: str, addresses: Sequence[str]) -> None:
        """Give a name to addresses, of one host or of several."""
        self._added[name] = tuple(addresses)

    def resolve(self, name: str, host: Host) -> list[str]:
        """Return the addresses of a name, in the order in which `host` should try them.

        Raises OSError (ENOENT) for a name that nobody has.
        """
        addresses = self._added.get(name)
        if addresses is None:
            named = self._sim.hosts.get(name)
            if named is None:
                raise os_error(errno.ENOENT)
            addresses = named.addresses
        own = {is_ipv6(address) for address in host.addresses}
        return sorted(
            addresses, key=lambda address: (is_ipv6(address) not in own, not is_ipv6(address))
        )

    def connect(self, host: Host, name: str, port: int) -> Generator[Event, Any, Socket]:
        """Connect a host to a name, trying its addresses in turn; returns the connected socket.

        To be used with `yield from`.  Raises the OSError of the last address.
        """
        problem = os_error(errno.ENOENT)
        for address in self.resolve(name, host):
            connecting = host.socket()
            try:
                yield connecting.connect((address, port))
            except OSError as error:
                problem = error
                connecting.close()
            else:
                return connecting
        raise problem
