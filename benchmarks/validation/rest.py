"""E4, E7, E8, E10 and E11: errors, simultaneous open, header bytes, ports, Fast Open."""

from __future__ import annotations

import csv
from collections.abc import Generator
from typing import Any

import pandas as pd

from benchmarks.validation.comparison import Comparison, Equality, Experiment
from benchmarks.validation.data import DATA, LINUX
from sim import Simulation
from sim.host import Host
from sim.packet import SYN
from sim.tcp import header
from sim.units import MS, S
from tests.sim.conversation import PORT, Conversation
from tests.sim.net.test_linux_errors import REJECTED, ROWS, connected, relayed

SYN_WINDOWS = {"net.ipv4.tcp_rmem": "4096 131072 33554432"}
"""As on the kernel that was measured, which had 32 MiB: a window scale of 10."""


def errors() -> Experiment:
    """Compare what connect() returns, and when."""
    rows: list[Comparison | Equality] = []
    for case, rule in REJECTED.items():
        sim = relayed(*([] if rule is None else [rule]), listening=rule is not None)
        [outcome] = connected(sim)
        rows.append(Equality(case, ROWS[case]["result"].split(":")[0], outcome.result))
        mean = float(ROWS[case]["lat_mean_ms"]) / 1000
        allowed = 0.002 if mean < 0.1 else 0.04
        rows.append(Comparison(f"{case}: after", mean, outcome.latency_ms / 1000, allowed))
    return Experiment(
        "E4",
        "What does connect() return when the network says no, and when?",
        "A firewall, or a closed port, 20 ms away.",
        rows,
        "2 ms; where another SYN is needed 40 ms, the spread of a timer of 1 s.",
    )


def simultaneous() -> Experiment:
    """Compare two hosts that connect to each other."""
    table = pd.read_csv(LINUX / "E7_simopen.csv")
    rows: list[Comparison | Equality] = []
    for case, offset in (
        ("simultaneous, no loss", 0),
        ("B starts 5 ms after A (A SYN not yet arrived)", 5),
        ("B starts 10 ms after A (A SYN not yet arrived)", 10),
        ("B starts 15 ms after A (A SYN not yet arrived)", 15),
    ):
        kernel = table[table["case"] == case]
        for side, ours in zip("AB", opened(offset * MS), strict=True):
            mean = float(kernel[f"{side}_lat_ms"].astype(float).mean()) / 1000
            rows.append(Comparison(f"{case}: {side}", mean, ours, 0.002))
    return Experiment(
        "E7",
        "What if both sides connect to each other?",
        "Bound sockets, 20 ms apart; both are established after one round trip.",
        rows,
        "2 ms.",
    )


def opened(offset: int) -> list[float]:
    """Return the latencies of two hosts that connect to each other, one `offset` ns later, s."""
    sim = Simulation(1)
    hosts = [sim.add_host("a"), sim.add_host("b")]
    sim.add_link("a", "b", delay=20 * MS)

    def connect(own: Host, peer: Host, at: int) -> Generator[Any, Any, None]:
        yield sim.env.timeout(at)
        socket = own.socket()
        socket.bind(("", 5000))
        yield socket.connect((peer.address, 5000))

    sim.process(connect(hosts[0], hosts[1], 0))
    sim.process(connect(hosts[1], hosts[0], offset))
    sim.run()
    latencies: Any = sim.records.columns()["latency_s"]
    return [float(latency) for latency in latencies]


def header_fields() -> Experiment:
    """Compare the header of each packet of a handshake."""
    with (DATA / "E8_headers.csv").open(newline="", encoding="utf-8") as file:
        measured = {row["packet"]: row for row in list(csv.DictReader(file))[:3]}
    conversation = Conversation({}, sysctls=SYN_WINDOWS, server_sysctls=SYN_WINDOWS)
    conversation.connect()
    conversation.run()
    rows: list[Comparison | Equality] = []
    for (name, row), sent in zip(measured.items(), conversation.sent, strict=False):
        kernel = header.decode(bytes.fromhex(row["hex"]))
        for what in ("ttl", "window", "options", "tos"):
            pair = (str(getattr(packet, what)) for packet in (kernel, sent.packet))
            rows.append(Equality(f"{name}: {what}", *pair))
        sizes = (str(len(header.encode(packet))) for packet in (kernel, sent.packet))
        rows.append(Equality(f"{name}: bytes", *sizes))
    return Experiment(
        "E8",
        "What is in the headers of a handshake?",
        "SYN, SYN-ACK and ACK, decoded; options in their order.",
        rows,
        "none: the fields must be equal.",
        notes=["The tests reproduce these packets byte for byte."],
    )


def ports() -> Experiment:
    """Compare which ports are chosen, and what happens without one."""
    with (LINUX / "E10_ports.csv").open(newline="", encoding="utf-8") as file:
        measured = [row for row in csv.reader(file) if row[0] == "exhaustion same dst"]
    sim = Simulation(1)
    client = sim.add_host("client", sysctls={"net.ipv4.ip_local_port_range": "40000 40009"})
    server = sim.add_host("server")
    sim.add_link("client", "server", delay=5 * MS)
    found = []
    for _ in measured:
        socket = client.socket()
        try:
            socket.connect((server.address, PORT)).defused = True
        except OSError:
            found.append((0, "EADDRNOTAVAIL"))
        else:
            found.append((int(socket.getsockname()[1]), "OK"))
    kernel = [(int(row[2]), row[3]) for row in measured]
    return Experiment(
        "E10",
        "Which ports does connect() take, and what if there is none?",
        "Ten ports, twelve connects to one destination.",
        [
            Equality("results", _list(r for _, r in kernel), _list(r for _, r in found)),
            Equality(
                "ports taken",
                _list(sorted(p for p, _ in kernel)),
                _list(sorted(p for p, _ in found)),
            ),
            Equality(
                "even ports first",
                _list("even" if p % 2 == 0 else "odd" for p, _ in kernel[:10]),
                _list("even" if p % 2 == 0 else "odd" for p, _ in found[:10]),
            ),
        ],
        "none; the order among even ports is random.",
        notes=["Reuse of a port in TIME-WAIT is held to the same measurement in the tests."],
    )


def _list(values: Any) -> str:
    return " ".join(str(value) for value in values)


def fast_open() -> Experiment:
    """Compare when data in the SYN is taken, and when its echo is back."""
    table = pd.read_csv(LINUX / "E11_tfo_results.csv").set_index("case")
    rows: list[Comparison | Equality] = []
    for name, case, lost in (
        ("cookie request", "1 first connect: cookie request", False),
        ("data in SYN", "2 second connect: data in SYN", False),
        ("SYN and data lost", "6 SYN+data lost once", True),
    ):
        returned, echoed = early_data(first=case.startswith("1"), lost=lost)
        kernel: Any = table.loc[case]
        allowed = 0.04 if lost else 0.002
        rows.append(
            Comparison(f"{name}: sendto()", float(kernel["sendto_ms"]) / 1000, returned, allowed)
        )
        rows.append(Comparison(f"{name}: echo", float(kernel["echo_ms"]) / 1000, echoed, allowed))
    return Experiment(
        "E11",
        "When is data back that was sent with the SYN (TCP Fast Open)?",
        "100 bytes by sendto(MSG_FASTOPEN), echoed by the server; until"
        " sendto() returns, and until the echo is there.",
        rows,
        "2 ms; where another SYN is needed 40 ms, the spread of a timer of 1 s.",
    )


def early_data(first: bool, lost: bool) -> tuple[float, float]:
    """Return when sendto() returns and when the echo is back, s after the call.

    `first`: without a cookie; `lost`: no SYN with data gets through.
    """
    sim = Simulation(1)
    both = {"net.ipv4.tcp_fastopen": 3}
    client, server = (sim.add_host(name, sysctls=both) for name in ("client", "server"))
    sim.add_link(
        *("client", "server"),
        delay=20 * MS,
        lose=lambda _: lambda packet: lost and bool(packet.flags & SYN and packet.payload),
    )
    times: list[tuple[int, int, int]] = []

    def echo() -> Generator[Any, Any, None]:
        listening = server.socket()
        listening.setsockopt(6, 23, 16)
        listening.bind(("", PORT))
        listening.listen(16)
        while True:
            socket, _ = yield listening.accept()
            sim.process(answer(socket))

    def answer(socket: Any) -> Generator[Any, Any, None]:
        data = yield socket.recv(100)
        yield socket.send(data)

    def talk() -> Generator[Any, Any, None]:
        for _ in range(1 if first else 2):
            socket, start = client.socket(), sim.env.now
            yield socket.connect_with(b"x" * 100, (server.address, PORT))
            returned = sim.env.now
            yield socket.recv(100)
            times.append((int(start), int(returned), int(sim.env.now)))
            socket.close()
            yield sim.env.timeout(S)

    sim.process(echo())
    sim.process(talk())
    sim.run(20 * S)
    start, returned, echoed = times[-1]
    return (returned - start) / S, (echoed - start) / S
