"""What the scenarios about failures, firewalls, queues, losses and scale answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.columns import PARTS
from scenarios.catalogue import load
from scenarios.errors import UserError
from scenarios.parameters import parse
from scenarios.runner import Run, simulate
from scenarios.store import table
from sim import Simulation
from sim.units import S
from tests.scenarios.conftest import Command


def simulated(name: str, **settings: str) -> tuple[Simulation, pd.DataFrame]:
    scenario = load(name)
    sim, _ = simulate(Run(scenario, parse(scenario.parameters, settings), seed=5))
    return sim, table(sim.records.columns()).to_pandas()


def test_firewall_verdicts() -> None:
    _, frame = simulated("firewall", connections="20", clients="20")
    kinds = frame.groupby("server", observed=True)
    assert kinds["errno"].agg(lambda names: set(names.dropna())).to_dict() == {
        "accept": set(),
        "drop": {"ETIMEDOUT"},
        "reset": {"ECONNREFUSED"},
        "reject 3/1": {"EHOSTUNREACH"},
        "reject 3/3": {"ECONNREFUSED"},
        "reject 3/13": {"EHOSTUNREACH"},
    }
    latency = kinds["latency_s"].max()
    assert (latency.drop("drop") == 0.04).all()
    assert 133 < latency["drop"] < 136


def test_one_client_meets_the_limit_of_errors() -> None:
    settings = {"connections": "50", "clients": "1", "rate": "1000/s", "rules": "reject 3/1"}
    _, frame = simulated("firewall", **settings)
    assert (frame["latency_s"] < 0.1).sum() == 6


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("allow", "parameter rules: rule 'allow': 'allow' is not one of"),
        ("drop; drop", "parameter rules: 'drop' is there twice"),
    ],
)
def test_firewall_rules_that_are_none(rules: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        simulated("firewall", rules=rules)


@pytest.mark.parametrize("seen", ["0", "1"])
def test_link_failure(seen: str) -> None:
    _, frame = simulated("link_failure", seen=seen, connections="900", rate="100/s")
    called = frame["started_s"]
    lost = frame[called.between(2, 2.9)]
    assert (frame[called < 1.9]["latency_s"] == 0.02).all()
    assert (frame[called.between(3.1, 7.9)]["latency_s"] == 0.08).all()
    refused = lost["errno"] == "ENETUNREACH"
    assert refused.any() == (seen == "1")
    assert (lost[~refused]["latency_s"] > 1).all()


def test_link_failure_by_a_file(tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text("time,event,where,value\n1 s,latency,west - north,105 ms\n")
    sim, frame = simulated("link_failure", timeline=str(file), connections="200", rate="100/s")
    assert (frame[frame["started_s"] > 1.1]["latency_s"] == 0.22).all()
    assert sim.notes == [f"timeline {file}: latency west - north at 1 s"]
    assert sim.marks == []
    file.write_text("time,event,where\n1 s,crash,moon\n")
    message = rf"parameter timeline: {file}: event 1: crash: no host 'moon'"
    with pytest.raises(UserError, match=message):
        simulated("link_failure", timeline=str(file))
    message = rf"parameter timeline: {tmp_path}/none: No such file or directory"
    with pytest.raises(UserError, match=message):
        simulated("link_failure", timeline=str(tmp_path / "none"))


@pytest.mark.parametrize("name", ["lossy_wan", "internet_scale"])
def test_a_timeline_on_a_topology(name: str, tmp_path: Path) -> None:
    file = tmp_path / "events.json"
    events = [
        {"time": "1 s", "event": "partition", "where": "Denver, Kansas City, Seattle"},
        {"time": "3 s", "event": "heal", "where": "Denver, Kansas City, Seattle"},
    ]
    file.write_text(json.dumps(events))
    settings = {"topology": "abilene", "timeline": str(file), "loss": "0"}
    sim, frame = simulated(name, connections="400", rate="100/s", **settings)
    ((mark, start, end),) = sim.marks
    assert (mark, start, end) == ("partition Denver, Kansas City, Seattle", S, 3 * S)
    inside = frame["started_s"].between(1.1, 2.9)
    assert (frame[inside]["syn_sent"] > 1).any()
    assert (frame[frame["started_s"] > 3]["syn_sent"] == 1).all()


def test_codel_keeps_handshakes_short_where_drop_tail_does_not() -> None:
    _, frame = simulated("bufferbloat", connections="400", rate="10/s")
    late = frame[frame["started_s"] > 25].groupby("client", observed=True)["latency_s"].median()
    assert late["drop-tail"] > 1
    assert late["CoDel"] < 0.2


def test_bursts_stretch_the_tail() -> None:
    _, frame = simulated("lossy_bursts", connections="2000")
    kinds = frame.groupby("client", observed=True)["latency_s"]
    beyond_5_s = kinds.agg(lambda latency: (latency > 5).mean())
    assert beyond_5_s["random"] < 0.001
    assert beyond_5_s["bursts"] > 0.003


def test_nat_exhaustion() -> None:
    settings = {"size": "50", "closing": "5 s", "rate": "20/s", "connections": "400"}
    sim, frame = simulated("nat_exhaustion", **settings)
    ((name, start, end),) = sim.marks
    assert name == "while the table was full"
    assert 1e9 < start < 4e9 < end
    early = frame[frame["started_s"] < start / 1e9]
    assert (early["latency_s"] == 0.04).all()
    late = frame[(frame["syn_sent"] > 1) & (frame["outcome"] == "established")]
    assert len(late) > 50
    assert (late["syn_lost_s"] + late["rounding_s"] + 0.04 - late["latency_s"]).abs().max() < 1e-9


@pytest.mark.parametrize(
    ("name", "settings", "spent"),
    [
        ("two_hosts", {"connections": "500", "loss": "20%"}, "syn_lost synack_lost rounding"),
        ("backlog_overflow", {"syncookies": "0"}, "queue_full rounding"),
        ("syn_flood", {"syncookies": "0"}, "queue_full rounding"),
        ("syn_flood", {"syncookies": "1"}, ""),
        ("firewall", {"connections": "20"}, "syn_lost rounding"),
        ("nat_exhaustion", {"size": "20", "connections": "200"}, "syn_lost rounding"),
        ("bufferbloat", {"connections": "100"}, "queueing syn_lost rounding"),
        ("lossy_bursts", {"connections": "300"}, "syn_lost synack_lost rounding"),
        (
            "link_failure",
            {"connections": "500", "rate": "50/s"},
            "queueing syn_lost synack_lost rounding",
        ),
    ],
)
def test_latencies_add_up_to_the_nanosecond(
    name: str, settings: dict[str, str], spent: str
) -> None:
    _, frame = simulated(name, **settings)
    returned = frame[frame["latency_s"].notna()]
    parts = (returned[list(PARTS)] * 1e9).round()
    assert (parts.sum(axis=1) == np.rint(returned["latency_s"].to_numpy() * 1e9)).all()
    assert (parts >= 0).all(axis=None)
    took = {part.removesuffix("_s") for part in PARTS if parts[part].any()}
    assert took == {"propagation", *spent.split()}


def test_internet_scale_in_small() -> None:
    settings = {"topology": "nx:random_internet_as_graph(n=300)", "clients": "100"}
    sim, frame = simulated("internet_scale", connections="300", **settings)
    assert set(frame["outcome"]) == {"established"}
    assert frame["client"].nunique() == 100
    whole = frame[frame["syn_sent"] + frame["synack_sent"] == 2]
    assert (whole["latency_s"] - 2 * whole["path_delay_s"]).abs().max() < 1e-9
    assert sim.notes[0].startswith("300 nodes, ")


def test_internet_scale_reads_topologies() -> None:
    _, frame = simulated("internet_scale", topology="abilene", connections="20", clients="5")
    assert set(frame["outcome"]) == {"established"}


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("internet_scale", {"topology": "nx:nothing(3)"}, "networkx has no generator 'nothing'"),
        ("lossy_bursts", {"loss": "99%"}, "so much loss needs longer bursts"),
        ("link_failure", {"repaired": "1 s"}, "the link must fail before it is repaired"),
        ("bufferbloat", {"bandwidth": "0"}, "nothing would ever arrive"),
    ],
)
def test_bad_input(name: str, settings: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        simulated(name, **settings)


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("firewall", ("connections=5",), "reject 3/13"),
        ("link_failure", ("connections=400", "rate=100/s"), "at other times"),
        ("bufferbloat", ("connections=50",), "CoDel"),
        ("lossy_bursts", ("connections=50",), "bursts"),
        ("nat_exhaustion", ("connections=50",), "the table held"),
        ("internet_scale", ("topology=abilene", "connections=50"), "peak memory"),
    ],
)
def test_reports(
    connectsim: Command, tmp_path: Path, name: str, settings: tuple[str, ...], words: str
) -> None:
    given = [option for setting in settings for option in ("--set", setting)]
    status, output, errors = connectsim("run", name, *given, "--out", tmp_path / "run")
    assert status == 0, errors
    assert words in output


def test_a_traced_run_says_what_the_nat_dropped(connectsim: Command, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    settings = ("size=1", "connections=3", "rate=1000/s")
    given = [option for setting in settings for option in ("--set", setting)]
    assert connectsim("run", "nat_exhaustion", *given, "--trace", "--out", folder)[0] == 0
    _, output, _ = connectsim("trace", folder)
    assert "nat dropped (NAT: table full)" in output


def test_background_traffic_is_not_traced(connectsim: Command, tmp_path: Path) -> None:
    given = ("--set", "connections=2", "--trace", "--out", tmp_path / "run")
    assert connectsim("run", "bufferbloat", *given)[0] == 0
