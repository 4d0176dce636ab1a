from __future__ import annotations

from collections.abc import Iterator

import pytest

from sim.tcp.states import TRANSITIONS, Event, State, diagram

FIGURE_5 = {
    ("CLOSED", "passive OPEN", "LISTEN"),
    ("CLOSED", "active OPEN", "SYN-SENT"),
    ("LISTEN", "CLOSE", "CLOSED"),
    ("LISTEN", "SEND", "SYN-SENT"),
    ("LISTEN", "rcv SYN", "SYN-RECEIVED"),
    ("SYN-SENT", "CLOSE", "CLOSED"),
    ("SYN-SENT", "rcv SYN", "SYN-RECEIVED"),
    ("SYN-SENT", "rcv SYN,ACK", "ESTABLISHED"),
    ("SYN-RECEIVED", "rcv ACK of SYN", "ESTABLISHED"),
    ("SYN-RECEIVED", "CLOSE", "FIN-WAIT-1"),
    ("SYN-RECEIVED", "rcv RST", "LISTEN"),  # note 1 of the figure
    ("ESTABLISHED", "CLOSE", "FIN-WAIT-1"),
    ("ESTABLISHED", "rcv FIN", "CLOSE-WAIT"),
    ("FIN-WAIT-1", "rcv ACK of FIN", "FIN-WAIT-2"),
    ("FIN-WAIT-1", "rcv FIN", "CLOSING"),
    ("FIN-WAIT-1", "rcv FIN and ACK of FIN", "TIME-WAIT"),  # note 2 of the figure
    ("FIN-WAIT-2", "rcv FIN", "TIME-WAIT"),
    ("CLOSE-WAIT", "CLOSE", "LAST-ACK"),
    ("CLOSING", "rcv ACK of FIN", "TIME-WAIT"),
    ("LAST-ACK", "rcv ACK of FIN", "CLOSED"),
    ("TIME-WAIT", "timeout = 2 MSL", "CLOSED"),
}
"""Figure 5 of RFC 9293: its arrows, read from the page."""

IN_THE_FIGURE = {
    Event.PASSIVE_OPEN: "passive OPEN",
    Event.ACTIVE_OPEN: "active OPEN",
    Event.RCV_SYN: "rcv SYN",
    Event.RCV_SYN_ACK: "rcv SYN,ACK",
    Event.RCV_ACK_OF_SYN: "rcv ACK of SYN",
    Event.CLOSE: "CLOSE",
    Event.RCV_FIN: "rcv FIN",
    Event.RCV_ACK_OF_FIN: "rcv ACK of FIN",
    Event.RCV_FIN_AND_ACK_OF_FIN: "rcv FIN and ACK of FIN",
    Event.TIMEOUT_2MSL: "timeout = 2 MSL",
    Event.RCV_RST: "rcv RST",
}


def arrows() -> Iterator[tuple[State, Event, State]]:
    for state, successors in TRANSITIONS.items():
        for event, successor in successors.items():
            yield state, event, successor


def test_the_table_is_figure_5() -> None:
    """Two names differ (SEND and CLOSE before a SYN-ACK); 3.10.7.4 adds FIN in SYN-RECEIVED."""
    table = set()
    for state, event, successor in arrows():
        name = IN_THE_FIGURE.get(event)
        if (state, event) == (State.LISTEN, Event.ACTIVE_OPEN):
            name = "SEND"
        if event is Event.DELETE_TCB and state in (State.LISTEN, State.SYN_SENT):
            name = "CLOSE"
        if name is not None:
            table.add((str(state), name, str(successor)))
    assert table - {("SYN-RECEIVED", "rcv FIN", "CLOSE-WAIT")} == FIGURE_5


def test_a_control_block_can_be_deleted_in_every_state() -> None:
    for state in State:
        assert TRANSITIONS[state][Event.DELETE_TCB] is State.CLOSED


def test_every_state_can_be_reached_and_left() -> None:
    reached = {State.CLOSED}
    for _ in State:
        reached |= {successor for state, _, successor in arrows() if state in reached}
    assert reached == set(State)
    ends = {State.CLOSED}
    for _ in State:
        ends |= {state for state, event, successor in arrows() if successor in ends}
    assert ends == set(State)


def test_states_are_written_as_in_the_rfc() -> None:
    assert [str(state) for state in State] == [
        *("CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1"),
        *("FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"),
    ]


def test_a_step_that_is_not_in_the_table_is_an_error() -> None:
    with pytest.raises(KeyError):
        TRANSITIONS[State.ESTABLISHED][Event.RCV_ACK_OF_FIN]


def test_the_diagram_has_every_arrow_but_deletions() -> None:
    lines = diagram().splitlines()
    drawn = [a for a in arrows() if a[1] is not Event.DELETE_TCB]
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> CLOSED"]
    assert lines[2:] == [f"    {a.name} --> {b.name}: {event}" for a, event, b in drawn]
