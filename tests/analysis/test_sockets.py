from __future__ import annotations

import re
from pathlib import Path

import pytest

from analysis import sockets
from analysis.errors import ResultsError
from tests import traced


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return traced.write(tmp_path_factory.mktemp("plain") / "run")


def words(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()[1:] if not line.startswith(" ")]


def test_in_the_middle_of_the_handshake(run: Path) -> None:
    asks, listens, answers = words(sockets.text(run, 0.025))
    client, server = asks[4], "10.0.0.2:80"
    assert asks[:6] == ["client", "SYN-SENT", "0", "1", client, server]
    assert listens == ["server", "LISTEN", "0", "128", "*:80", "*:*"]
    assert answers[:6] == ["server", "SYN-RECV", "0", "0", server, client]
    for line in (asks, answers):
        assert re.fullmatch(r"timer:\(on,(9\d\dms|1\.0\ds),0\)", line[6])


@pytest.mark.parametrize(
    ("at", "states"),
    [
        (0.05, ["ESTAB", "LISTEN", "SYN-RECV"]),
        (0.5, ["ESTAB", "LISTEN", "ESTAB"]),
        (1.05, ["FIN-WAIT-1", "LISTEN", "ESTAB"]),
        (1.07, ["FIN-WAIT-1", "LISTEN", "LAST-ACK"]),
        (1.09, ["TIME-WAIT", "LISTEN", "LAST-ACK"]),
        (1.2, ["TIME-WAIT", "LISTEN"]),
        (100, ["LISTEN"]),
    ],
)
def test_states_over_time(run: Path, at: float, states: list[str]) -> None:
    assert [line[1] for line in words(sockets.text(run, at))] == states


def test_a_socket_before_connect_shows_no_peer(tmp_path: Path) -> None:
    folder = traced.write(tmp_path / "run", port=81)
    frame = sockets.load(folder, 0.0, "client")
    assert list(frame.state) == ["SYN-SENT"]
    raw = sockets.frames.read_table(folder / "sockets.parquet", "sockets")
    new = raw[raw.host == "client"].iloc[0].to_dict()
    assert sockets._cells(new, 0.0)[1:6] == ("UNCONN", "0", "0", "*:*", "*:*")


def test_verbose_shows_what_each_side_knows(run: Path) -> None:
    before = sockets.text(run, 0.01, "client", verbose=True)
    assert "irs ?" in before
    assert "rcv_nxt ?" in before
    assert "options agreed: none yet" in before
    client, server = (
        sockets.load(run, 0.5, host).to_dict("records")[-1] for host in ("client", "server")
    )
    assert (client["iss"], client["irs"]) == (server["irs"], server["iss"])
    assert client["snd_nxt"] == server["rcv_nxt"] == client["iss"] + 1
    text = sockets.text(run, 0.5, "client", verbose=True)
    assert f"iss {int(client['iss'])}  snd_una {int(client['iss']) + 1} (+1)" in text
    assert "options agreed: timestamps, SACK, window scaling" in text


@pytest.mark.parametrize(("host", "words"), [("nobody", "no socket of a host 'nobody'")])
def test_an_unknown_host_is_an_error(run: Path, host: str, words: str) -> None:
    with pytest.raises(ResultsError, match=words):
        sockets.text(run, 1, host)


def test_a_run_without_trace_says_so(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match="not traced"):
        sockets.text(tmp_path, 1)
