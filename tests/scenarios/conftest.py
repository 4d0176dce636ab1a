from __future__ import annotations

from collections.abc import Callable

import pytest

from scenarios.cli import main

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def connectsim(capsys: pytest.CaptureFixture[str]) -> Command:
    """Return what runs `connectsim ARGUMENTS` in this process: exit status, output, errors."""

    def command(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return command
