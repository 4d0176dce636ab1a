"""The calls of scripts that wait for several sockets: poll() and the three of epoll."""

from __future__ import annotations

import errno
from collections.abc import Generator
from typing import Any

from simpy.events import Event

from sim.host import Host
from sim.packetdrill.arguments import CallError, Evaluator, PollFd, expect, take
from sim.packetdrill.epoll import Epoll, Watch
from sim.packetdrill.script import Expression, Structure
from sim.socket import Socket
from sim.tcp.errors import os_error
from sim.units import MS

Arguments = tuple[Expression, ...]

Running = Generator[Any, Any, int]
"""A call that is being made; its value is its result."""

ALWAYS_POLLED = ("POLLERR", "POLLHUP", "POLLNVAL")
"""What poll() reports unasked."""


class Readiness:
    """The descriptors of a process: what they stand for, and what they are ready for."""

    def __init__(self, host: Host, symbols: dict[str, int]) -> None:
        self.host = host
        self.symbols = symbols
        self.values = Evaluator(symbols)
        self.sockets: dict[int, Socket] = {}
        """By the descriptor that the script gives them."""
        self.epolls: dict[int, Epoll] = {}
        """The same for those of epoll_create()."""

    def _descriptor(self, fd: int) -> Socket:
        if fd not in self.sockets:
            raise CallError(f"there is no open socket {fd}")
        return self.sockets[fd]

    def socket(self, expression: Expression) -> Socket:
        """Return the socket of a descriptor of the script."""
        return self._descriptor(self.values.number(expression))

    def look(self) -> None:
        """Take note of what a call has changed for those who wait for edges."""
        for epoll in self.epolls.values():
            epoll.look()

    # Calls.

    def _poll(self, arguments: Arguments, _result: int) -> Running:
        array, count, timeout = take(arguments, 3)
        entries = self.values.pollfds(array, count)
        limit = self.values.number(timeout)
        alarm = self._alarm(limit)
        while not any(ready := [self._ready(entry) for entry in entries]):
            if self._over(alarm, limit):
                break
            changes = (self._descriptor(entry.fd).changed() for entry in entries)
            yield self.host.env.any_of([alarm, *changes])
        for entry, revents in zip(entries, ready, strict=True):
            if revents != entry.revents:
                found, wanted = self._events(revents), self._events(entry.revents)
                raise CallError(f"revents of {entry.fd} are {found}, expected {wanted}")
        return sum(bool(revents) for revents in ready)

    # epoll.

    def _epoll(self, expression: Expression) -> Epoll:
        fd = self.values.number(expression)
        if fd not in self.epolls:
            raise CallError(f"{fd} is no descriptor of epoll_create()")
        return self.epolls[fd]

    def _epoll_create(self, arguments: Arguments, result: int) -> int:
        take(arguments, 1)
        self.epolls[result] = Epoll()
        return result

    def _epoll_ctl(self, arguments: Arguments, _result: int) -> int:
        epfd, operation, descriptor, event = take(arguments, 4)
        watches, fd = self._epoll(epfd).watches, self.values.number(descriptor)
        what = self.values.number(operation)
        if (fd in watches) == (what == self.symbols["EPOLL_CTL_ADD"]):
            raise os_error(errno.EEXIST if fd in watches else errno.ENOENT)
        if what == self.symbols["EPOLL_CTL_DEL"]:
            del watches[fd]
        else:
            events = self.values.member(expect(event, Structure), "events")
            watches[fd] = Watch(self._descriptor(fd), events)
        return 0

    def _epoll_wait(self, arguments: Arguments, _result: int) -> Running:
        epfd, event, most, timeout = take(arguments, 4)
        epoll, wanted = self._epoll(epfd), expect(event, Structure)
        limit = self.values.number(timeout)
        alarm = self._alarm(limit)
        while not (ready := epoll.ready()) and not self._over(alarm, limit):
            changes = (watch.socket.changed() for watch in epoll.watches.values())
            yield self.host.env.any_of([alarm, *changes])
        reported = list(ready.items())[: self.values.number(most)]
        for fd, mask in reported:
            epoll.watches[fd].report(mask)
        mask = self.values.member(wanted, "events")
        if len(reported) <= 1 and [events for _, events in reported] != [mask] * bool(mask):
            found = self._events(reported[0][1]) if reported else "0"
            raise CallError(f"the events are {found}, expected {self._events(mask)}")
        return len(reported)

    def _alarm(self, limit: int) -> Event:
        """Return an event that happens in `limit` ms; never if that is negative."""
        env = self.host.env
        return env.timeout(limit * MS) if limit >= 0 else env.event()

    def _over(self, alarm: Event, limit: int) -> bool:
        return alarm.triggered and (limit <= 0 or alarm.processed)

    def _ready(self, entry: PollFd) -> int:
        asked = entry.events
        for name in ALWAYS_POLLED:
            asked |= self.symbols[name]
        return self._descriptor(entry.fd).readiness() & asked

    def _events(self, mask: int) -> str:
        names = [
            name for name, bit in self.symbols.items() if name.startswith("POLL") and mask & bit
        ]
        return "|".join(names) or "0"
