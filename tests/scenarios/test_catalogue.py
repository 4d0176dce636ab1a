from __future__ import annotations

import json
from pathlib import Path

import pytest

from scenarios import catalogue
from scenarios.errors import UserError
from scenarios.parameters import declared

SCRIPT = '''"""Is anything lost?

More about it.
"""
from __future__ import annotations
from dataclasses import dataclass
from scenarios.parameters import count

@dataclass(frozen=True)
class Parameters:
    connections: int = count("3", "how many")

def build(sim, p):
    pass
'''


def test_every_packaged_scenario_asks_a_question_and_declares_its_parameters() -> None:
    questions = catalogue.questions()
    assert {"two_hosts", "lossy_wan"} <= questions.keys()
    for name, question in questions.items():
        assert question.endswith("?"), name
        scenario = catalogue.load(name)
        assert scenario.question == question
        for parameter in declared(scenario.parameters).values():
            assert parameter.meaning
            assert parameter.kind.parse(parameter.kind.format(parameter.default)) == (
                parameter.default
            )


def test_a_script_is_loaded_by_path(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SCRIPT)
    scenario = catalogue.load(str(file))
    assert (scenario.name, scenario.question) == (str(file), "Is anything lost?")
    assert list(declared(scenario.parameters)) == ["connections"]
    assert scenario.report is None


def test_a_script_may_import_what_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "beside_the_script.py").write_text("WORD = 7\n")
    file = tmp_path / "mine.py"
    file.write_text(SCRIPT + "\nfrom beside_the_script import WORD\n")
    assert catalogue.load(str(file)).name == str(file)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"def build(:\n", "line 1: invalid syntax"),
        (b"x = 1\n", "it has no dataclass Parameters"),
        (SCRIPT.replace("def build", "def bild").encode(), "it has no function build"),
        (b"\0", "mine.py: "),
        (b"\xff\xfe", "mine.py: "),
    ],
)
def test_what_is_no_scenario(tmp_path: Path, source: bytes, message: str) -> None:
    file = tmp_path / "mine.py"
    file.write_bytes(source)
    with pytest.raises(UserError) as error:
        catalogue.load(str(file))
    assert message in str(error.value)
    assert str(file) in str(error.value)


def test_what_a_script_raises_when_it_is_loaded_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("import json\njson.loads('')\n")
    with pytest.raises(UserError, match=r"mine\.py: line 2: JSONDecodeError: Expecting") as raised:
        catalogue.load(str(file))
    assert isinstance(raised.value.__cause__, json.JSONDecodeError)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("two_host", "unknown scenario 'two_host'; did you mean 'two_hosts'?"),
        ("cli", "unknown scenario 'cli'; known: "),
        ("nowhere/x.py", "nowhere/x.py: No such file or directory"),
    ],
)
def test_unknown_scenarios(name: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        catalogue.load(name)
    assert message in str(error.value)
