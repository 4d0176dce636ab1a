from __future__ import annotations

from pathlib import Path

import pytest

from analysis import story
from analysis.errors import ResultsError
from analysis.story import Step
from tests import traced


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> list[Step]:
    return story.load(traced.write(tmp_path_factory.mktemp("plain") / "run"))


def test_every_step_in_order(steps: list[Step]) -> None:
    told = [(step.host, step.titles, [row["flags"] for row in step.sent]) for step in steps]
    assert told[:10] == [
        ("server", ["socket()"], []),
        ("server", ["bind(('', 80))"], []),
        ("server", ["listen(128)"], []),
        ("server", ["accept()", "accept() waits"], []),
        ("client", ["socket()"], []),
        ("client", ["connect(('10.0.0.2', 80))", "connect() waits"], ["S"]),
        ("server", ["receives [S]"], ["S."]),
        ("client", ["receives [S.]", "connect() returns"], ["."]),
        ("server", ["receives [.]", "accept() returns", "accept()", "accept() waits"], []),
        ("client", ["close()"], ["F."]),
    ]
    assert [step.time_s for step in steps] == sorted(step.time_s for step in steps)


def test_a_new_socket_knows_nothing_and_connect_tells_it_the_peer(steps: list[Step]) -> None:
    created, called = steps[4:6]
    assert [change.name for change in created.changes["client, socket 1"]] == ["state"]
    learnt = {change.name: change for change in called.changes["client, socket 1"]}
    assert (learnt["peer"].before, learnt["peer"].after) == ("", "10.0.0.2:80")
    assert (learnt["state"].before, learnt["state"].after) == ("CLOSED", "SYN-SENT")
    assert "irs" not in learnt


def test_bind_gives_an_address(steps: list[Step]) -> None:
    (changes,) = steps[1].changes.values()
    assert [(change.name, change.after) for change in changes] == [("local", "*:80")]


def test_each_side_learns_the_other_s_initial_sequence_number(steps: list[Step]) -> None:
    called, asked, answered = steps[5:8]
    ours = {change.name: change.after for change in called.changes["client, socket 1"]}
    theirs = {change.name: change.after for change in asked.changes["server, socket 2"]}
    then = {change.name: change.after for change in answered.changes["client, socket 1"]}
    assert theirs["irs"] == ours["iss"]
    assert then["irs"] == theirs["iss"]


def test_the_end_gives_the_memory_back(steps: list[Step]) -> None:
    memory = [
        (socket, change.after)
        for step in steps
        for socket, changes in step.changes.items()
        for change in changes
        if change.name == "buffer memory"
    ]
    for socket in ("client, socket 1", "server, socket 2"):
        assert [after == "" for name, after in memory if name == socket] == [False, True]


def test_a_run_without_trace_says_so(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="not traced"):
        story.load(tmp_path)
