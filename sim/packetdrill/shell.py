"""The shell commands of scripts: set-up of the host under test, and looks at its sockets.

No shell is run.  Understood are, one or more of them in a command, comments apart:

* `sysctl [-q] [-w] NAME=VALUE ...`, and `sysctl NAME`, which only prints;
* `defaults.sh` and `set_sysctls.py /proc/sys/...=VALUE ...` of Google's suite, by any path, and
  the clean-up `/tmp/sysctl_restore_${PPID}.sh`;
* `sockstat ... [| grep packetdril] | grep -c STATE | grep COUNT` of FreeBSD's: a check;
* `nstat`, which begins to count anew, and `nstat | grep COUNTER`: a check;
* `tcpdrop -s STATE` of FreeBSD's: connections in a state are forgotten;
* `sleep SECONDS`;
* `ip tcp_metrics flush`: forget what connections have taught about their peers;
* `COMMAND || COMMAND`: the second one if the host does not have what the first one sets;
* `kldload`, `modprobe`, `ethtool -K`, `tc qdisc add` of a queue without limits: nothing to do here.

Anything else is a ValueError that quotes it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from sim.units import S

WITHOUT_EFFECT = ("kldload", "kldunload", "modprobe", "ethtool -K")
"""Commands about modules and devices, which a simulated host does not have."""

QUEUES = ("pfifo", "pfifo_fast", "fq", "fq_codel", "noqueue")
"""Queueing disciplines that change nothing on a device without a queue."""

DEFAULTS = {
    "net.ipv4.tcp_rmem": "4096 540000 15728640",
    "net.ipv4.tcp_wmem": "4096 262144 4194304",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_syn_retries": "5",
    "net.ipv4.tcp_synack_retries": "5",
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_congestion_control": "cubic",
    "net.ipv4.tcp_ecn": "0",
    "net.ipv4.tcp_fastopen": "0x70403",
    "net.ipv4.tcp_fastopen_key": "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4",
    "net.ipv4.tcp_syncookies": "1",
}
"""What the `defaults.sh` of Google's suite sets that a simulated host has."""

_PROC = "/proc/sys/"


@dataclass(frozen=True, slots=True)
class SetSysctl:
    """Set a knob of the host; the value is text as the shell gave it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class CountSockets:
    """Check how many TCP sockets are in a state."""

    state: str
    """As FreeBSD writes it: LISTEN, SYN_RCVD, TIME_WAIT."""
    count: str
    """Decimal digits that the number of sockets must contain: `grep 1` also finds 10."""
    own: bool
    """Whether packetdrill's own listening socket counts, by which it reserves a port."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let time pass, ns."""

    duration: int


@dataclass(frozen=True, slots=True)
class CheckCounter:
    """Check that a counter has moved since it was last looked at; "": look at all of them."""

    name: str


@dataclass(frozen=True, slots=True)
class DropSockets:
    """Forget the connections in a state, as FreeBSD writes it."""

    state: str


@dataclass(frozen=True, slots=True)
class FlushMetrics:
    """Forget what connections have taught about their peers."""


@dataclass(frozen=True, slots=True)
class Either:
    """Do what one command asks or, if the host does not have it, what another one does."""

    first: tuple[Step, ...]
    second: tuple[Step, ...]


Step = SetSysctl | CountSockets | CheckCounter | DropSockets | FlushMetrics | Sleep | Either


def steps(command: str) -> tuple[Step, ...]:
    """Return what a command asks of the host.

    >>> steps("sysctl -q net.ipv4.tcp_sack=1 net.core.somaxconn=8")
    ... # doctest: +NORMALIZE_WHITESPACE
    (SetSysctl(name='net.ipv4.tcp_sack', value='1'),
     SetSysctl(name='net.core.somaxconn', value='8'))
    """
    return tuple(step for words in _commands(command) for step in _alternatives(words))


def _alternatives(words: list[str]) -> tuple[Step, ...]:
    """Understand one command, or several with || between them."""
    if "||" not in words:
        return _run(words)
    bar = words.index("||")
    if bar in (0, len(words) - 1):
        raise _unknown(words)
    return (Either(_run(words[:bar]), _alternatives(words[bar + 1 :])),)


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command; pipes stay among them, redirections do not."""
    joined = text.replace("\\`", "`").replace("\\\n", " ")
    for line in joined.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&<>")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in _without_redirections(list(lexer)):
            if word in (";", "&&"):
                if words:
                    yield words
                words = []
            else:
                words.append(word)
        if words:
            yield words


def _without_redirections(words: list[str]) -> Iterator[str]:
    skip = False
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if skip:
            skip = False
        elif word in (">", ">>", "<", ">&", "&>"):
            skip = True
        elif not (word.isdigit() and following in (">", ">&")):
            yield word


def _run(words: list[str]) -> tuple[Step, ...]:
    program = words[0].rpartition("/")[2]
    if program in _PROGRAMS:
        return _PROGRAMS[program](words)
    if words[:3] == ["ip", "tcp_metrics", "flush"]:
        return (FlushMetrics(),)
    if program.startswith("sysctl_restore_") or " ".join(words).startswith(WITHOUT_EFFECT):
        return ()
    if words[:3] == ["tc", "qdisc", "add"] and words[-1] in QUEUES:
        return ()
    raise _unknown(words)


def _unknown(words: list[str]) -> ValueError:
    return ValueError(f"unknown command '{' '.join(words)}'")


def _defaults(_words: list[str]) -> tuple[Step, ...]:
    return tuple(SetSysctl(name, value) for name, value in DEFAULTS.items())


def _set_sysctls(words: list[str]) -> tuple[Step, ...]:
    return tuple(_assignment(word) for word in words[1:])


def _sysctl(words: list[str]) -> tuple[Step, ...]:
    options = [word for word in words if word.startswith("-")]
    if not set(options) <= {"-q", "-w", "-n", "-e", "-i", "-qw", "-wq"}:
        raise _unknown(words)
    return tuple(_assignment(word) for word in words if "=" in word)


def _assignment(word: str) -> SetSysctl:
    name, _, value = word.partition("=")
    if name.startswith(_PROC):
        name = name.removeprefix(_PROC).replace("/", ".")
    if not name or not value:
        raise ValueError(f"'{word}' is not NAME=VALUE")
    return SetSysctl(name, value)


def _nstat(words: list[str]) -> tuple[Step, ...]:
    match words[1:]:
        case []:
            return (CheckCounter(""),)
        case ["|", "grep", name]:
            return (CheckCounter(name),)
    raise _unknown(words)


def _sockstat(words: list[str]) -> tuple[Step, ...]:
    """Understand `sockstat ... | grep packetdril | grep -c STATE | grep COUNT`."""
    sockstat, *greps = " ".join(words).split(" | ")
    match [grep.split() for grep in greps]:
        case [*owners, ["grep", "-c", state], ["grep", count]] if all(
            owner == ["grep", "packetdril"] for owner in owners
        ):
            own = state == "LISTEN" and "-p" not in sockstat.split()
            return (CountSockets(state, count, own),)
    raise _unknown(words)


def _tcpdrop(words: list[str]) -> tuple[Step, ...]:
    match words[1:]:
        case ["-s", state]:
            return (DropSockets(state),)
    raise _unknown(words)


def _sleep(words: list[str]) -> tuple[Step, ...]:
    try:
        (duration,) = words[1:]
        return (Sleep(int(float(duration) * S)),)
    except (ValueError, OverflowError):
        raise _unknown(words) from None


_PROGRAMS = {
    "defaults.sh": _defaults,
    "nstat": _nstat,
    "set_sysctls.py": _set_sysctls,
    "sleep": _sleep,
    "sockstat": _sockstat,
    "sysctl": _sysctl,
    "tcpdrop": _tcpdrop,
}
