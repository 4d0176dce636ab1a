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
    assert "gives up on 1 in 10,000" in output
    assert "initial RTO 200 ms" in output


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
