"""Whom the protocol speaks to, and who takes its segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mypy_extensions import mypyc_attr, trait

if TYPE_CHECKING:
    from sim.packet import Packet
    from sim.tcp.states import State


@trait
class Endpoint:
    """What stands in the connection table and takes the segments of one flow."""

    state: State

    def segment_arrives(self, segment: Packet, now: int) -> None:
        """Process one segment."""
        raise NotImplementedError

    def reusable(self, now: int) -> bool:
        """Whether connect() may take its port for a new connection."""
        raise NotImplementedError

    def vanish(self) -> None:
        """Leave the table and stop all timers: the host has lost power."""
        raise NotImplementedError


@trait
@mypyc_attr(allow_interpreted_subclasses=True)
class User:
    """Whom a connection tells what happened: the socket that opened or accepted it."""

    def connected(self, now: int) -> None:
        """Hear that the connection is ESTABLISHED."""
        raise NotImplementedError

    def failed(self, number: int, now: int) -> None:
        """Hear that the connection is gone; `number` is the errno."""
        raise NotImplementedError

    def readable(self, now: int) -> None:
        """Hear that data has arrived, or that the peer sends no more."""
        raise NotImplementedError

    def writable(self, now: int) -> None:
        """Hear that the send buffer has room again."""
        raise NotImplementedError


@trait
@mypyc_attr(allow_interpreted_subclasses=True)
class Acceptor:
    """Whom a listener tells that a connection waits: the listening socket."""

    def acceptable(self, now: int) -> None:
        """Hear that the accept queue holds a connection more."""
        raise NotImplementedError


@trait
class Observer:
    """Who counts, per connect(), what either side sends."""

    def syn_sent(self, row: int) -> None:
        """Take note of a SYN."""
        raise NotImplementedError

    def synack_sent(self, row: int, retransmission: bool) -> None:
        """Take note of a SYN-ACK."""
        raise NotImplementedError

    def synack_timeout(self, row: int) -> None:
        """Take note that the next SYN-ACK is sent because its timer has expired."""
        raise NotImplementedError

    def cookie_sent(self, row: int) -> None:
        """Take note that the last SYN-ACK was a cookie: nothing is kept of the connection."""
        raise NotImplementedError

    def turned_away(self, row: int) -> None:
        """Take note that a full queue has turned a SYN away."""
        raise NotImplementedError
