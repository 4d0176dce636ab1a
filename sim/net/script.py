"""Losses written down packet by packet, such as "the first SYN": a script for tests and lessons.

A script is a list of rules, separated by commas: a kind of packet, and which of its kind are
lost, counted from 1 separately in each connection's direction: "SYN 1", "SYN+ACK 1-3", "ACK *".
Kinds are SYN, SYN+ACK, ACK, FIN, RST (the control bits SYN, ACK, FIN and RST that are set, ACK
beside FIN or RST being taken for granted), DATA (a segment that carries some) and ANY (segment).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from sim.net.wire import AnyPacket
from sim.packet import ACK, FIN, RST, SYN, Flow, Packet

_CONTROL: Final = SYN | ACK | FIN | RST
_KINDS: Final[dict[str, Callable[[Packet], bool]]] = {
    "SYN": lambda packet: packet.flags & _CONTROL == SYN,
    "SYN+ACK": lambda packet: packet.flags & _CONTROL == SYN | ACK,
    "ACK": lambda packet: packet.flags & _CONTROL == ACK,
    "FIN": lambda packet: bool(packet.flags & FIN),
    "RST": lambda packet: bool(packet.flags & RST),
    "DATA": lambda packet: bool(packet.payload),
    "ANY": lambda packet: True,
}
_RULE: Final = re.compile(r"\s*(\S+)\s+(?:(\*)|([0-9]{1,9})(?:-([0-9]{1,9}))?)\s*", re.ASCII)


class LossScript:
    """Says of each packet whether the script loses it.

    Raises ValueError, one line with the text and the rule at fault.

    >>> LossScript("SYN 1, SYN+ACK 1-3")
    LossScript('SYN 1, SYN+ACK 1-3')
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._rules = [_rule(text, rule) for rule in text.split(",")]
        self._seen: dict[tuple[Flow, int], int] = {}

    def __call__(self, packet: AnyPacket) -> bool:
        """Return whether the packet is lost; it counts for every rule that speaks of its kind.

        Packets that are no TCP segments never are.
        """
        lost = False
        if not isinstance(packet, Packet):
            return lost
        for number, (is_kind, first, last) in enumerate(self._rules):
            if is_kind(packet):
                key = packet.flow, number
                self._seen[key] = count = self._seen.get(key, 0) + 1
                lost |= first <= count <= last
        return lost

    def __repr__(self) -> str:
        return f"LossScript({self.text!r})"


def _rule(text: str, rule: str) -> tuple[Callable[[Packet], bool], int, float]:
    """Return the kind of packet, and the first and last number lost."""
    match = _RULE.fullmatch(rule)
    if match is None or match[1].upper() not in _KINDS:
        raise ValueError(
            f"script {text!r}: {rule.strip()!r} is not a kind ({', '.join(_KINDS)}) and which of"
            ' them are lost, such as "SYN 1", "SYN+ACK 1-3" or "ACK *"'
        )
    kind = _KINDS[match[1].upper()]
    if match[2]:
        return kind, 1, float("inf")
    return kind, int(match[3]), int(match[4] or match[3])
