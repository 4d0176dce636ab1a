"""Wrong variants of a script: each differs in one thing that the host does not do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SCRIPTS = Path(__file__).parents[2] / "data" / "packetdrill"

EXPECTED = re.compile(r"^\s*\+?[\d.]*(~\+[\d.]+)?\s*>")


class Variant(NamedTuple):
    what: str
    line: int
    text: str


def variants(text: str) -> Iterator[Variant]:
    """Yield the wrong variants of a script's text."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        for what, changed in _changed(line):
            yield Variant(
                what, index + 1, "\n".join([*lines[:index], *changed, *lines[index + 1 :]])
            )
    expected = [index for index, line in enumerate(lines) if EXPECTED.match(line)]
    for index in expected[:-1]:
        if "~" in lines[index]:
            continue
        yield Variant("missing", index + 1, _replaced(lines, index, []))


def _replaced(lines: list[str], index: int, changed: list[str]) -> str:
    return "\n".join([*lines[:index], *changed, *lines[index + 1 :]])


def _changed(line: str) -> Iterator[tuple[str, list[str]]]:
    if EXPECTED.match(line):
        if "~" not in line:  # one retransmission more or less may be right as well
            yield "twice", [line, line]
        for what, changed in _packet(line):
            yield what, [changed]
    elif line.lstrip().startswith("//"):
        return
    elif "%{ assert" in line:
        yield "assertion", [re.sub(r"assert (.*?)(,[^,]*)? }%", r"assert not (\1) }%", line)]
    elif re.search(r"\) = -?\d", line):
        for what, changed in _call(line):
            yield what, [changed]


def _packet(line: str) -> Iterator[tuple[str, str]]:
    head, packet = line.split(">", 1)
    yield (
        "later",
        re.sub(r"\+[\d.]+", lambda time: f"+{float(time[0]) + 0.7:.3f}", head) + ">" + packet,
    )
    if "~" not in head:
        yield "earlier", re.sub(r"\+[\d.]+", "+0.5", head) + ">" + packet
    if " S" not in packet:  # a SYN says itself what its initial sequence number is called
        yield "sequence", re.sub(r"(\d+):(\d+)\(", _plus_one, line, count=1)
    yield "length", re.sub(r"(\d+):(\d+)\((\d+)\)", _one_longer, line, count=1)
    for name in ("ack", "win", "mss", "wscale", "ecr"):
        pattern = rf"\b({name}) (\d+)"
        if re.search(pattern, packet):
            yield name, head + ">" + re.sub(pattern, _count_up, packet)
    flags = re.search(r"[SFRP]*\.?(?= +\d+:)", packet)
    assert flags is not None
    for letter in "SFRP":
        changed = flags[0].replace(letter, "") if letter in flags[0] else letter + flags[0]
        changed = changed or "-"
        yield (
            f"flag {letter}",
            head + ">" + packet[: flags.start()] + changed + packet[flags.end() :],
        )
    if "<" in packet:
        yield "no options", head + ">" + packet[: packet.index("<")]
    else:
        yield "options", line + " <nop,nop,nop,nop>"
    if "nop,nop,sackOK" in packet:
        yield "option order", line.replace("nop,nop,sackOK", "sackOK,nop,nop")


def _call(line: str) -> Iterator[tuple[str, str]]:
    if "= 0" in line:
        yield "result", line.replace("= 0", "= 1")
        yield "error", line.replace("= 0", "= -1 EINVAL (Invalid argument)")
    failed = re.search(r"= -1 (E\w+)", line)
    if failed:
        yield "errno", line.replace(failed[1], "EPERM")
        yield "no error", line[: failed.start()] + "= 0"
    blocking = re.search(r"\.\.\.([\d.]+)", line)
    if blocking:
        end = float(blocking[1])
        yield "late return", line.replace(blocking[0], f"...{end + 0.3:.3f}")
        yield "early return", line.replace(blocking[0], f"...{max(end - 0.3, 0):.3f}")


def _plus_one(match: re.Match[str]) -> str:
    return f"{int(match[1]) + 1}:{int(match[2]) + 1}("


def _one_longer(match: re.Match[str]) -> str:
    return f"{match[1]}:{int(match[2]) + 1}({int(match[3]) + 1})"


def _count_up(match: re.Match[str]) -> str:
    value = int(match[2])
    return f"{match[1]} {value - 1 if value == 65535 else value + 1}"
