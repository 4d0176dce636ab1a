from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sim import Simulation
from sim.timeline import Change, TimelineError, follow, read
from sim.units import MS, S
from tests.sim.outcomes import call, outcomes


def square() -> Simulation:
    """A client at A and a server at D; A - B - D takes 2 ms, A - C - D 20 ms."""
    sim = Simulation()
    for name in "ABCD":
        sim.add_router(name)
    for a, b, delay in (("A", "B", 1), ("B", "D", 1), ("A", "C", 10), ("C", "D", 10)):
        sim.add_link(a, b, delay * MS)
    sim.add_host("client", at="A")
    server = sim.add_host("server", at="D")
    listener = server.socket()
    listener.bind(("", 80))
    listener.listen(100)
    return sim


def latencies(changes: list[Change], *times: int) -> list[float | str]:
    """Return the latency in ms, or the errno, of a connect() at each time."""
    sim = square()
    follow(sim, changes)
    server = sim.hosts["server"].address
    found = outcomes(sim, [call(sim.hosts["client"], server, time) for time in times], 60 * S)
    return [one.latency_ms if one.result == "OK" else one.result for one in found]


def test_a_link_that_is_down_is_told_until_routes_have_converged() -> None:
    changes = [
        Change(1 * S, "link down", "B - D", converge=500 * MS),
        Change(3 * S, "link up", "D - B", converge=500 * MS),
    ]
    times = (0, 1 * S, 1500 * MS, 3 * S, 4 * S)
    assert latencies(changes, *times) == [4, "ENETUNREACH", 40, 40, 4]


def test_latency_changes_from_then_on() -> None:
    assert latencies([Change(1 * S, "latency", "A - B", 5 * MS)], 0, 2 * S) == [4, 12]


def test_loss_changes_from_then_on() -> None:
    changes = [Change(1 * S, "loss", "A - B", 1.0), Change(1500 * MS, "loss", "A - B", 0.0)]
    first, second = latencies(changes, 0, 1 * S)
    assert first == 4
    assert isinstance(second, float)
    assert 1000 < second < 1050


def test_a_partition_is_seen_by_nobody_until_it_heals() -> None:
    changes = [Change(1 * S, "partition", "A, B, C"), Change(4 * S, "heal", "A, B, C")]
    first, second = latencies(changes, 0, 2 * S)
    assert first == 4
    assert isinstance(second, float)
    assert 2000 < second < 3000


def test_a_partition_keeps_hosts_with_their_routers() -> None:
    sim = square()
    sim.add_host("near", at="A", delay=3 * MS)
    sim.add_router("Washington, DC")
    sim.add_link("Washington, DC", "A", MS)
    follow(sim, [Change(0, "partition", "Washington, DC, A")])
    sim.run(until=1)
    cut = {ends for ends, link in sim.network.links.items() if link.cut}
    assert cut == {("A", "B"), ("B", "A"), ("A", "C"), ("C", "A")}


def test_a_partition_between_two_hosts() -> None:
    sim = Simulation()
    sim.add_host("a")
    sim.add_host("b", at="a")
    follow(sim, [Change(0, "partition", "b")])
    sim.run(until=1)
    assert all(link.cut for link in sim.network.links.values())


def test_a_host_that_has_lost_power_answers_nobody() -> None:
    changes = [Change(1 * S, "crash", "server"), Change(1500 * MS, "reboot", "server")]
    first, second = latencies(changes, 0, 1 * S)
    assert first == 4
    assert second == "ECONNREFUSED"  # by the second SYN: nobody listens any more


def test_reroute_uses_the_latencies_of_now() -> None:
    changes = [Change(1 * S, "latency", "A - B", 50 * MS), Change(2 * S, "reroute")]
    assert latencies(changes, 0, 1500 * MS, 3 * S) == [4, 102, 40]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Change(0, "link down", "A - D"), "event 1: no link 'A - D'"),
        (Change(0, "crash", "A"), "event 1: crash: no host 'A'"),
        (Change(0, "partition", "A, X"), "event 1: partition: no node 'X'"),
        (Change(0, "explode"), "event 1: 'explode' is not one of link down"),
    ],
)
def test_what_the_simulation_does_not_have(change: Change, message: str) -> None:
    with pytest.raises(TimelineError, match=message):
        follow(square(), [change])


CSV = """time,event,where,value,converge
1 s,link down,B - D,,200 ms
2 s,loss,A - B,1%,

3 s,reroute
"""
CHANGES = [
    Change(1 * S, "link down", "B - D", 0, 200 * MS),
    Change(2 * S, "loss", "A - B", 0.01),
    Change(3 * S, "reroute"),
]


def test_csv_and_json(tmp_path: Path) -> None:
    table = tmp_path / "events.csv"
    table.write_text(CSV)
    assert read(table) == CHANGES
    rows = [
        {"time": "1 s", "event": "link down", "where": "B - D", "converge": "200 ms"},
        {"time": 2, "event": "loss", "where": "A - B", "value": 0.01},
        {"time": "3 s", "event": "reroute"},
    ]
    objects = tmp_path / "events.json"
    objects.write_text(json.dumps(rows))
    assert read(objects) == CHANGES


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "", "t.csv: line 1: expected the header time,event,where,value,converge"),
        ("t.csv", "time,event,what\n1,reroute,x", "t.csv: line 2: unknown name 'what'"),
        ("t.csv", "time,event\n1 s,lnk", "t.csv: line 2: event 'lnk' is not one of"),
        ("t.csv", "time,event\nsoon,reroute", "t.csv: line 2: time 'soon' is not a duration"),
        ("t.csv", "event\nreroute", "t.csv: line 2: time '' is not a duration"),
        ("t.csv", "time,event,Time\n1,reroute,2", "t.csv: line 1: the name 'time' is there twice"),
        ("t.csv", "time,event\n1,reroute,x", "t.csv: line 2: 3 values under 2 names"),
        ("t.csv", "time,event,value\n1,loss,2", "t.csv: line 2: value '2' is not a probability"),
        ("t.csv", "time,event,value\n1,loss,", "t.csv: line 2: loss takes a value"),
        (
            "t.csv",
            "time,event,value\n1,reroute,3",
            "t.csv: line 2: reroute takes no value, such as '3'",
        ),
        ("t.json", "{}", "t.json: not a list of events"),
        ("t.json", "[1]", "t.json: event 1: not an object"),
        ("t.json", "[", "t.json: Expecting value"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(TimelineError) as error:
        read(file)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(TimelineError, match=r"nowhere\.csv: No such file"):
        read("nowhere.csv")


cells = st.sampled_from(["1 s", "link down", "A - B", "1%", "", '"', "nan", "-1", "1e99 s"]) | (
    st.text(max_size=8)
)


@given(
    st.lists(st.lists(cells, max_size=6).map(",".join), max_size=4).map(
        lambda rows: "\n".join(["time,event,where,value,converge", *rows])
    )
    | st.text(max_size=40),
    st.sampled_from([".csv", ".json"]),
)
@example("[" * 100_000, ".json")
@example('[{"time": 1e999, "event": "reroute"}]', ".json")
def test_any_file_is_a_timeline_or_an_error_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, text: str, ending: str
) -> None:
    file = tmp_path_factory.getbasetemp() / f"any{ending}"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    problem = str(file)
    try:
        read(file)
    except TimelineError as error:
        problem = str(error)
    assert str(file) in problem
    assert "\n" not in problem
