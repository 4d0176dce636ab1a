from __future__ import annotations

from dataclasses import dataclass, fields

import pytest

from scenarios import parameters
from scenarios.errors import UserError
from scenarios.parameters import count, duration, frequency, operating_system, probability, text


@dataclass(frozen=True)
class Parameters:
    delay: int = duration("20 ms", "delay")
    loss: float = probability("1%", "loss")
    connections: int = count("5000", "connections", least=1)
    rate: float = frequency("300/s", "rate")
    accept_rate: float = frequency("0", "accepts", zero=True)
    system: str = operating_system("linux", "system")
    topology: str = text("abilene", "topology")

    def __post_init__(self) -> None:
        if self.loss == 1 and self.connections == 1:
            raise ValueError("that is pointless")


def test_defaults_are_in_the_units_of_the_simulator() -> None:
    assert parameters.parse(Parameters, {}) == Parameters(
        20_000_000, 0.01, 5000, 300.0, 0.0, "linux", "abilene"
    )


def test_texts_are_parsed_by_type() -> None:
    given = {"delay": "1.5ms", "loss": "0.5 %", "connections": "1_000", "rate": "2/ms"}
    parsed = parameters.parse(Parameters, given)
    assert (parsed.delay, parsed.loss, parsed.connections) == (1_500_000, 0.005, 1000)
    assert parsed.rate == 2000.0


def test_recipe_holds_base_units() -> None:
    assert parameters.base_values(Parameters()) == {
        "delay": 0.02,
        "loss": 0.01,
        "connections": 5000,
        "rate": 300.0,
        "accept_rate": 0.0,
        "system": "linux",
        "topology": "abilene",
    }
    assert parameters.base_units(Parameters) == {
        "delay": "s",
        "loss": "%",
        "rate": "/s",
        "accept_rate": "/s",
    }


def test_values_of_a_recipe_can_be_given_again() -> None:
    given = {"delay": "123456789ns", "loss": "0.1234567", "rate": "0.1"}
    parsed = parameters.parse(Parameters, given)
    again = {name: str(value) for name, value in parameters.base_values(parsed).items()}
    assert parameters.parse(Parameters, again) == parsed


def test_formatted_values_can_be_given_again() -> None:
    given = {"delay": "123456789ns", "loss": "0.1234567", "rate": "0.1"}
    parsed = parameters.parse(Parameters, given)
    again = {
        name: known.kind.format(getattr(parsed, name))
        for name, known in parameters.declared(Parameters).items()
    }
    assert parameters.parse(Parameters, again) == parsed


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("los", "1%", "unknown parameter 'los'; did you mean 'loss'?"),
        ("xyz", "1%", "known: delay, loss, connections"),
        ("loss", "101%", "parameter loss: '101%' is not a probability from 0 to 1"),
        ("loss", "-1%", "it is negative"),
        ("loss", "nan", "parameter loss: 'nan' is not a probability"),
        ("delay", "-1ms", "it is negative"),
        ("delay", "20 parsecs", "unknown unit 'parsecs'"),
        ("delay", "9000 h", "'9000 h' is too long: at most 366 days"),
        ("connections", "1.5", "'1.5' is not a whole number"),
        ("connections", "-5", "'-5' is not between 1 and 100000000"),
        ("connections", "²", "'²' is not a whole number"),
        ("connections", "0", "'0' is not between 1 and 100000000"),
        ("connections", "9" * 5000, "is not between 1 and 100000000"),
        ("rate", "0", "'0' is too low a rate: at least 0.0001/s"),
        ("accept_rate", "1e-9", "0, or at least 0.0001/s"),
        ("system", "linus", "unknown operating system 'linus'; did you mean 'linux'?"),
    ],
)
def test_bad_settings(name: str, value: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        parameters.parse(Parameters, {name: value})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_parameters_may_refuse_what_does_not_go_together() -> None:
    with pytest.raises(UserError, match="parameters: that is pointless"):
        parameters.parse(Parameters, {"loss": "1", "connections": "1"})


def test_a_field_without_a_meaning_is_an_error() -> None:
    @dataclass(frozen=True)
    class Bare:
        loss: float = 0.1

    with pytest.raises(UserError, match="parameter loss: declare it"):
        parameters.declared(Bare)


def test_parameters_are_dataclass_fields() -> None:
    assert [one.name for one in fields(Parameters)] == list(parameters.declared(Parameters))
