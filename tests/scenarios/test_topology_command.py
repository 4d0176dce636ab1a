from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.conftest import Command

SHADOW = """graph [
  directed 0
  node [ id 0 label "Ulm" host_bandwidth_up "100 Mbit" host_bandwidth_down "100 Mbit" ]
  node [ id 1 label "Bonn" ]
  edge [ source 0 target 1 latency "10 ms" packet_loss 0.01 ]
  edge [ source 1 target 1 latency "1 ms" ]
]
"""


def test_packaged_topology_is_described_and_drawn(connectsim: Command, tmp_path: Path) -> None:
    file = tmp_path / "map.png"
    status, output, _ = connectsim("topology", "abilene", "--out", file)
    assert status == 0
    lines = output.splitlines()
    assert lines[:4] == [
        "11 nodes, 11 of them with a place",
        "14 links",
        "1 component, all nodes connected",
        "delay of a link 1.32 ms to 11 ms, median 5.21 ms, one way",
    ]
    assert lines[-1] == str(file)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_picture_is_named_after_the_file(
    connectsim: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two.gml").write_text(SHADOW)
    status, output, _ = connectsim("topology", "two.gml")
    assert status == 0
    assert "link from a node to itself left out, at: Bonn" in output
    assert (tmp_path / "two.png").exists()


@pytest.mark.parametrize(
    "call", ["random_internet_as_graph(n=450)", "empty_graph(0)", "path_graph"]
)
def test_generators(connectsim: Command, tmp_path: Path, call: str) -> None:
    file = tmp_path / "g.svg"
    status, _, errors = connectsim("topology", f"nx:{call}", "--out", file)
    assert (status == 0) == file.exists()
    if status:
        assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere.gml",), "nowhere.gml: cannot be read: No such file or directory"),
        (("abilen",), "packaged topologies: abilene"),
        (("abilene", "--out", "a.txt"), "a.txt: the ending must be one of"),
    ],
)
def test_bad_input(connectsim: Command, arguments: tuple[str, ...], message: str) -> None:
    status, output, errors = connectsim("topology", *arguments)
    assert (status, output) == (2, "")
    assert message in errors
    assert errors.count("\n") == 1
