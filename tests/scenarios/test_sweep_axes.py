from __future__ import annotations

import pytest

from scenarios.catalogue import load
from scenarios.errors import UserError
from scenarios.parameters import declared
from scenarios.sweeps.axes import group, parse_axis

KNOWN = declared(load("two_hosts").parameters)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("client_os=linux,rfc9293", ("linux", "rfc9293")),
        ("loss = 1%, 0.02", (0.01, 0.02)),
        ("loss=0:20%:5%", (0.0, 0.05, 0.1, 0.15, 0.2)),
        ("loss=0:20%:2%", tuple(n / 100 for n in range(0, 21, 2))),
        ("loss=0:1%:0.3%", (0.0, 0.003, 0.006, 0.009)),
        ("delay=10ms:30ms:10ms", (10_000_000, 20_000_000, 30_000_000)),
        ("backlog=1:4:1", (1, 2, 3, 4)),
        ("rate=100:200:50", (100.0, 150.0, 200.0)),
        ("loss=1e-4..1e-1 log 4", (0.0001, 0.001, 0.01, 0.1)),
        ("backlog=1..100 log 3", (1, 10, 100)),
        ("backlog=1..3 log 9", (1, 2, 3)),
        ("backlog=5:5:1", (5,)),
    ],
)
def test_values(text: str, values: tuple[object, ...]) -> None:
    assert parse_axis(text, KNOWN).values == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loss", "expected PARAMETER=VALUES"),
        ("los=1%", "unknown parameter 'los'; did you mean 'loss'?"),
        ("loss=", "no values"),
        ("loss=1%,,2%", "'' is not a probability"),
        ("loss=1%,200%", "it is above 1"),
        ("loss=5%:1%:1%", "an empty range: it ends before it begins"),
        ("loss=0:1:0", "an empty range: the step is 0"),
        ("loss=0:1:1e-9", "at most 100000"),
        ("loss=1%..1% log 3", "an empty range"),
        ("loss=0..1% log 3", "begins above 0"),
        ("loss=1%..2% log x", "'x' is not a number of values"),
        ("loss=1%..2% log 1", "'1' is not a number of values"),
        ("loss=1%,0.01", "a value stands there twice"),
        ("client_os=linux,lynux", "did you mean 'linux'?"),
    ],
)
def test_bad_axes(text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        parse_axis(text, KNOWN)
    assert message in str(error.value)
    assert text in str(error.value)


def test_spans_give_any_value_between() -> None:
    loss, backlog = (parse_axis(t, KNOWN) for t in ("loss=1%..100% log", "backlog=1..9"))
    assert [loss.at(share) for share in (0, 0.5, 0.25)] == [0.01, 0.1, 0.0316227766017]
    assert [backlog.at(share) for share in (0, 0.5)] == [1, 5]


def test_lists_are_sampled_evenly() -> None:
    axis = parse_axis("backlog=1,2,4", KNOWN)
    assert [axis.at(share) for share in (0, 0.3, 0.4, 0.7, 0.999)] == [1, 1, 2, 4, 4]


def test_axes_that_move_together_stay_where_the_first_stood() -> None:
    axes = [parse_axis(t, KNOWN) for t in ("loss=1%,2%", "backlog=1,2,3", "delay=1ms,2ms")]
    names = [[axis.name for axis in members] for members in group(axes, ["delay,loss"])]
    assert names == [["delay", "loss"], ["backlog"]]


@pytest.mark.parametrize(
    ("together", "message"),
    [
        (["loss,backlog"], "axes of different lengths: [2, 3]"),
        (["loss,dely"], "no axis 'dely'; did you mean 'delay'?"),
        (["loss,delay", "loss,backlog"], "no axis 'loss'"),
    ],
)
def test_bad_groups(together: list[str], message: str) -> None:
    axes = [parse_axis(t, KNOWN) for t in ("loss=1%,2%", "backlog=1,2,3", "delay=1ms,2ms")]
    with pytest.raises(UserError) as error:
        group(axes, together)
    assert message in str(error.value)


def test_an_axis_stands_once() -> None:
    axes = [parse_axis(t, KNOWN) for t in ("loss=1%,2%", "loss=3%")]
    with pytest.raises(UserError, match="loss: varied twice"):
        group(axes, [])
