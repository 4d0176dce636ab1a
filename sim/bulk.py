"""Programs by the thousand: what they do is called when its time comes, without a process each.

`sim.applications` starts them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sim.calendar import NORMAL, Calendar
from sim.host import Host
from sim.socket import POLLIN, Address, Socket

WITHOUT_END: Final = math.inf


class Arrivals:
    """One client after the other connects to `address` at its time and holds the connection.

    `times` in ns, not decreasing; `hold` in ns, math.inf for ever.  One time is in the calendar,
    the next is asked for when it comes.
    """

    __slots__ = ("_coming", "_connect", "address", "calendar", "hold")

    def __init__(
        self,
        calendar: Calendar,
        clients: Sequence[Host],
        address: Address,
        times: Iterable[int],
        hold: float,
    ) -> None:
        self.calendar = calendar
        self._coming: Iterator[tuple[int, Host]] = zip(times, itertools.cycle(clients))
        self.address = address
        self.hold = hold
        self._connect = self.connect
        self._wait()

    def connect(self, client: Host) -> None:
        """Let a client connect."""
        connect_hold_close(client, self.address, self.hold)
        self._wait()

    def _wait(self) -> None:
        calendar = self.calendar
        for time, client in self._coming:
            at = time if time > calendar.now else calendar.now
            calendar.put(at, NORMAL, self._connect, client)
            return


def connect_hold_close(host: Host, address: Address, hold: float) -> None:
    """Connect to `address`, keep the connection for `hold` ns (for ever: math.inf), close it.

    How the connect() ended stands in the simulation's records.
    """
    connecting = host.socket()
    try:
        connecting.start_connect(address, Holder(connecting, hold))
    except OSError:
        return


class Holder:
    """Closes a connection `hold` ns after connect() returned."""

    __slots__ = ("hold", "socket")

    def __init__(self, socket: Socket, hold: float) -> None:
        self.socket = socket
        self.hold = hold

    def __call__(self, error: int) -> None:
        """Take note that connect() returned."""
        if not error and self.hold < WITHOUT_END:
            calendar = self.socket.host.calendar
            calendar.put(calendar.now + int(self.hold), NORMAL, Holder.close, self)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()


class Workers:
    """Threads that accept from one listening socket; each rests `pause` ns after a connection.

    One that waits in accept() goes on, as any program does, when what else has arrived at that
    moment is processed.  An accepted connection is read, and closed when the client closes it.
    """

    __slots__ = ("_ready", "_serve", "calendar", "idle", "listening", "pause")

    def __init__(self, listening: Socket, number: int, pause: int) -> None:
        self.calendar: Calendar = listening.host.calendar
        self.listening = listening
        self.pause = pause
        self.idle = 0
        """How many wait in accept()."""
        self._ready = self.ready
        self._serve = self.serve
        for _ in range(number):
            self.accept()

    def accept(self) -> None:
        """Let one of them accept what waits, one after the other, or wait for more."""
        listening = self.listening
        while listening.readiness() & POLLIN:
            connection, _ = listening.accept_nowait()
            connection.add_reader(read)
            if self.pause:
                self._rest()
                return
        self.idle += 1
        if self.idle == 1:
            listening.add_reader(self._ready)

    def ready(self, listening: Socket) -> None:
        """Let accept() return to one that waits."""
        connection, _ = listening.accept_nowait()
        self.idle -= 1
        if self.idle:
            listening.add_reader(self._ready)
        self.calendar.put(self.calendar.now, NORMAL, self._serve, connection)

    def serve(self, connection: Socket) -> None:
        """Let the one to whom accept() returned look after the connection and go on."""
        connection.add_reader(read)
        if self.pause:
            self._rest()
        else:
            self.accept()

    def _rest(self) -> None:
        self.calendar.put(self.calendar.now + self.pause, NORMAL, Workers.accept, self)


def read(connection: Socket) -> None:
    """Read what has arrived; close the connection if that was the end."""
    try:
        received: Any = connection.recv()
        data: bytes = received._value
    except OSError:
        data = b""
    if data:
        connection.add_reader(read)
    else:
        connection.close()
