from __future__ import annotations

import pytest

from scenarios.catalogue import load
from scenarios.errors import UserError
from scenarios.parameters import declared, parse
from scenarios.sweeps.where import parse_condition

SCENARIO = load("two_hosts")
KNOWN = declared(SCENARIO.parameters)
POINT = {"loss": "5%", "backlog": "16", "delay": "20ms", "client_os": "rfc9293"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss < 10%", True),
        ("loss<5%", False),
        ("loss <= 0.05", True),
        ("10% > loss", True),
        ("loss < 1% or backlog > 8", True),
        ("loss < 1% or backlog > 16", False),
        ("loss < 10% and backlog > 16", False),
        ("loss < 1% and backlog > 8 or delay == 20 ms", True),
        ("loss < 1% and (backlog > 8 or delay == 20ms)", False),
        ("not loss < 1%", True),
        ("not (loss > 1% and backlog = 16)", False),
        ("1% < loss < 10%", True),
        ("1% < loss < 2%", False),
        ("client_os == rfc9293", True),
        ("client_os != server_os", True),
        ("hold > delay", True),
    ],
)
def test_conditions(text: str, expected: bool) -> None:
    assert parse_condition(text, KNOWN)(parse(SCENARIO.parameters, POINT)) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("los < 10%", "no parameter 'los'; did you mean 'loss'?"),
        ("1 < 2", "no parameter '1'"),
        ("loss", "expected a comparison after 'loss'"),
        ("loss <", "expected a parameter or a value, not 'the end'"),
        ("", "expected a parameter or a value"),
        ("loss < 10% or", "not 'the end'"),
        ("(loss < 10%", "it ends too early"),
        ("(loss < 10% and)", "not ')'"),
        ("loss < 10%)", "unexpected ')'"),
        ("loss ! 3", "expected a comparison"),
        ("loss < 10 parsecs", "loss: '10 parsecs' is not a probability"),
        ("loss < delay", "not of one kind"),
    ],
)
def test_bad_conditions(text: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        parse_condition(text, KNOWN)
    assert message in str(error.value)
    assert str(error.value).startswith(f"--where {text!r}: ")
