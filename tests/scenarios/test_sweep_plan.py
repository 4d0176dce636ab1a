from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scenarios.catalogue import load
from scenarios.errors import UserError
from scenarios.sweeps.plan import Plan, Spec

SCENARIO = load("two_hosts")


def plan(*vary: str, settings: dict[str, str] | None = None, **options: Any) -> Plan:
    return Plan(SCENARIO, Spec(vary, settings or {}, **options))


def values(made: Plan, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(getattr(point.parameters, name) for name in names) for point in made.points]


def test_points_are_the_product_of_the_axes() -> None:
    made = plan("loss=0,1%", "backlog=1,2", settings={"delay": "7ms"})
    assert values(made, "loss", "backlog", "delay") == [
        (0.0, 1, 7_000_000),
        (0.0, 2, 7_000_000),
        (0.01, 1, 7_000_000),
        (0.01, 2, 7_000_000),
    ]


def test_zipped_axes_move_together() -> None:
    made = plan("loss=0,1%", "backlog=1,2", "delay=5ms,6ms", zip=["loss,delay"])
    assert values(made, "loss", "delay", "backlog") == [
        (0.0, 5_000_000, 1),
        (0.0, 5_000_000, 2),
        (0.01, 6_000_000, 1),
        (0.01, 6_000_000, 2),
    ]


def test_a_condition_leaves_points_out() -> None:
    made = plan("loss=0:20%:10%", "backlog=8,32", where="loss < 10% or backlog > 16")
    assert values(made, "loss", "backlog") == [(0.0, 8), (0.0, 32), (0.1, 32), (0.2, 32)]
    assert [point.number for point in made.points] == [0, 1, 2, 3]


def test_without_axes_there_is_one_point() -> None:
    assert len(list(plan(repeat=3).runs())) == 3


def test_points_share_the_seeds_of_repetitions() -> None:
    runs = list(plan("loss=0,1%", repeat=2, seed=5).runs())
    assert [(run.point.number, run.repetition, run.seed) for run in runs] == [
        (0, 0, 5),
        (1, 0, 5),
        (0, 1, 6),
        (1, 1, 6),
    ]


def test_seeds_may_go_by_run() -> None:
    seeds = [run.seed for run in plan("loss=0,1%", repeat=5, seeds="run").runs()]
    assert len(set(seeds)) == 10
    assert all(0 <= seed < 2**63 for seed in seeds)
    more = plan("loss=1%,2%", repeat=5, seeds="run")
    assert {run.seed for run in more.runs() if run.point.number == 0} == set(seeds[1::2])


def test_keys_say_all_that_a_result_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def keys(made: Plan) -> set[str]:
        return {run.key for run in made.runs()}

    base = keys(plan("loss=0,1%", repeat=2))
    assert len(base) == 4
    assert keys(plan("loss=0,1%", repeat=2)) == base
    assert keys(plan("loss=1%,0", repeat=2)) == base
    assert len(keys(plan("loss=1%,2%", repeat=2)) & base) == 2
    assert not keys(plan("loss=0,1%", repeat=2, seed=7)) & base
    assert not keys(plan("loss=0,1%", repeat=2, settings={"delay": "3ms"})) & base
    other = replace(SCENARIO, file=load("lossy_wan").file)
    assert not keys(Plan(other, Spec(["loss=0,1%"], {}, repeat=2))) & base
    monkeypatch.setattr("scenarios.sweeps.plan.metadata.version", lambda _: "9.9")
    assert not keys(plan("loss=0,1%", repeat=2)) & base


@pytest.mark.parametrize("sampling", ["latin", "random"])
def test_samples_lie_within_the_axes(sampling: str) -> None:
    made = plan("loss=0..20%", "rate=1..1000 log", sample=64, sampling=sampling)
    points = values(made, "loss", "rate")
    assert len(points) == 64
    assert all(0 <= loss < 0.2 and 1 <= rate < 1000 for loss, rate in points)
    again = plan("loss=0..20%", "rate=1..1000 log", sample=64, sampling=sampling)
    assert values(again, "loss", "rate") == points
    below = sum(rate < 31.6 for _, rate in points)
    assert below == 32 if sampling == "latin" else 16 < below < 48


def test_a_latin_hypercube_has_one_point_in_each_row() -> None:
    made = plan("loss=0..10%", "rate=100..200", sample=10)
    assert sorted(int(loss * 100) for (loss,) in values(made, "loss")) == list(range(10))


def test_a_point_is_sampled_once() -> None:
    assert len(plan("backlog=1,2", sample=50).points) == 2


@pytest.mark.parametrize(
    ("vary", "options", "message"),
    [
        (["loss=0,1%"], {"where": "loss > 50%"}, "--where 'loss > 50%': no point is left"),
        (["loss=0..1%"], {}, "give a number of them"),
        (["loss=0:1:1e-4", "backlog=1:100:1"], {}, "make 1000100 points: at most 100000"),
        ([], {"sample": 3}, "--sample: nothing is varied"),
        (["loss=0,1%"], {"settings": {"los": "1"}}, "did you mean 'loss'?"),
    ],
)
def test_bad_plans(vary: list[str], options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        plan(*vary, **options)
    assert message in str(error.value)
