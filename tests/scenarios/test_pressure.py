"""backlog_overflow, syn_flood and server_restart: what they find and what they tell."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import analysis
from analysis import pressure
from analysis.frames import Frames
from tests.scenarios.conftest import Command


class Ran:
    """A run of a scenario: its output and its tables."""

    def __init__(self, connectsim: Command, folder: Path, scenario: str, *settings: str) -> None:
        options = [word for setting in settings for word in ("--set", setting)]
        status, self.out, self.err = connectsim("run", scenario, *options, "--out", folder)
        assert status == 0, self.err
        self.frames: Frames = analysis.load(folder)
        self.connections: pd.DataFrame = self.frames.connections
        self.counters = pressure.counters_of(self.frames, "server")

    @property
    def fates(self) -> dict[str, int]:
        return dict(pressure.fates(self.connections).value_counts())


def test_a_burst_beyond_the_backlog_waits_for_later_syns(
    connectsim: Command, tmp_path: Path
) -> None:
    ran = Ran(connectsim, tmp_path, "backlog_overflow", "syncookies=0")
    assert ran.fates == {"accepted": 64}
    assert ran.connections["latency_s"].max() > 4
    assert "105 SYNs found the SYN queue full" in ran.out
    assert "A backlog of 63 (it was 16; net.core.somaxconn must allow it)" in ran.out
    assert ran.frames.queues["accept_queue"].max() == 17
    assert ran.frames.recipe["listeners"] == [
        {
            "host": "server",
            "port": 80,
            "backlog": 16,
            "syn_queue_limit": 17,
            "accept_queue_limit": 17,
            "syn_queue_longest": 17,
            "accept_queue_longest": 17,
        }
    ]


def test_cookies_make_phantoms_and_the_report_says_so(connectsim: Command, tmp_path: Path) -> None:
    ran = Ran(connectsim, tmp_path, "backlog_overflow")
    assert ran.fates == {pressure.ACCEPTED: 18, pressure.PHANTOM: 46}
    assert "46 clients believe that they are connected" in ran.out


def test_cookies_that_are_sent_always_tell_of_no_pressure(
    connectsim: Command, tmp_path: Path
) -> None:
    ran = Ran(connectsim, tmp_path, "backlog_overflow", "syncookies=2", "burst=5")
    assert ran.counters["TcpExtSyncookiesRecv"] == 5
    assert "Nothing was turned away: a backlog of 4 would have been enough" in ran.out


def test_clients_that_talk_are_let_in(connectsim: Command, tmp_path: Path) -> None:
    ran = Ran(connectsim, tmp_path, "backlog_overflow", "client_sends_after=1s")
    assert ran.fates == {"accepted": 64}
    assert ran.frames.recipe["parameters"]["client_sends_after"] == 1.0


def test_an_aborted_client_learns_it_by_a_reset(connectsim: Command, tmp_path: Path) -> None:
    settings = ("syncookies=0", "abort_on_overflow=1", "accept_rate=1/s", "burst=40")
    ran = Ran(connectsim, tmp_path, "backlog_overflow", *settings)
    assert ran.counters["TcpExtEmbryonicRsts"] > 0
    assert f"{ran.counters['TcpExtEmbryonicRsts']} clients learned by a RST" in ran.out
    assert "believe" not in ran.out


def test_what_waits_in_the_accept_queue_is_no_phantom(connectsim: Command, tmp_path: Path) -> None:
    ran = Ran(connectsim, tmp_path, "backlog_overflow", "accept_rate=0", "burst=40")
    assert ran.fates == {pressure.PHANTOM: 40}
    assert "17 connections still waited for accept() at the end" in ran.out
    assert "23 clients believe that they are connected" in ran.out


@pytest.mark.parametrize(
    ("scenario", "settings", "needed"),
    [
        ("backlog_overflow", ("syncookies=0",), 63),
        ("backlog_overflow", ("accept_rate=0",), 63),
        ("backlog_overflow", ("burst=2500", "accept_rate=50/s", "syncookies=0"), 2499),
        ("server_restart", ("clients=400",), 399),
        ("server_restart", ("clients=400", "syncookies=0"), 399),
        ("server_restart", ("clients=400", "jitter=0.2s"), 201),
    ],
)
def test_the_backlog_advised_takes_everybody_in(
    connectsim: Command, tmp_path: Path, scenario: str, settings: tuple[str, ...], needed: int
) -> None:
    """Nothing is turned away then, and nothing needs a cookie."""
    before = Ran(connectsim, tmp_path / "before", scenario, *settings)
    advised = dict(re.findall(r"(backlog|max_syn_backlog) of ([\d,]+)", before.out))
    advice = [f"{name}={number.replace(',', '')}" for name, number in advised.items()]
    assert f"backlog={needed}" in advice
    advice.append(f"somaxconn={needed}")
    after = Ran(connectsim, tmp_path / "after", scenario, *settings, *advice)
    assert f"Nothing was turned away: a backlog of {needed:,}" in after.out
    assert not {"TcpExtListenDrops", "TcpExtSyncookiesSent"} & after.counters.keys()


@pytest.mark.parametrize("backlog", [9, 31, 128])
def test_the_jitter_advised_lets_the_backlog_do(
    connectsim: Command, tmp_path: Path, backlog: int
) -> None:
    settings = ("clients=400", f"backlog={backlog}")
    before = Ran(connectsim, tmp_path / "before", "server_restart", *settings)
    jitter = re.search(r"a jitter of ([\d.]+) s", before.out)
    assert jitter is not None
    advice = f"jitter={jitter[1]}s"
    after = Ran(connectsim, tmp_path / "after", "server_restart", *settings, advice)
    assert "TcpExtListenDrops" not in after.counters


def test_a_flood_that_the_backlog_holds(connectsim: Command, tmp_path: Path) -> None:
    settings = ("syncookies=0", "flood_size=600", "connections=100")
    before = Ran(connectsim, tmp_path / "before", "syn_flood", *settings)
    assert "A backlog of 700 (as net.core.somaxconn must allow), with 934 for" in before.out
    after = Ran(connectsim, tmp_path / "after", "syn_flood", *settings, "backlog=700")
    assert after.connections["latency_s"].max() < 0.05


def test_a_backlog_below_0_acts_as_0(connectsim: Command, tmp_path: Path) -> None:
    settings = ("accept_rate=0", "syncookies=0", "burst=3")
    negative, zero = (
        Ran(connectsim, tmp_path / value, "backlog_overflow", f"backlog={value}", *settings)
        for value in ("-7", "0")
    )
    pd.testing.assert_frame_equal(negative.connections, zero.connections)
    assert negative.fates == {pressure.PHANTOM: 1, "ETIMEDOUT": 2}


def test_a_burst_beyond_the_ports_ends_in_rows(connectsim: Command, tmp_path: Path) -> None:
    ran = Ran(connectsim, tmp_path, "backlog_overflow", "burst=28300", "accept_rate=0")
    assert ran.fates["EADDRNOTAVAIL"] == 28300 - 28232
    assert "68 calls found no free port" in ran.out
    assert (ran.connections.loc[ran.connections["outcome"] == "error", "latency_s"] == 0).all()


@pytest.mark.parametrize("system", ["windows", "freebsd", "macos", "linux_4_19"])
def test_other_servers_under_the_same_burst(
    connectsim: Command, tmp_path: Path, system: str
) -> None:
    ran = Ran(connectsim, tmp_path, "backlog_overflow", f"server_os={system}", "accept_rate=0")
    expected = {
        "windows": {pressure.PHANTOM: 16, "ECONNREFUSED": 48},
        "freebsd": {pressure.PHANTOM: 64},
        "macos": {pressure.PHANTOM: 64},
        "linux_4_19": {pressure.PHANTOM: 64},
    }
    assert ran.fates == expected[system]
    assert ("no such knob: syncookies has no effect" in ran.out) is (system in ("windows", "macos"))


@pytest.mark.parametrize("syncookies", [0, 1, 2])
def test_a_flood_and_what_cookies_do_for_honest_clients(
    connectsim: Command, tmp_path: Path, syncookies: int
) -> None:
    ran = Ran(connectsim, tmp_path, "syn_flood", f"syncookies={syncookies}")
    assert ran.fates == {"accepted": 300}
    during = ran.connections[ran.connections["started_s"].between(2.5, 6.0)]
    assert bool(during["latency_s"].min() > 2) is (syncookies == 0)
    assert bool(ran.frames.queues["syn_queue"].max() == 129) is (syncookies < 2)
    assert ran.frames.recipe["marks"] == [{"name": "flood", "from_s": 2.0, "to_s": 6.0}]
    assert "during the flood" in ran.out
    assert ("tcp_syncookies=1) answer all" in ran.out) is (syncookies == 0)


def test_without_a_flood_nothing_is_turned_away(connectsim: Command, tmp_path: Path) -> None:
    ran = Ran(connectsim, tmp_path, "syn_flood", "flood_size=0", "connections=20")
    assert "Nothing was turned away" in ran.out
    assert ran.frames.recipe["marks"] == []


def again(ran: Ran) -> pd.Series[float]:
    """Return when each client was accepted again, s since the outage's end."""
    later = ran.connections[ran.connections["started_s"] > 10]
    return later.groupby("client", observed=True)["accepted_s"].min().dropna() - 10.5


def test_all_clients_are_connected_before_the_restart(connectsim: Command, tmp_path: Path) -> None:
    """They come for longer than usual if the server accepts slowly."""
    ran = Ran(connectsim, tmp_path, "server_restart", "clients=400", "accept_rate=20/s")
    (outage,) = ran.frames.recipe["marks"]
    first = ran.connections[ran.connections["started_s"] < outage["from_s"]]
    assert first["client"].nunique() == len(first) == 400
    assert first["accepted_s"].max() < outage["from_s"]
    assert "A backlog of 399 (it was 128" in ran.out


def test_jitter_lets_a_crowd_back_in(connectsim: Command, tmp_path: Path) -> None:
    at_once, jittered = (
        Ran(connectsim, tmp_path / jitter, "server_restart", "clients=400", f"jitter={jitter}")
        for jitter in ("0s", "2s")
    )
    assert at_once.counters["TcpExtListenOverflows"] > 0
    assert "with a jitter of 0.417 s the backlog of now would be enough" in at_once.out
    assert "clients were connected and not let in before they sent something" in at_once.out
    assert "TcpExtListenOverflows" not in jittered.counters
    assert len(again(at_once)) == len(again(jittered)) == 400
    assert again(at_once).max() > again(jittered).max()


def test_after_a_power_cut_a_client_notices_when_it_sends(
    connectsim: Command, tmp_path: Path
) -> None:
    settings = ("clients=50", "power_cut=1")
    pinging = Ran(connectsim, tmp_path / "a", "server_restart", *settings, "ping=15s")
    silent = Ran(connectsim, tmp_path / "b", "server_restart", *settings, "ping=never")
    assert len(again(pinging)) == 50
    assert again(pinging).max() > 4
    assert len(silent.connections) == 50
    assert "A host that loses power tells nobody" in silent.out


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("syncookies=3", "parameter syncookies: '3' is not between 0 and 2"),
        ("backlog=-x", "parameter backlog: '-x' is not a whole number"),
        ("client_sends_after=soon", "parameter client_sends_after:"),
        ("burst=0", "parameter burst: '0' is not between 1"),
    ],
)
def test_what_a_parameter_cannot_be_is_said(
    connectsim: Command, tmp_path: Path, setting: str, message: str
) -> None:
    status, out, err = connectsim(
        "run", "backlog_overflow", "--set", setting, "--out", tmp_path / "run"
    )
    assert (status, out) == (2, "")
    assert message in err
    assert not (tmp_path / "run").exists()
