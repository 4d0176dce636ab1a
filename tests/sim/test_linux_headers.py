"""Windows, options and IP fields of a Linux host's first four packets: measurement E8."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from sim.tcp import header
from sim.units import S
from tests.sim.conversation import Conversation, Sent

with (Path(__file__).parents[1] / "data" / "E8_headers.csv").open(newline="") as file:
    E8 = list(csv.DictReader(file))

MEASURED = {"net.ipv4.tcp_rmem": "4096 131072 33554432"}
"""As on the measured machine, for all but one of the rows."""
UPSTREAM = {"net.ipv4.tcp_rmem": "4096 131072 6291456"}
TIMESTAMPS, SACK = {"net.ipv4.tcp_timestamps": 0}, {"net.ipv4.tcp_sack": 0}
SCALING, COOKIES = {"net.ipv4.tcp_window_scaling": 0}, {"net.ipv4.tcp_syncookies": 2}

VARIANTS: dict[str, dict[str, Any]] = {
    "default mtu1500": {},
    "mtu 9000 both": {"mtu": 9000, "server_mtu": 9000},
    "mtu 576 both": {"mtu": 576, "server_mtu": 576},
    "client mtu 1400, server 1500": {"mtu": 1400},
    "client mtu 1500, server 1400": {"server_mtu": 1400},
    "mtu 65535 both": {"mtu": 65535, "server_mtu": 65535},
    "client timestamps=0": {"sysctls": TIMESTAMPS},
    "server timestamps=0": {"server_sysctls": TIMESTAMPS},
    "client sack=0": {"sysctls": SACK},
    "client window_scaling=0": {"sysctls": SCALING},
    "client ts=0 sack=0 ws=0": {"sysctls": TIMESTAMPS | SACK | SCALING},
    "server sack=0": {"server_sysctls": SACK},
    "client ts=0 sack=0 (ws only)": {"sysctls": TIMESTAMPS | SACK},
    "both tcp_rmem max 6291456 (upstream default)": {
        "sysctls": UPSTREAM,
        "server_sysctls": UPSTREAM,
    },
    "server syncookies=2": {"server_sysctls": COOKIES},
    "server syncookies=2, client ts=0": {"sysctls": TIMESTAMPS, "server_sysctls": COOKIES},
}
"""All of the measurement but ECN."""


def options_text(sent: Sent) -> str:
    """Return the options as the measurement writes them."""
    packet = sent.packet
    options = packet.options
    names = {header.NOP: "nop", header.SACK_PERMITTED: "sackok", header.TIMESTAMPS: "ts"}
    if options is not None:
        names |= {header.MSS: f"mss={options.mss}", header.WSCALE: f"ws={options.wscale}"}
    kinds = header.layout(packet, header.option_values(packet))
    return "".join(f"{names[kind]};" for kind in kinds)


@pytest.mark.parametrize("variant", VARIANTS)
def test_first_packets(variant: str) -> None:
    rows = [row for row in E8 if row["variant"] == variant]
    settings = dict(VARIANTS[variant])
    for side in ("sysctls", "server_sysctls"):
        settings[side] = MEASURED | settings.get(side, {})
    conversation = Conversation({}, **settings)
    conversation.connect(talk=S // 10)
    conversation.run(until=S // 2)
    ours = [(sent.packet.window, options_text(sent), sent.packet.ttl) for sent in conversation.sent]
    assert [row["packet"] for row in rows] == ["S", "SA", "A", "DATA"]
    assert ours[:4] == [(int(row["win"]), row["opts"], int(row["ttl"])) for row in rows]
