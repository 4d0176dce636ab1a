from __future__ import annotations

from pathlib import Path

from tests.scenarios.conftest import Command

SCRIPTS = Path(__file__).parents[1] / "data" / "packetdrill"
RIGHT = SCRIPTS / "closed-port.pkt"
WRONG = sorted((SCRIPTS / "wrong").glob("*.pkt"))[0]


def test_right_scripts_pass(connectsim: Command) -> None:
    assert connectsim("packetdrill", RIGHT, RIGHT) == (0, f"PASS {RIGHT}\n" * 2, "")


def test_one_wrong_script_fails_them_all(connectsim: Command) -> None:
    status, output, _ = connectsim("packetdrill", WRONG, RIGHT)
    assert status == 1
    wrong, right = output.splitlines()
    assert wrong.startswith(f"FAIL {WRONG}:")
    assert right == f"PASS {RIGHT}"


def test_verbose_shows_the_exchange(connectsim: Command) -> None:
    _, output, _ = connectsim("packetdrill", "--verbose", RIGHT)
    *exchange, verdict = output.splitlines()
    assert verdict == f"PASS {RIGHT}"
    assert any(" > R. " in line for line in exchange)


def test_a_file_that_is_not_there(connectsim: Command) -> None:
    answer = connectsim("packetdrill", RIGHT, "missing.pkt")
    assert answer == (2, "", "missing.pkt: no such file\n")
