from __future__ import annotations

from pathlib import Path

import pytest

from sim.packetdrill import Outcome, main, parse, run_script
from sim.packetdrill.interpreter import Interpreter, MismatchError
from tests.sim.packetdrill.mutations import SCRIPTS, variants

RIGHT = sorted(SCRIPTS.glob("*.pkt")) + sorted((SCRIPTS / "linux").glob("*.pkt"))
WRONG = sorted((SCRIPTS / "wrong").glob("*.pkt"))


def run(text: str) -> list[str]:
    log: list[str] = []
    Interpreter(parse(text, "a.pkt"), log.append).run()
    return log


def passes(text: str) -> bool:
    try:
        run(text)
    except MismatchError:
        return False
    return True


def mismatch(text: str) -> MismatchError:
    with pytest.raises(MismatchError) as caught:
        run(text)
    return caught.value


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_right_script_passes(path: Path) -> None:
    assert run_script(path) == Outcome(str(path), True)


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_wrong_script_fails_on_the_line_that_it_names(path: Path) -> None:
    outcome = run_script(path)
    assert not outcome.passed
    assert path.read_text().startswith(f"// Line {outcome.line}: ")
    assert str(outcome).startswith(f"FAIL {path}:{outcome.line}: ")
    assert "\n" not in str(outcome)


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.stem)
def test_every_wrong_variant_fails(path: Path) -> None:
    assert [variant for variant in variants(path.read_text()) if passes(variant.text)] == []


def test_there_are_variants_of_every_kind() -> None:
    kinds = {variant.what for path in RIGHT for variant in variants(path.read_text())}
    assert {"ack", "win", "mss", "wscale", "ecr", "sequence", "length", "flag F"} <= kinds
    assert {"later", "earlier", "missing", "twice", "options", "option order"} <= kinds
    assert {"result", "errno", "late return", "early return", "assertion"} <= kinds


def test_a_script_runs_twice_alike() -> None:
    path = SCRIPTS / "accept-timestamps.pkt"
    first: list[str] = []
    second: list[str] = []
    run_script(path, first.append)
    run_script(path, second.append)
    assert first
    assert first == second


def test_the_exchange_is_logged() -> None:
    log = run((SCRIPTS / "closed-port.pkt").read_text())
    assert log == [
        "0.000000 < S 300:300(0) win 65535 <mss 1460>",
        "0.000000 > R. 0:0(0) ack 1 win 0",
        "0.100000 < R 1:1(0) win 0",
        "0.200000 < . 1:1(0) ack 4000 win 1024",
        "0.200000 > R 4000:4000(0) win 0",
    ]


SOCKET = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
LISTENER = SOCKET + "+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n"


def test_what_comes_after_the_last_expected_packet_is_not_looked_at() -> None:
    run("0 < S 0:0(0) win 1\n+0 < . 1:1(0) ack 9 win 1")


def test_relative_times_count_from_when_the_event_before_was_done() -> None:
    text = SOCKET + "+0...9 connect(3, ..., ...) = 0\n+0 > S 0:0(0) <...>\n* > S 0:0(0) <...>\n"
    error = mismatch(text + "+.5 > S 0:0(0) <...>")
    assert "nothing came by" in error.message
    assert 1.5 < float(error.message.split()[3]) < 1.75


def test_consecutive_injected_packets_are_anchored_to_each_other() -> None:
    log = run("0 < R 0:0(0) win 1\n+.1 < R 0:0(0) win 1\n+.1 < R 0:0(0) win 1")
    assert [line.split()[0] for line in log] == ["0.000000", "0.100000", "0.200000"]


def test_packets_from_other_ports_are_answered_unseen() -> None:
    text = LISTENER + "+0 < S 0:0(0) win 1\n+0 > S. 0:0(0) ack 1 <...>\n"
    run(text + "+0 < 7 > 9 S 0:0(0) win 1\n+0 < S 0:0(0) win 1\n+0 > S. 0:0(0) ack 1 <...>")


def test_mismatches_that_are_not_fatal() -> None:
    log = run("--non_fatal=packet,syscall " + SOCKET + "+0 close(3) = 1\n+0 > S 0:0(0)")
    assert "warning: line 3: nothing came by 0.004000 s, expected > S 0:0(0)" in log


def test_sysctls_choose_the_operating_system() -> None:
    error = mismatch(SOCKET + "+0 `sysctl net.inet.tcp.no_such_knob=1`")
    assert "freebsd" in error.message


def test_sysctls_in_the_middle() -> None:
    run(
        LISTENER + "+0 < S 0:0(0) win 9 <mss 1460,nop,nop,sackOK>\n"
        "+0 > S. 0:0(0) ack 1 <mss 1460,nop,nop,sackOK>\n"
        "+0 < R 1:1(0) win 0\n"
        "+0 close(3) = 0\n"
        "+0 `sysctl -q net.ipv4.tcp_sack=0`\n"
        "+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
        "+0 bind(3, ..., ...) = 0\n+0 listen(3, 1) = 0\n"
        "+0 < S 0:0(0) win 9 <mss 1460,nop,nop,sackOK>\n"
        "+0 > S. 0:0(0) ack 1 <mss 1460>\n"
    )


def test_counters_move_between_two_looks() -> None:
    overflow = "+0 `nstat > /dev/null`\n+0 `nstat | grep TcpOutRsts > /dev/null`"
    assert mismatch(SOCKET + overflow).line == 3
    run("0 `nstat`\n+0 < S 0:0(0) win 1\n+0 `nstat | grep TcpOutRsts`")


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong = SCRIPTS / "closed-port.pkt", SCRIPTS / "wrong" / "no-socket.pkt"
    assert main([right]) == 0
    assert main([right, wrong]) == 1
    assert capsys.readouterr().out == (
        f"PASS {right}\nPASS {right}\n"
        f"FAIL {wrong}:2: there is no socket that could send the expected packet\n"
    )
    assert main([right], verbose=True) == 0
    assert capsys.readouterr().out.startswith("0.000000 < S 300:300(0) win 65535 <mss 1460>\n")


def test_command_line_options_override_those_of_the_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "a.pkt"
    text = "--mtu=1400\n" + SOCKET.replace("SOCK_STREAM", "SOCK_STREAM|SOCK_NONBLOCK")
    text += "+0 connect(3, ..., ...) = -1 WORD (Operation now in progress)\n"
    script.write_text(text + "+0 > S 0:0(0) <mss 1440,sackOK,TS val 0 ecr 0,nop,wscale 7>\n")
    define = "--define=WORD=EINPROGRESS"
    assert main([script], options=[define, "--ip_version=ipv6", "--mtu=1500"]) == 0
    assert main([script], options=[define]) == 1
    assert "option is mss 1360, not mss 1440" in capsys.readouterr().out
    for option in ("--no_such=1", "--mtu=many", "word"):
        assert main([script], options=[option]) == 2
        assert capsys.readouterr().err.startswith("command line:1: ")


def test_command_line_with_a_directory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([tmp_path]) == 2
    assert capsys.readouterr().err == f"{tmp_path}: is a directory\n"


def test_command_line_with_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["absent.pkt"]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "absent.pkt: no such file\n")
