from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from scenarios.catalogue import load
from scenarios.errors import UserError
from scenarios.parameters import parse
from scenarios.runner import Run, simulate
from scenarios.store import table
from sim import Simulation

NODE = '<node id="{0}"><data key="label">{0}</data>{1}</node>'
PLACE = '<data key="lat">{}</data><data key="lon">{}</data>'


def graphml(path: Path, nodes: str, edges: str) -> str:
    path.write_text(
        '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
        '<key id="label" for="node" attr.name="label" attr.type="string"/>'
        '<key id="lat" for="node" attr.name="Latitude" attr.type="double"/>'
        '<key id="lon" for="node" attr.name="Longitude" attr.type="double"/>'
        '<key id="latency" for="edge" attr.name="latency" attr.type="string"/>'
        f'<graph edgedefault="undirected">{nodes}{edges}</graph></graphml>'
    )
    return str(path)


def node(name: str, place: tuple[float, float] | None = (0, 0)) -> str:
    return NODE.format(name, "" if place is None else PLACE.format(*place))


def edge(a: str, b: str, latency: str = "") -> str:
    data = f'<data key="latency">{latency}</data>' if latency else ""
    return f'<edge source="{a}" target="{b}">{data}</edge>'


def simulated(**settings: str) -> tuple[Simulation, pd.DataFrame]:
    scenario = load("lossy_wan")
    sim, _ = simulate(Run(scenario, parse(scenario.parameters, settings), seed=3))
    return sim, table(sim.records.columns()).to_pandas()


def test_clients_of_every_city_connect_along_the_shortest_path() -> None:
    sim, frame = simulated(connections="110", loss="0", server="New York")
    assert "the server stands in New York" in sim.notes
    assert frame.groupby("client", observed=True).size().tolist() == [10] * 11
    assert set(frame["outcome"]) == {"established"}
    round_trip = 2 * frame["path_delay_s"]
    assert frame["latency_s"].to_numpy() == pytest.approx(round_trip.to_numpy(), abs=1e-9)
    nearest = frame.sort_values("path_delay_s").iloc[0]
    assert (nearest["client"], nearest["path_delay_s"]) == ("New York-1", 0.001)
    seattle = frame.loc[frame["client"] == "Seattle-1", "path_delay_s"]
    assert seattle.between(0.019, 0.026).all()  # 3,870 km as the crow flies


def test_the_central_city_is_the_default() -> None:
    sim, _ = simulated(connections="1")
    assert sim.notes == ["the server stands in Kansas City"]


def test_clients_are_per_city() -> None:
    _, frame = simulated(connections="66", clients="3")
    assert frame["client"].nunique() == 33


def test_a_file_says_what_was_left_out(tmp_path: Path) -> None:
    nodes = node("A") + node("B", (0, 10)) + node("C", None) + node("D", (5, 5))
    file = graphml(tmp_path / "g.graphml", nodes, edge("A", "B", "7 ms"))
    sim, frame = simulated(topology=file, connections="10", loss="0", server="A")
    notes = "\n".join(sim.notes)
    assert "without Latitude and Longitude: C" in notes
    assert "not connected to A: D" in notes
    far = frame[frame["client"] == "B-1"]
    assert (far["path_delay_s"] == 0.008).all()


@pytest.mark.parametrize(
    ("nodes", "edges", "settings", "message"),
    [
        ("", "", {}, "the graph is empty"),
        (node("A") + node("B"), "", {}, "no link joins A to another city"),
        (
            node("A") + node("B") + node("C"),
            edge("A", "B"),
            {"server": "C"},
            "no link joins C to another city",
        ),
        (node("A") + node("B"), edge("A", "B", "-1 ms"), {}, "it is negative"),
        (node("A") + node("B"), edge("A", "X"), {}, "no node has its target's id"),
        (node("A") + node("B"), edge("A", "B"), {"server": "Q"}, "no city 'Q'; known: A, B"),
        (node("server") + node("B"), edge("server", "B"), {}, "already a node named 'server'"),
    ],
)
def test_graphs_that_cannot_be_used(
    tmp_path: Path, nodes: str, edges: str, settings: dict[str, str], message: str
) -> None:
    file = graphml(tmp_path / "g.graphml", nodes, edges)
    with pytest.raises(UserError) as error:
        simulated(topology=file, **settings)
    assert message in str(error.value)
    assert file in str(error.value)
    assert "\n" not in str(error.value)
