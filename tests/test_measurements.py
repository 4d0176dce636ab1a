"""Which test holds which row of the kernel measurements of connection establishment.

A row reads as in the notes of the measurements; behind it stand the test and, if it has several
cases, the one of them.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest

SCHEDULES, LOSSES = "sim.test_linux_schedules", "sim.test_linux_losses"
ERRORS, SIMULTANEOUS = "sim.net.test_linux_errors", "sim.test_linux_simultaneous"
PORTS, WAITING, FAST_OPEN = (
    "sim.tcp.test_ports",
    "sim.tcp.test_time_wait",
    "sim.test_linux_fastopen",
)

SYNS = f"{SCHEDULES}:test_syns_into_a_black_hole"
SYN_ACKS = f"{SCHEDULES}:test_syn_acks_and_what_the_client_answers"
FORGETS = f"{SCHEDULES}:test_the_server_forgets_a_request_silently_as_late_as_the_kernel"
RULE = "sim.tcp.test_timers:test_it_gives_up_by_count_or_by_time"
REJECTED, SILENT = f"{ERRORS}:test_rejected", f"{ERRORS}:test_fails_at_the_host"
NO_ARP = f"{ERRORS}:test_nobody_answers_for_the_address"
BURST = f"{ERRORS}:test_of_a_burst_six_hear_of_it_at_once_and_the_others_by_later_syns"
SMALLER = f"{ERRORS}:test_fragmentation_needed_makes_segments_smaller"
CROSSED, TIMELINE = f"{SIMULTANEOUS}:test_e7", f"{LOSSES}:test_timeline"
RTO = f"{LOSSES}:test_retransmission_timeout_after_the_handshake"
TEN = f"{PORTS}:test_ten_ports_make_ten_connects_to_each_destination"
FULL = f"{PORTS}:test_a_failed_connect_takes_no_time_and_is_recorded"
FASTER = f"{FAST_OPEN}:test_e11"


def relay(*codes: str) -> list[tuple[str, str]]:
    """Return the cases of ICMP errors that the measurement's relay made up, by type and code."""
    rows = importlib.import_module(f"tests.{ERRORS}").ROWS
    found = [row for row in rows for code in codes if f"ICMP {code} " in f"{row} "]
    assert {code for code in codes for row in found if f"ICMP {code} " in f"{row} "} == set(codes)
    return [(REJECTED, row) for row in found]


ROWS: dict[str, list[tuple[str, Any]]] = {
    "E1 6 / 4 (default since 6.5): 11 SYNs": [(SYNS, "e1a")],
    "E1 6 / 0 (the classic schedule): 7 SYNs": [(SYNS, "e1b")],
    "E1 2 / 4: 6 SYNs": [(SYNS, "e1c")],
    "E1 2 / 0: 3 SYNs": [(SYNS, "e1d")],
    "E1 6 / 2: 9 SYNs": [(SYNS, "e1g")],
    "E1 the rule that fits all of them": [(RULE, None)],
    "E2 SYN-ACKs at 0, 1.017, 3.032, 7.16, 15.35, 31.5 s": [(SYN_ACKS, 7001)],
    "E2 the request is dropped silently after about 62-68 s": [(FORGETS, None)],
    "E2 first ACK lost, client silent": [(SYN_ACKS, 7002)],
    "E2 two ACKs lost, silent": [(SYN_ACKS, 7010)],
    "E2 ACK lost, client sends data 50 ms later": [(SYN_ACKS, 7003)],
    "E2 all ACKs lost for 68 s, then data": [(SYN_ACKS, 7007)],
    "E2 TCP_DEFER_ACCEPT=5, client silent": [(SYN_ACKS, 7009)],
    "E4 RST from a closed port": [(REJECTED, "closed port (RST), rtt 40 ms")],
    "E4 ICMP 3/0 net, 3/6, 3/9": [
        (REJECTED, "nft net-unreachable (rtt 40 ms)"),
        (REJECTED, "nft net-prohibited (rtt 40 ms)"),
        *relay("3/6"),
    ],
    "E4 ICMP 3/1 host, 3/10, 3/13, 3/14, 3/15, 11/0": [
        (REJECTED, "nft host-unreachable (rtt 40 ms)"),
        (REJECTED, "nft host-prohibited (rtt 40 ms)"),
        (REJECTED, "nft admin-prohibited (rtt 40 ms)"),
        *relay("3/14", "3/15", "11/0"),
    ],
    "E4 ICMP 3/2 / 3/3 / 3/5 / 3/7 / 12/0": [
        (REJECTED, "nft prot-unreachable (rtt 40 ms)"),
        (REJECTED, "nft port-unreachable (rtt 40 ms)"),
        *relay("3/5", "3/7", "12/0"),
    ],
    "E4 ICMP 3/4 (MTU 1000), 11/1, 4/0, 5/1": [
        *relay("3/4", "11/1", "4/0", "5/1"),
        (SMALLER, None),
    ],
    "E4 ICMP under the router's default rate limit": [(BURST, None)],
    "E4 no route / unreachable / prohibit / blackhole route / link down": [
        (SILENT, "noroute (no matching route at all)"),
        (SILENT, "unreachable route"),
        (SILENT, "prohibit route"),
        (SILENT, "blackhole route"),
        (SILENT, "linkdown (device down)"),
    ],
    "E4 ARP fails": [(NO_ARP, "arpfail1 (veth on-link, no ARP answer, 1 conn)")],
    "E7 both sides establish after one RTT": [(CROSSED, "simultaneous, no loss, 6100")],
    "E7 segments S, S, SA, SA, A, A": [(f"{SIMULTANEOUS}:test_e7_segments", None)],
    "E7 B starting 5-19 ms after A works too": [
        (CROSSED, "B starts 5 ms after A (A SYN not yet arrived), 6115"),
        (CROSSED, "B starts 19 ms after A (A SYN not yet arrived), 6129"),
    ],
    "E7 a SYN before B has called connect() gets a RST": [
        (
            CROSSED,
            "B starts 25 ms after A (after A SYN arrived at unconnected bound socket), 6135",
        )
    ],
    "E7 one lost SYN or SYN-ACK makes one side 60 ms": [
        (CROSSED, "A SYN#1 lost, 6150"),
        (CROSSED, "A SYN-ACK#1 lost, 6151"),
    ],
    "E7 a self-connect works": [("sim.test_socket:test_a_socket_connects_to_itself", None)],
    "E9 nothing lost": [(TIMELINE, 9001), (RTO, "nothing, client"), (RTO, "nothing, server")],
    "E9 SYN lost": [(TIMELINE, 9002), (RTO, "SYN")],
    "E9 SYN-ACK lost": [(TIMELINE, 9003), (RTO, "SYN-ACK")],
    "E9 ACK lost, client silent": [(TIMELINE, 9004), (RTO, "ACK")],
    "E9 SYN lost twice": [(TIMELINE, 9006), (RTO, "SYN twice")],
    "E9 a duplicate SYN in SYN-RECEIVED": [(TIMELINE, 9007)],
    "E9 a duplicate SYN after ESTABLISHED": [(TIMELINE, 9008)],
    "E9 a round trip of 1.2 s": [
        (f"{LOSSES}:test_a_round_trip_of_more_than_a_second_repeats_the_syn_in_vain", None)
    ],
    "E10 ten ports, twelve connects, another port gets ten more; even ports first": [(TEN, None)],
    "E10 EADDRNOTAVAIL at once": [
        (f"{PORTS}:test_a_failed_connect_takes_no_time_and_is_recorded", None)
    ],
    "E10 reuse after 1.0 s with tcp_tw_reuse=1 and timestamps, else after 60-62 s": [
        (f"{WAITING}:test_e10_the_client_may_use_the_port_again", "tw_reuse=1 non-loopback"),
        (f"{WAITING}:test_e10_the_client_may_use_the_port_again", "tw_reuse=0 non-loopback"),
    ],
    "E10 a server-side TIME-WAIT accepts a new SYN at once": [
        (f"{WAITING}:test_e10_a_server_in_time_wait_takes_a_new_syn_at_once", None)
    ],
    "E11 the first connect asks for a cookie": [(FASTER, "1 first connect: cookie request")],
    "E11 with the cookie data rides the SYN": [(FASTER, "2 second connect: data in SYN")],
    "E11 SYN + data lost: resent as a plain SYN": [
        (FASTER, "6 SYN+data lost once"),
        (f"{FAST_OPEN}:test_e11_a_lost_syn_is_resent_without_data_and_without_the_option", None),
    ],
    "E11 a listener without Fast Open": [(FASTER, "10 listener without TFO, client has cookie")],
    "E11 data in a SYN is limited to 1420 bytes": [
        (f"{FAST_OPEN}:test_e11_data_in_a_syn_is_limited_to_1420_bytes", None)
    ],
}


@pytest.mark.parametrize("row", ROWS)
def test_row_has_its_test(row: str) -> None:
    for test, case in ROWS[row]:
        module, _, name = test.partition(":")
        function = getattr(importlib.import_module(f"tests.{module}"), name)
        marks = [mark for mark in getattr(function, "pytestmark", ()) if mark.name == "parametrize"]
        assert case is None or any(case in list(mark.args[1]) for mark in marks), (test, case)
