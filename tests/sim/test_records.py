from __future__ import annotations

import math

import numpy as np
import pytest

from sim import Simulation
from sim.applications import arrive, serve
from sim.engine import Engine
from sim.records import OUTCOMES, Enumeration, Records
from sim.units import MS, S

COLUMNS = {
    "connection": "int64",
    "client": "int32",
    "server": "int32",
    "client_port": "int64",
    "server_port": "int64",
    "client_os": "int32",
    "server_os": "int32",
    "started_s": "float64",
    "finished_s": "float64",
    "latency_s": "float64",
    "outcome": "int32",
    "errno": "int32",
    "syn_sent": "int64",
    "syn_retransmits": "int64",
    "synack_sent": "int64",
    "synack_retransmits": "int64",
    "accepted_s": "float64",
    "answered_s": "float64",
    "path_hops": "int64",
    "path_delay_s": "float64",
    "propagation_s": "float64",
    "queueing_s": "float64",
    "syn_lost_s": "float64",
    "synack_lost_s": "float64",
    "queue_full_s": "float64",
    "cookie_s": "float64",
    "rounding_s": "float64",
}
"""The contract of connections.parquet; a name column's type is that of its codes."""


def texts(records: Records, name: str) -> list[str | None]:
    column = records.columns()[name]
    assert isinstance(column, Enumeration)
    return [column.categories[code] if code >= 0 else None for code in column.codes]


def numbers(records: Records, name: str) -> list[float]:
    column = records.columns()[name]
    assert not isinstance(column, Enumeration)
    return list(column.tolist())


@pytest.fixture
def records() -> Records:
    records = Records(Engine().calendar)
    records.add_host("web", "linux", (S,), (S,))
    records.add_host("client", "rfc9293", (S,), (S,))
    return records


@pytest.mark.parametrize("rows", [0, 2])
def test_columns_have_their_names_order_and_types(records: Records, rows: int) -> None:
    path = records.add_path("client", "web", 3, 40 * MS)
    for _ in range(rows):
        records.start(path, 80, 0)
    columns = records.columns()
    types = {
        name: str((column.codes if isinstance(column, Enumeration) else column).dtype)
        for name, column in columns.items()
    }
    assert list(types.items()) == list(COLUMNS.items())
    assert {len(c.codes if isinstance(c, Enumeration) else c) for c in columns.values()} == {rows}


def test_a_row_tells_one_connect(records: Records) -> None:
    path = records.add_path("client", "web", 3, 40 * MS)
    row = records.start(path, 80, 2 * S)
    for _ in range(3):
        records.syn_sent(row)
    records.synack_sent(row, False)
    records.synack_sent(row, True)
    records.finish(row, 5 * S, 40000)
    records.accepted(row, 6 * S)
    expected = {"connection": 0, "client_port": 40000, "server_port": 80, "started_s": 2.0}
    expected |= {"finished_s": 5.0, "latency_s": 3.0, "accepted_s": 6.0, "path_hops": 3}
    expected |= {"syn_sent": 3, "syn_retransmits": 2, "synack_sent": 2, "synack_retransmits": 1}
    expected |= {"path_delay_s": 0.04}
    assert {name: numbers(records, name)[0] for name in expected} == expected
    names = {"client": "client", "server": "web", "client_os": "rfc9293", "server_os": "linux"}
    names |= {"outcome": "established"}
    assert {name: texts(records, name)[0] for name in names} == names
    assert texts(records, "errno") == [None]
    assert (records.started, records.finished) == (1, 1)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("ECONNREFUSED", "refused"),
        ("ETIMEDOUT", "timed_out"),
        ("ENETUNREACH", "unreachable"),
        ("EHOSTUNREACH", "unreachable"),
        ("ECONNRESET", "reset"),
        ("EADDRNOTAVAIL", "error"),
    ],
)
def test_outcomes(records: Records, error: str, outcome: str) -> None:
    path = records.add_path("client", "web", 1, MS)
    records.finish(records.start(path, 80, 0), S, 40000, error)
    records.finish(records.start(path, 80, 0), S, 40001)
    assert texts(records, "outcome") == [outcome, "established"]
    assert texts(records, "errno") == [error, None]


def test_a_pending_attempt_has_no_end(records: Records) -> None:
    records.start(records.add_path("client", "web", 1, MS), 80, S)
    assert texts(records, "outcome") == ["pending"]
    assert texts(records, "errno") == [None]
    for name in ("finished_s", "latency_s", "accepted_s"):
        assert math.isnan(numbers(records, name)[0])
    assert (records.started, records.finished) == (1, 0)


def test_without_a_route_there_is_no_server(records: Records) -> None:
    row = records.start(records.add_path("client", None, 0, 0), 80, S)
    records.finish(row, S, 0, "ENETUNREACH")
    assert texts(records, "server") == texts(records, "server_os") == [None]
    assert texts(records, "client") == ["client"]
    assert numbers(records, "latency_s") == [0.0]


def test_codes_do_not_depend_on_which_error_came_first() -> None:
    columns = []
    for order in (("ETIMEDOUT", "ECONNREFUSED"), ("ECONNREFUSED", "ETIMEDOUT")):
        records = Records(Engine().calendar)
        records.add_host("a", "linux", (S,), (S,))
        path = records.add_path("a", "a", 0, 0)
        for error in order:
            records.finish(records.start(path, 80, 0), 1, 1, error)
        columns.append(records.columns())
    assert columns[0]["errno"].categories == columns[1]["errno"].categories  # type: ignore[union-attr]
    assert columns[0]["outcome"].categories == list(OUTCOMES)  # type: ignore[union-attr]


def test_packets_of_no_recorded_connect_count_nowhere(records: Records) -> None:
    records.syn_sent(-1)
    records.synack_sent(-1, True)
    records.accepted(-1, 5)
    assert len(numbers(records, "syn_sent")) == 0
    records.start(records.add_path("client", "web", 1, MS), 80, S)
    assert np.sum(numbers(records, "syn_sent")) == 0


def test_parts_of_rows_are_the_rows() -> None:
    sim = Simulation(seed=3)
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_link("client", "server", delay=20 * MS, loss=0.3)
    serve(server, 80, backlog=2)
    arrive(sim, [client], (server.address, 80), range(0, 50 * MS, MS), hold=0)
    sim.run()
    whole, parts = sim.records.columns(), list(sim.records.parts(size=7))
    assert len(parts) == 8
    for name, column in whole.items():
        if isinstance(column, Enumeration):
            assert all(part[name][1] == column.categories for part in parts)
            joined = np.concatenate([part[name][0] for part in parts])
            np.testing.assert_array_equal(joined, column.codes)
        else:
            joined = np.concatenate([part[name] for part in parts])  # type: ignore[arg-type]
            np.testing.assert_array_equal(joined, column)
    assert np.nansum(whole["syn_lost_s"]) > 0  # type: ignore[arg-type]
