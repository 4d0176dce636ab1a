from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis import sweeping
from tests.scenarios.conftest import Command


def test_theory_prints_quantiles(connectsim: Command) -> None:
    path = ("--profile", "rfc9293", "--rtt", "40ms", "--loss", "1%")
    status, output, _ = connectsim("theory", *path)
    assert status == 0
    rows = dict(line.split("%", 1) for line in output.splitlines() if " %" in line[:10])
    assert rows["50 "].split() == ["40.0", "ms"]
    assert rows["99 "].split() == ["1.04", "s"]
    assert "99.9999 " in rows


def test_advise_says_what_to_set(connectsim: Command) -> None:
    options = ("--os", "linux", "--rtt", "80ms", "--loss", "2%", "--budget", "1s")
    status, output, _ = connectsim("advise", *options)
    assert status == 0
    assert "96 % of connects are established within 1.00 s." in output
    assert "A timeout of 2.14 s gives up on at most 1 in 10,000 connects" in output
    gives_up = dict(line.rsplit("  ", 1) for line in output.splitlines() if line.endswith(" s"))
    assert {name[:18].strip(): time for name, time in gives_up.items()} == {
        "as it is": "134 s",
        "syn_retries 1": "3.06 s",
        "syn_retries 2": "7.13 s",
        "syn_retries 4": "35.6 s",
        "syn_retries 5": "68.7 s",
        "syn_retries 7": "255 s",
        "initial RTO 200 ms": "27.0 s",
        "initial RTO 500 ms": "67.2 s",
        "initial RTO 3 s": "325 s",
    }


def test_other_retries_do_not_outlast_what_ends_the_whole_attempt(connectsim: Command) -> None:
    """FreeBSD gives up after 75 s, however many SYNs are left."""
    options = ("--os", "freebsd", "--rtt", "80ms", "--loss", "2%", "--budget", "1s")
    status, output, _ = connectsim("advise", *options)
    assert status == 0
    assert [line.rsplit("  ", 1)[1] for line in output.splitlines() if "syn_retries 7" in line] == [
        "75.0 s"
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["theory", "--profile", "lnux"], "--profile lnux: did you mean 'linux'?"),
        (["theory", "--server", "x"], "--server x: known: "),
        (["theory", "--rtt", "2 min"], "--rtt"),
        (["theory", "--rtt", "soon"], "--rtt: "),
        (["theory", "--loss", "200%"], "--loss: "),
        (["advise", "--budget", "-1s"], "--budget: "),
        (["report", "nowhere"], "nowhere: no such folder"),
        (["compare", "nowhere", "nowhere"], "nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_line(connectsim: Command, arguments: list[str], message: str) -> None:
    status, output, errors = connectsim(*arguments)
    assert (status, output) == (2, "")
    assert message in errors
    assert errors.count("\n") == 1


def test_compare_report_and_plots_of_a_sweep(connectsim: Command, tmp_path: Path) -> None:
    folder = sweeping.write(tmp_path / "sweep")
    status, output, _ = connectsim("compare", folder, folder)
    assert status == 0
    assert "Kolmogorov-Smirnov, p = 1" in output
    status, output, _ = connectsim("plot", folder, "--x", "loss", "--hue", "client_os")
    assert (status, output.strip()) == (0, str(folder / "_sweep" / "plots" / "lines_p99.png"))
    status, output, _ = connectsim("plot", folder, "--kind", "heatmap", "--out", tmp_path / "h.svg")
    assert (status, output.strip()) == (0, str(tmp_path / "h.svg"))
    status, _, errors = connectsim("plot", folder, "--x", "delay")
    assert status == 2
    assert "x delay: no axis of the sweep" in errors
