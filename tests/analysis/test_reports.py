from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

import analysis
from analysis import reports
from analysis.plots import KINDS
from scenarios.cli import main
from tests.analysis import sweeping, synthetic

CHROMIUM = shutil.which("chromium")
VOID = {"meta", "link", "img"}

CHECK = """<script>
addEventListener("load", () => {
  const broken = [...document.images].filter(image => !image.naturalWidth).length;
  const root = document.documentElement;
  document.body.innerHTML =
    `images ${document.images.length} broken ${broken} beyond ${root.scrollWidth - innerWidth}`;
});
</script></body>"""


class Reader(HTMLParser):
    """Collects text and addresses, and checks that every element is closed in turn."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.alternatives: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href"):
                self.addresses.append(value or "")
            if name == "alt":
                self.alternatives.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_report_answers_with_nothing_from_outside(run: Path) -> None:
    file = analysis.report(run)
    assert file == run / "report.html"
    reader = Reader(file.read_text(encoding="utf-8"))
    assert all(address.startswith("data:") for address in reader.addresses)
    assert len(reader.alternatives) == len(KINDS)
    assert all(reader.alternatives)
    for expected in (
        "How long does connect() take when packets are lost?",
        "of 300 connects were established",
        "The 10 slowest connects",
        "Connects that failed",
        "connectsim run two_hosts --set delay=0.02 --set loss=0.01 --set connections=1000",
    ):
        assert expected in reader.text


def test_report_escapes_what_it_is_told() -> None:
    frames = synthetic.frames(
        synthetic.connections(1, loss=0.0, clients={"<b>": 0.02}), question="a < b & c"
    )
    page = reports.page(frames)
    assert "a &lt; b &amp; c" in page
    assert "<b>" not in page
    assert "<b>" in Reader(page).text


def test_report_of_no_connects() -> None:
    page = Reader(reports.page(synthetic.frames(synthetic.connections(0))))
    assert "There were no connects." in page.text
    assert "slowest" not in page.text


def test_report_sets_theory_beside_simulation() -> None:
    table = synthetic.connections(1000, loss=0.1, systems=("windows",))
    table["path_hops"] = 1
    table["server_os"] = table["client_os"]
    page = Reader(reports.page(synthetic.frames(table, parameters={"loss": 0.1})))
    cells = page.text.partition("Theory and simulation")[2]
    assert re.search(r"p50\s*40\.0 ms\s*40\.0 ms", cells)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.parametrize(("width", "of"), [(390, "run"), (1200, "run"), (390, "sweep")])
def test_report_in_a_browser(run: Path, width: int, of: str) -> None:
    """No message on the console, every picture there, no scrolling sideways."""
    folder = run if of == "run" else sweeping.write(run / "sweep")
    number = len(KINDS) if of == "run" else 6
    page = reports.page(analysis.load(folder)).replace("</body>", CHECK)
    file = run / "checked.html"
    file.write_text(page, encoding="utf-8")
    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={run / 'browser'}",
            f"--window-size={width},900",
            "--enable-logging=stderr",
            "--dump-dom",
            file.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "CONSOLE" not in done.stderr
    found = re.search(r"images (\d+) broken (\d+) beyond (-?\d+)", done.stdout)
    assert found is not None, done.stdout[-2000:]
    images, broken, beyond = map(int, found.groups())
    assert (images, broken) == (number, 0)
    assert beyond <= 0


def test_report_says_what_the_time_went_to(run: Path) -> None:
    text = Reader(reports.page(analysis.load(run))).text.partition("What the time went to")[2]
    assert re.search(r"propagation\s*300", text)
    assert "SYN lost" in text.partition("Theory and")[0]


def test_report_gives_the_answer_of_the_scenario(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    settings = ("--set", "connections=2", "--set", "clients=1")
    assert main(["run", "firewall", *settings, "--out", str(folder)]) == 0
    loaded = analysis.load(folder)
    answer = Reader(reports.page(loaded)).text.partition("Answer")[2].partition("Outcome")[0]
    assert re.search(r"drop +2 +0 % .*ETIMEDOUT 2", answer)
    assert answer.strip() in analysis.summarise(folder)


def test_report_without_a_trace_says_how_to_get_one(run: Path) -> None:
    assert "--seed 1 --trace" in Reader(reports.page(analysis.load(run))).text


def test_report_of_a_traced_run_draws_the_slowest(tmp_path: Path) -> None:
    folder = tmp_path / "traced"
    status = main(["run", "first_handshake", "--trace", "--out", str(folder)])
    assert status == 0
    page = Reader(reports.page(analysis.load(folder)))
    assert "Message sequence of connection 0" in page.alternatives
    assert "trace the run" not in page.text


def test_report_of_a_sweep(tmp_path: Path) -> None:
    folder = sweeping.write(tmp_path / "sweep")
    file = analysis.report(folder)
    assert file == folder / "_sweep" / "report.html"
    page = Reader(file.read_text(encoding="utf-8"))
    assert "Runs complete: 11 of 12." in page.text
    assert "connectsim sweep two_hosts --vary loss=0,10%,30%" in page.text
    assert "Runs that are missing or failed" in page.text
    assert page.alternatives == [
        "p50 by loss, client_os",
        "p99 by loss, client_os",
        "established by loss, client_os",
        "p99 by loss, client_os as colours",
        "Share of connects established within a time",
        "Share of connects not yet established after a time",
    ]
