"""A router that lets through, drops or rejects packets by rule, the first that fits.

A rule is a line such as "reject 3/13 dport 80", in the manner of iptables' filter table: a verdict
and what it is about.  Verdicts are `accept`, `drop`, `reset` (a RST, as `--reject-with tcp-reset`
sends) and `reject TYPE/CODE` (an ICMP error; for IPv6 of ICMPv6; alone 3/3 as iptables does).
Packets fit by `src` and `dst` (address or prefix), `sport` and `dport`, `syn` (SYN without ACK)
and `first N` (the first N that fit all the rest).  What fits no rule passes.  Left out is
connection tracking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Final

from sim.icmp import ERROR_TYPES
from sim.net.complaints import PORT_UNREACHABLE, Complaint, Complaints
from sim.net.node import ForwardingTable, Router
from sim.packet import ACK, RST, SYN, Packet
from sim.tcp.seq import MASK

_TYPE_AND_CODE: Final = re.compile(r"([0-9]{1,3})/([0-9]{1,3})", re.ASCII)
_VERDICTS: Final = ("accept", "drop", "reset", "reject")


class RuleError(ValueError):
    """A rule that cannot be understood; the message is one line with the word at fault."""


@dataclass(slots=True)
class Rule:
    """One rule; what is None or empty fits every packet."""

    verdict: str
    said: Complaint = PORT_UNREACHABLE
    mtu: int = 0
    """Bytes, in an error that says "fragmentation needed"."""
    src: IPv4Network | IPv6Network | None = None
    dst: IPv4Network | IPv6Network | None = None
    sport: int | None = None
    dport: int | None = None
    syn: bool = False
    left: float = float("inf")
    """So many packets does the rule still take."""

    def fits(self, packet: Any) -> bool:
        """Whether the rule speaks of a packet."""
        src, sport, dst, dport = packet.flow
        fits = (
            self.left > 0
            and self.sport in (None, sport)
            and self.dport in (None, dport)
            and (self.src is None or ip_address(src) in self.src)
            and (self.dst is None or ip_address(dst) in self.dst)
            and (not self.syn or getattr(packet, "flags", 0) & (SYN | ACK) == SYN)
        )
        self.left -= fits
        return fits

    def towards(self, address: str) -> Rule:
        """Return the rule, of the packets to one address alone."""
        return replace(self, dst=ip_network(address))


def parse(text: str) -> Rule:
    """Return the rule that a line says.  Raises RuleError.

    >>> parse("reject 3/13 dst 10.0.0.0/8 dport 80").dport
    80
    """
    words = iter(text.split())
    verdict = next(words, "")
    if verdict not in _VERDICTS:
        raise RuleError(f"rule {text!r}: {verdict!r} is not one of {', '.join(_VERDICTS)}")
    rule = Rule(verdict)
    for word in words:
        try:
            _take(rule, word, words)
        except ValueError as error:
            raise RuleError(f"rule {text!r}: {error}") from None
    return rule


def _take(rule: Rule, word: str, words: Iterator[str]) -> None:
    """Let a rule speak of what a word says, with the words after it."""
    error = _TYPE_AND_CODE.fullmatch(word)
    if error and rule.verdict == "reject":
        said = _number("an ICMP type", error[1], 255), _number("an ICMP code", error[2], 255)
        if said[0] not in ERROR_TYPES:
            raise ValueError(f"ICMP type {said[0]} is no error about a packet")
        rule.said = Complaint(said, said)
    elif word == "syn":
        rule.syn = True
    elif word in ("src", "dst"):
        setattr(rule, word, ip_network(next(words, "")))
    elif word in ("sport", "dport", "mtu"):
        setattr(rule, word, _number(word, next(words, ""), 65535))
    elif word == "first":
        rule.left = _number(word, next(words, ""), 10**9)
    else:
        raise ValueError(f"unknown word {word!r}")


def _number(what: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > most:
        raise ValueError(f"{what} takes a whole number up to {most}, not {text!r}")
    return int(text)


class Firewall(Router):
    """A router with rules; each is a `Rule` or a line that `parse` understands."""

    __slots__ = ("rules",)

    def __init__(
        self,
        name: str,
        forwarding: ForwardingTable,
        complaints: Complaints,
        *,
        rules: Iterable[Rule | str],
    ) -> None:
        super().__init__(name, forwarding, complaints)
        self.rules = [parse(rule) if isinstance(rule, str) else rule for rule in rules]

    def receive(self, packet: Any) -> None:
        """Forward a packet if the rules let it through."""
        rule = next((rule for rule in self.rules if rule.fits(packet)), None)
        if rule is None or rule.verdict == "accept":
            super().receive(packet)
            return
        self.complaints.dropped(packet, f"firewall: {rule.verdict}")
        if rule.verdict == "reject":
            self.complaints.send(packet, rule.said, rule.mtu)
        elif rule.verdict == "reset":
            reset(packet, self.forwarding.__getitem__)


def reset(packet: Any, routes: Callable[[str], Callable[[Any], None]]) -> None:
    """Answer a segment with the RST that its destination would send (RFC 9293 3.10.7.1)."""
    if not isinstance(packet, Packet) or packet.flags & RST:
        return
    flow = packet.flow.reverse()
    if packet.flags & ACK:
        answer = Packet(flow, RST, packet.ack, 0, 0)
    else:
        answer = Packet(flow, RST | ACK, 0, (packet.seq + packet.length) & MASK, 0)
    answer.connection = packet.connection
    routes(flow.dst)(answer)
