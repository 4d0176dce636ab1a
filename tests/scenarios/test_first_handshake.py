from __future__ import annotations

from pathlib import Path

import pytest

from scenarios.cli import main
from sim.tcp.profiles import PROFILES


def tell(folder: Path, capsys: pytest.CaptureFixture[str], *settings: str) -> str:
    arguments = [word for setting in settings for word in ("--set", setting)]
    assert main(["run", "first_handshake", *arguments, "--out", str(folder)]) == 0
    return capsys.readouterr().out


def test_the_story_has_every_step_with_its_header(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tell(tmp_path / "run", capsys)
    places = [
        text.index(words)
        for words in (
            "client: socket()",
            "client: connect(('10.0.0.2', 80))",
            "sends [S] to",
            "control bit SYN",
            "CLOSED                                 -> SYN-SENT",
            "server: receives [S]",
            "sends [S.] to",
            "connect() returns",
            "sends [.] to",
            "accept() returns",
            "client: close()",
            "sends [F.] to",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("client", "server"), [pair for name in PROFILES for pair in ((name, "linux"), ("linux", name))]
)
def test_every_system_interoperates_with_linux_on_either_side(
    client: str, server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tell(tmp_path / "run", capsys, f"client_os={client}", f"server_os={server}")
    assert "connect() returns" in text
    assert text.count("LAST-ACK") >= 1
