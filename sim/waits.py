"""What a connect() waited for: its latency without the travel of its packets, by cause.

The time between the first SYN and the one that was answered first is lost to SYNs: those that the
network lost, and those that a full queue turned away.  The time between the first SYN-ACK and the
first that got through is lost to SYN-ACKs: those that a server repeats by its timer, and cookies,
of which it keeps nothing.  What timers waited beyond their nominal time is lost to their rounding.
What remains is the travel of one SYN and one SYN-ACK, so the parts add up exactly.

Marks name no packet: with several SYNs or SYN-ACKs in flight, the latest counts as the lost one.
A connect() that timed out lost all its time to whatever its packets met, unseen losses included.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final, NamedTuple

CAUSES: Final = ("syn_lost", "synack_lost", "queue_full", "cookie", "rounding")
"""What time is lost to."""
SYN_LOST, SYNACK_LOST, QUEUE_FULL, COOKIE, ROUNDING = range(len(CAUSES))
IN_USE: Final = -1
"""Cause of a packet that was not sent in vain."""


class Mark:
    """What is noted of a connect() whose handshake is not the shortest.

    Of marks of one moment the lesser comes first.
    """

    TIMEOUT: Final = 0
    """The SYN-ACK timer sends the next SYN-ACK."""
    SYN: Final = 1
    """A SYN was sent, not the first."""
    SYN_ACK: Final = 2
    """A SYN-ACK was sent, not the first."""
    COOKIE: Final = 3
    """The latest SYN-ACK was a cookie."""
    SYN_LOST: Final = 4
    SYN_ACK_LOST: Final = 5
    TURNED_AWAY: Final = 6
    """A full queue dropped a SYN."""


class Attempt(NamedTuple):
    """What is known of a connect(); times in ns, -1 for what did not happen."""

    started: int
    finished: int
    answered: int
    """When the server sent its first SYN-ACK."""
    timed_out: bool
    syn_waits: Sequence[int]
    """Nominal wait after each of the client's SYNs."""
    synack_waits: Sequence[int]


class Sent:
    """A SYN or a SYN-ACK."""

    __slots__ = ("cause", "cookie", "nominal", "time")

    def __init__(self, time: int, nominal: int) -> None:
        self.time = time
        self.nominal = nominal
        """When it would have been sent if timers were exact, ns after some moment."""
        self.cause = IN_USE
        """Why it was sent in vain, if it was."""
        self.cookie = False


def waits(log: array[int], attempt: Callable[[int], Attempt]) -> Iterator[tuple[int, list[int]]]:
    """Yield, of each connect() in the log that has returned, its row and the ns lost by cause.

    The log holds (row, time in ns, Mark), one after the other.
    """
    marks = sorted(zip(log[::3], log[1::3], log[2::3], strict=True))
    for row, group in groupby(marks, key=itemgetter(0)):
        of = attempt(row)
        if of.finished >= 0:
            yield row, split(of, [(time, mark) for _, time, mark in group])


def split(attempt: Attempt, marks: Sequence[tuple[int, int]]) -> list[int]:
    """Return the ns that a connect() lost to each cause; `marks` are (time, Mark), in order."""
    syns, synacks = _sent(attempt, marks)
    if attempt.timed_out:
        in_vain, cause = (synacks, SYNACK_LOST) if synacks else (syns, SYN_LOST)
        for sent in in_vain:
            if sent.cause == IN_USE:
                sent.cause = cause
    lost = [0] * len(CAUSES)
    _lose(lost, syns)
    _lose(lost, synacks)
    last = synacks[-1] if synacks else syns[-1]
    if attempt.timed_out:
        lost[last.cause] += attempt.finished - last.time
    return lost


def _lose(lost: list[int], sent: list[Sent]) -> None:
    """Add the waits from the first packet to the first that was not sent in vain."""
    for packet, following in pairwise(sent):
        if packet.cause == IN_USE:
            break
        waited = following.time - packet.time
        rounding = min(max(waited - (following.nominal - packet.nominal), 0), waited)
        lost[ROUNDING] += rounding
        lost[packet.cause] += waited - rounding


def _sent(attempt: Attempt, marks: Sequence[tuple[int, int]]) -> tuple[list[Sent], list[Sent]]:
    """Return the SYNs and the SYN-ACKs sent before connect() returned, and what they met."""
    syns, synacks = [Sent(attempt.started, 0)], list[Sent]()
    timeouts, by_timer = 0, False
    for time, mark in [*marks, (attempt.finished, Mark.TURNED_AWAY + 1)]:
        if time > attempt.finished:
            break
        if not synacks and 0 <= attempt.answered <= time and mark > Mark.SYN:
            synacks.append(Sent(attempt.answered, _heard(syns).nominal))
        if mark == Mark.SYN:
            wait = attempt.syn_waits[min(len(syns), len(attempt.syn_waits)) - 1]
            syns.append(Sent(time, syns[-1].nominal + wait))
        elif mark == Mark.TIMEOUT:
            by_timer = True
        elif mark == Mark.SYN_ACK:
            nominal = _heard(syns).nominal
            if by_timer:
                wait = attempt.synack_waits[min(timeouts, len(attempt.synack_waits) - 1)]
                nominal = synacks[-1].nominal + wait
                timeouts, by_timer = timeouts + 1, False
            synacks.append(Sent(time, nominal))
        elif mark == Mark.SYN_LOST:
            syns[-1].cause = SYN_LOST
        elif mark == Mark.TURNED_AWAY:
            syns[-1].cause = QUEUE_FULL
        elif mark == Mark.COOKIE:
            synacks[-1].cookie = True
        elif mark == Mark.SYN_ACK_LOST and synacks:
            synacks[-1].cause = COOKIE if synacks[-1].cookie else SYNACK_LOST
    return syns, synacks


def _heard(syns: list[Sent]) -> Sent:
    """Return the latest SYN that was not sent in vain."""
    return next((syn for syn in reversed(syns) if syn.cause == IN_USE), syns[-1])
