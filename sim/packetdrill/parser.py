"""Grammar of a whole script: options, set-up command, events, clean-up command.

Implements the grammar of google/packetdrill (parser.y) and what FreeBSD's flavour adds to it for
TCP.  A construct that is in neither, or that no simulated host could honour, is a `ScriptError`
which names file and line: nothing is skipped.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from sim.packetdrill import conditions
from sim.packetdrill.expressions import system_call
from sim.packetdrill.lexer import Tokens
from sim.packetdrill.packets import packet
from sim.packetdrill.script import (
    RANGES,
    Action,
    Code,
    Command,
    Direction,
    Event,
    IcmpPacket,
    Script,
    ScriptError,
    Settings,
    TcpPacket,
    TimeKind,
    When,
)
from sim.units import US

DEFINES = {
    "ipv4": {
        "TFO_COOKIE": "de4f234f0f433a55",
        "CMSG_LEVEL_IP": "SOL_IP",
        "CMSG_TYPE_RECVERR": "IP_RECVERR",
    },
    "ipv6": {
        "TFO_COOKIE": "6aa6ae70c288023b",
        "CMSG_LEVEL_IP": "SOL_IPV6",
        "CMSG_TYPE_RECVERR": "IPV6_RECVERR",
    },
    "ipv4-mapped-ipv6": {
        "TFO_COOKIE": "de4f234f0f433a55",
        "CMSG_LEVEL_IP": "SOL_IPV6",
        "CMSG_TYPE_RECVERR": "IPV6_RECVERR",
    },
}
"""Symbols that packetdrill's run_all.py defines for Google's suite."""

_VALUE_KINDS = ("INTEGER", "FLOAT", "WORD", "STRING", "IPV4", "IPV6", "COMMAND")

_LONGEST = 1 << 53
"""Microseconds that an event may be away."""

_WITHOUT_EFFECT = (
    *("gateway_ip", "netmask_ip", "speed", "code_command", "code_format", "code_sockopt"),
    *("debug", "verbose", "send_omit_free"),
)
"""Options that say how packetdrill reaches a kernel or reports, not what the kernel must do."""


def read(path: str | Path, options: Sequence[str] = ()) -> Script:
    """Parse the script in a file; `options` are those of the command line, "--mtu=1400".

    Raises `ScriptError` if the file cannot be read or understood.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text in UTF-8"
        raise ScriptError(str(path), 0, f"cannot be read: {reason}") from None
    return parse(text, str(path), options)


def parse(text: str, path: str, options: Sequence[str] = ()) -> Script:
    """Parse a script's text; `path` is for messages, `options` override those of the text.

    >>> script = parse("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3", "a.pkt")
    >>> script.events[0].action.name
    'socket'
    """
    stream = Tokens(conditions.chosen(text, path), path)
    settings = _settings(stream, Settings())
    if options:
        settings = given(options, settings)
    stream.define({**DEFINES[settings.ip_version], **dict(settings.defines)})
    init = None
    if stream.head.kind == "COMMAND":
        init = (stream.head.line, _command(stream))
    try:
        events = [_event(stream)]
        while stream.head.kind not in ("END", "COMMAND"):
            events.append(_event(stream))
    except RecursionError:
        raise stream.error("expressions are nested too deeply") from None
    cleanup = _command(stream) if stream.head.kind == "COMMAND" else None
    if stream.head.kind != "END":
        raise stream.unexpected("the end of the script after its clean-up command")
    _check_times(stream, events)
    return Script(path, settings, init, tuple(events), cleanup)


def _check_times(stream: Tokens, events: list[Event]) -> None:
    if events[0].when.start != 0:
        raise stream.error("the first event must be at time 0", events[0].line)
    last = 0
    for event in events:
        if event.when.kind in (TimeKind.ABSOLUTE, TimeKind.ABSOLUTE_RANGE):
            if event.when.start < last:
                raise stream.error("time goes backward", event.line)
            last = event.when.start


def given(options: Sequence[str], settings: Settings) -> Settings:
    """Return the settings with the options of a command line.

    Raises `ScriptError`, whose file is "command line", for one that packetdrill does not have.
    """
    stream = Tokens("\n".join(options), "command line")
    settings = _settings(stream, settings)
    if stream.head.kind != "END":
        raise stream.unexpected("an option")
    return settings


def _settings(stream: Tokens, settings: Settings) -> Settings:
    while stream.head.kind == "OPTION":
        line = stream.head.line
        name = stream.take().text[2:]
        value = _option_value(stream) if stream.accept("=") else ""
        try:
            settings = _set(settings, name, value)
        except ValueError:
            raise stream.error(f"bad --{name}: '{value}'", line) from None
        except KeyError:
            raise stream.error(f"unknown option --{name}", line) from None
    return settings


def _option_value(stream: Tokens) -> str:
    """Return the text after `=`: one token, words joined by - or commas, or NAME=value."""
    value = stream.of_kind(*_VALUE_KINDS, what="a value").text
    while stream.head.text in ("=", ",") or (value.startswith("ipv4") and stream.head.text == "-"):
        value += stream.take().text + stream.of_kind(*_VALUE_KINDS, what="a value").text
    return value


def _set(settings: Settings, name: str, value: str) -> Settings:
    """Return the settings with one option; KeyError: no such option, ValueError: a bad value."""
    if name in _WITHOUT_EFFECT:
        return settings
    if name == "define":
        symbol, equals, meaning = value.partition("=")
        if not equals or not meaning:
            raise ValueError
        return replace(settings, defines=(*settings.defines, (symbol, meaning)))
    attribute, convert = _OPTIONS[name]
    return replace(settings, **{attribute: convert(value)})


def _unquoted(value: str) -> str:
    return value[1:-1] if value.startswith('"') else value


def _ip_version(value: str) -> str:
    if value not in ("ipv4", "ipv6", "ipv4-mapped-ipv6"):
        raise ValueError
    return value


def _address(value: str) -> str:
    """Return an IP address in its usual text, without a prefix length."""
    return str(ipaddress.ip_address(_unquoted(value).partition("/")[0]))


def _number(low: int, high: int, scale: int = 1) -> Callable[[str], int]:
    def convert(value: str) -> int:
        number = int(_unquoted(value))
        if not low <= number <= high:
            raise ValueError
        return number * scale

    return convert


def _percent(value: str) -> float:
    percent = float(_unquoted(value))
    if not 0 <= percent <= 100:
        raise ValueError
    return percent


def _non_fatal(value: str) -> frozenset[str]:
    kinds = frozenset(_unquoted(value).replace(",", " ").split())
    if not kinds <= {"packet", "syscall"}:
        raise ValueError
    return kinds


def _flag(value: str) -> bool:
    if value:
        raise ValueError
    return True


_OPTIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "ip_version": ("ip_version", _ip_version),
    "bind_port": ("bind_port", _number(1, 0xFFFF)),
    "connect_port": ("connect_port", _number(1, 0xFFFF)),
    "local_ip": ("local_ip", _address),
    "remote_ip": ("remote_ip", _address),
    "mss": ("mss", _number(1, 0xFFFF)),
    "mtu": ("mtu", _number(68, 0xFFFF)),
    "tolerance_usecs": ("tolerance", _number(1, 1 << 40, US)),
    "tolerance_percent": ("tolerance_percent", _percent),
    "tcp_ts_ecr_scaled": ("ts_ecr_scaled", _flag),
    "tcp_ts_tick_usecs": ("ts_tick", _number(0, 1_000_000, US)),
    "strict_segments": ("strict_segments", _flag),
    "non_fatal": ("non_fatal", _non_fatal),
}


def _event(stream: Tokens) -> Event:
    line = stream.head.line
    when = _when(stream)
    action = _action(stream)
    expected = isinstance(action, TcpPacket | IcmpPacket) and action.direction is Direction.OUTBOUND
    if when.kind is TimeKind.ANY and not expected:
        raise stream.error("the time * can only be used with outbound packets", line)
    if when.kind in RANGES and not expected:
        raise stream.error("a time range can only be used with outbound packets", line)
    return Event(line, when, action)


def _when(stream: Tokens) -> When:
    if stream.accept("*"):
        return When(TimeKind.ANY)
    relative = stream.accept("+")
    start = _time(stream)
    if not stream.accept("~"):
        return When(TimeKind.RELATIVE if relative else TimeKind.ABSOLUTE, start)
    if relative:
        stream.expect("+")
    line = stream.head.line
    end = _time(stream)
    if end < start:
        raise stream.error("time range is backwards", line)
    return When(TimeKind.RELATIVE_RANGE if relative else TimeKind.ABSOLUTE_RANGE, start, end)


def _time(stream: Tokens) -> int:
    """Read seconds, to the microsecond; return ns."""
    text = stream.of_kind("INTEGER", "FLOAT", what="a time").text
    if text.startswith("-"):
        raise stream.error(f"negative time {text}")
    microseconds = Decimal(text) * 1_000_000
    if microseconds > _LONGEST:
        raise stream.error(f"time {text} is out of range")
    return int(microseconds) * US


def _action(stream: Tokens) -> Action:
    kind = stream.head.kind
    if stream.head.text in ("<", ">"):
        return packet(stream)
    if kind == "COMMAND":
        return _command(stream)
    if kind == "CODE":
        return Code(stream.take().text[2:-2].strip(" \t"))
    end = _time(stream) if stream.accept("...") else None
    if stream.head.kind != "WORD":
        raise stream.unexpected("a packet, a system call, a command or code")
    return system_call(stream, end)


def _command(stream: Tokens) -> Command:
    return Command(stream.take().text[1:-1])
