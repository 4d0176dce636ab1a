"""The states of a connection and the transitions between them (RFC 9293 section 3.3.2, figure 5).

`TRANSITIONS` is the one place that says which state follows which; a connection changes its state
only by `TRANSITIONS[state][event]`, so that a step missing from the table is a KeyError and not a
quiet mistake.  `diagram()` draws the table for the documentation.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class State(IntEnum):
    """One of the eleven states; `str(State.SYN_SENT)` is "SYN-SENT", as the RFC writes it."""

    CLOSED = 0
    LISTEN = 1
    SYN_SENT = 2
    SYN_RECEIVED = 3
    ESTABLISHED = 4
    FIN_WAIT_1 = 5
    FIN_WAIT_2 = 6
    CLOSE_WAIT = 7
    CLOSING = 8
    LAST_ACK = 9
    TIME_WAIT = 10

    def __str__(self) -> str:
        return self.name.replace("_", "-")


class Event(IntEnum):
    """What moves a connection from one state to another."""

    PASSIVE_OPEN = 0
    ACTIVE_OPEN = 1
    RCV_SYN = 2
    RCV_SYN_ACK = 3
    RCV_ACK_OF_SYN = 4
    CLOSE = 5
    RCV_FIN = 6
    RCV_ACK_OF_FIN = 7
    RCV_FIN_AND_ACK_OF_FIN = 8
    TIMEOUT_2MSL = 9
    DELETE_TCB = 10
    """Reset by the peer, aborted by the user, timed out, or refused by the network."""
    RCV_RST = 11
    """Of a passive open (figure 5, note 1): the listener has its request no more."""

    def __str__(self) -> str:
        return LABELS[self]


LABELS: Final = {
    Event.PASSIVE_OPEN: "passive OPEN",
    Event.ACTIVE_OPEN: "active OPEN / snd SYN",
    Event.RCV_SYN: "rcv SYN / snd SYN,ACK",
    Event.RCV_SYN_ACK: "rcv SYN,ACK / snd ACK",
    Event.RCV_ACK_OF_SYN: "rcv ACK of SYN",
    Event.CLOSE: "CLOSE / snd FIN",
    Event.RCV_FIN: "rcv FIN / snd ACK",
    Event.RCV_ACK_OF_FIN: "rcv ACK of FIN",
    Event.RCV_FIN_AND_ACK_OF_FIN: "rcv FIN and ACK of FIN / snd ACK",
    Event.TIMEOUT_2MSL: "timeout = 2 MSL / delete TCB",
    Event.DELETE_TCB: "RST, ABORT or timeout / delete TCB",
    Event.RCV_RST: "rcv RST, of a passive OPEN",
}

TRANSITIONS: Final[dict[State, dict[Event, State]]] = {
    State.CLOSED: {
        Event.PASSIVE_OPEN: State.LISTEN,
        Event.ACTIVE_OPEN: State.SYN_SENT,
        Event.DELETE_TCB: State.CLOSED,
    },
    State.LISTEN: {
        Event.RCV_SYN: State.SYN_RECEIVED,
        Event.ACTIVE_OPEN: State.SYN_SENT,
        Event.DELETE_TCB: State.CLOSED,
    },
    State.SYN_SENT: {
        Event.RCV_SYN: State.SYN_RECEIVED,
        Event.RCV_SYN_ACK: State.ESTABLISHED,
        Event.DELETE_TCB: State.CLOSED,
    },
    State.SYN_RECEIVED: {
        Event.RCV_ACK_OF_SYN: State.ESTABLISHED,
        Event.CLOSE: State.FIN_WAIT_1,
        Event.RCV_FIN: State.CLOSE_WAIT,
        Event.RCV_RST: State.LISTEN,
        Event.DELETE_TCB: State.CLOSED,
    },
    State.ESTABLISHED: {
        Event.CLOSE: State.FIN_WAIT_1,
        Event.RCV_FIN: State.CLOSE_WAIT,
        Event.DELETE_TCB: State.CLOSED,
    },
    State.FIN_WAIT_1: {
        Event.RCV_FIN: State.CLOSING,
        Event.RCV_ACK_OF_FIN: State.FIN_WAIT_2,
        Event.RCV_FIN_AND_ACK_OF_FIN: State.TIME_WAIT,
        Event.DELETE_TCB: State.CLOSED,
    },
    State.FIN_WAIT_2: {
        Event.RCV_FIN: State.TIME_WAIT,
        Event.DELETE_TCB: State.CLOSED,
    },
    State.CLOSE_WAIT: {
        Event.CLOSE: State.LAST_ACK,
        Event.DELETE_TCB: State.CLOSED,
    },
    State.CLOSING: {
        Event.RCV_ACK_OF_FIN: State.TIME_WAIT,
        Event.DELETE_TCB: State.CLOSED,
    },
    State.LAST_ACK: {
        Event.RCV_ACK_OF_FIN: State.CLOSED,
        Event.DELETE_TCB: State.CLOSED,
    },
    State.TIME_WAIT: {
        Event.TIMEOUT_2MSL: State.CLOSED,
        Event.DELETE_TCB: State.CLOSED,
    },
}
"""Figure 5, and section 3.10.7's FIN in SYN-RECEIVED; LISTEN + SEND of the figure is an
ACTIVE_OPEN here, and CLOSE in LISTEN and SYN-SENT deletes the TCB.  A passive open is a request
beside its listener (`sim.tcp.request`): RCV_RST takes it away, and the listener is in LISTEN."""


def diagram() -> str:
    """Return the table as a Mermaid state diagram, the picture of the documentation.

    Deletions from a synchronized state are left out, as in figure 5.

    >>> print(diagram().splitlines()[2])
        CLOSED --> LISTEN: passive OPEN
    """
    lines = ["stateDiagram-v2", "    [*] --> CLOSED"]
    for state, successors in TRANSITIONS.items():
        for event, successor in successors.items():
            if event is not Event.DELETE_TCB:
                lines.append(f"    {state.name} --> {successor.name}: {event}")
    return "\n".join(lines) + "\n"
