"""Operating systems as data: what public descriptions say of them, and their knobs."""

from __future__ import annotations

import re
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

from sim import Simulation
from sim.tcp import profiles
from sim.tcp.profiles import PROFILES, bsd, linux, windows
from sim.tcp.timers import Backoff
from sim.units import MS, S

DOCS = (Path(__file__).parents[3] / "docs" / "systems.md").read_text(encoding="utf-8")

SYNS = {
    "linux": ([0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67], 131),
    "linux_4_19": ([0, 1, 3, 7, 15, 31, 63], 127),
    "macos": ([0, 1, 2, 3, 4, 5, 7, 11, 19, 35, 67], 75),
    "freebsd": ([0, 1, 3, 7, 15, 31, 63], 75),
    "windows_7": ([0, 3, 9], 21),
    "windows": ([0, 1, 3, 7, 15], 21),
    "rfc9293": ([0, 1, 3, 7, 15, 31, 63, 127], 180),
}
"""SYNs of a connect() that nobody answers, and when it gives up, s, before timer rounding."""


def syns(schedule: Backoff) -> tuple[list[float], float]:
    *sent, end = accumulate((wait / S for wait in schedule.waits), initial=0.0)
    return sent, end


@pytest.mark.parametrize("system", PROFILES)
def test_schedule(system: str) -> None:
    assert syns(PROFILES[system].syn) == SYNS[system]
    sent, end = SYNS[system]
    row = next(line for line in DOCS.splitlines() if line.startswith(f"| `{system}` |"))
    assert row.endswith(f" | {' '.join(map(str, sent))} | {end} |")


def test_linux_repeats_its_syn_ack_five_times_within_63_seconds() -> None:
    assert syns(PROFILES["linux"].synack) == ([0, 1, 3, 7, 15, 31], 63)


def test_what_tells_systems_apart() -> None:
    told = {
        name: (p.ttl, p.timestamps, p.local_ports, 2 * p.msl // S, p.somaxconn)
        for name, p in PROFILES.items()
    }
    assert told == {
        "linux": (64, True, (32768, 60999), 60, 4096),
        "linux_4_19": (64, True, (32768, 60999), 60, 128),
        "windows": (128, False, (49152, 65535), 120, 200),
        "windows_7": (128, False, (49152, 65535), 120, 200),
        "macos": (64, True, (49152, 65535), 30, 128),
        "freebsd": (64, True, (10000, 65535), 60, 128),
        "rfc9293": (64, True, (49152, 65535), 240, 4096),
    }


def test_timers_tick() -> None:
    ticks = {name: profile.wheel.tick / MS for name, profile in PROFILES.items()}
    assert ticks == {
        **dict.fromkeys(("linux", "linux_4_19"), 4),
        **dict.fromkeys(("windows", "windows_7"), 15.625),
        **dict.fromkeys(("macos", "freebsd"), 1),
        "rfc9293": 0,
    }


def test_only_rfc9293_keeps_must_23() -> None:
    """A SYN is tried for three minutes at least; who does not says so."""
    keeps = [name for name, p in PROFILES.items() if sum(p.syn.waits) >= 180 * S]
    assert keeps == ["rfc9293"]
    for module in (bsd, linux, windows, profiles):
        assert "MUST-23" in str(module.__doc__)


BAD: list[tuple[str, str, Any]] = [
    ("linux", "net.ipv4.tcp_syn_retries", "many"),
    ("linux", "net.ipv4.tcp_syn_retries", 0),
    ("linux", "net.ipv4.tcp_syn_retries", 128),
    ("linux", "net.ipv4.tcp_syn_retries", 3.5),
    ("linux", "net.ipv4.tcp_syn_retries", None),
    ("linux", "net.ipv4.tcp_mem", "1 2"),
    ("linux", "net.ipv4.tcp_rmem", "3 2 1"),
    ("linux", "net.ipv4.tcp_wmem", 4096),
    ("linux", "net.ipv4.ip_local_port_range", "60999 32768"),
    ("linux", "net.ipv4.ip_local_port_range", "1 65536"),
    ("linux", "net.ipv4.tcp_fastopen_key", "a1a1a1a1"),
    ("linux", "net.ipv4.tcp_fin_timeout", -1),
    ("freebsd", "net.inet.tcp.keepinit", 0),
    ("freebsd", "net.inet.tcp.rfc1323", "4"),
    ("freebsd", "net.inet.ip.portrange.first", 70000),
]


@pytest.mark.parametrize(("system", "name", "value"), BAD)
def test_a_value_that_the_system_would_not_take(system: str, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(name)} must be .*, not .*$") as caught:
        Simulation(1).add_host("host", system, sysctls={name: value})
    assert str(caught.value).endswith(f"not {value!r}")


@pytest.mark.parametrize(
    ("system", "name", "message"),
    [
        ("linux", "net.ipv4.tcp_syn_retrys", "; did you mean net.ipv4.tcp_syn_retries?"),
        ("linux", "tcp_syncookies", "; did you mean net.ipv4.tcp_syncookies?"),
        ("freebsd", "net.inet.tcp.keepint", "; did you mean net.inet.tcp.keepinit?"),
        ("windows", "x", ""),
    ],
)
def test_an_unknown_knob(system: str, name: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{system} has no sysctl") as caught:
        Simulation(1).add_host("host", system, sysctls={name: 1})
    assert str(caught.value) == f"{system} has no sysctl {name!r}{message}"


def test_freebsd_takes_the_lesser_port_for_the_first() -> None:
    ports = {"net.inet.ip.portrange.first": 20001, "net.inet.ip.portrange.last": 20000}
    assert PROFILES["freebsd"].configure(ports).local_ports == (20000, 20001)


def test_every_knob_is_documented() -> None:
    documented = set(re.findall(r"`((?:net|kern)\.[\w.]+)`", DOCS))
    assert documented == {name for p in PROFILES.values() for name in p.sysctls}


@pytest.mark.parametrize("system", PROFILES)
def test_every_knob_takes_its_own_kind_of_value(system: str) -> None:
    """Text as from a shell does as well as numbers; nothing else of the profile changes."""
    profile = PROFILES[system]
    lists = {"ip_local_port_range": [2000, 3000], "key": "1-2-3-4"}
    for name in profile.sysctls:
        value: Any = next((v for end, v in lists.items() if name.endswith(end)), 1)
        if name.endswith("mem"):
            value = [1, 2, 3]
        elif name.endswith(("rto_max_ms", "min_snd_mss")):
            value = 1000
        text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        assert profile.configure({name: value}) == profile.configure({name: text}), name
