"""Captures as pcapng files, which Wireshark, tshark and tcpdump read.

Implements the section header, interface description and enhanced packet blocks of
draft-ietf-opsawg-pcapng: one section, one interface of raw IP packets, nanoseconds.  Left out:
several interfaces in one file, name resolution and statistics.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

_SECTION = 0x0A0D0D0A
_INTERFACE = 1
_PACKET = 6

_BYTE_ORDER = 0x1A2B3C4D
_LENGTH_UNKNOWN = -1
_RAW_IP = 101
"""LINKTYPE_RAW: a packet begins with its IPv4 or IPv6 header."""

_COMMENT = 1
_IF_NAME = 2
_USER_APPLICATION = 4
_IF_OS = 12
_IF_TIME_RESOLUTION = 9
_PACKET_FLAGS = 2
"""Option codes; what they mean depends on the block."""

INBOUND, OUTBOUND = 1, 2
"""Directions in a packet's flags."""


class Writer:
    """Writes one capture: the packets that one interface of one host saw.

    `file` is open for binary writing and stays the caller's; `comment` is the section's.
    """

    def __init__(self, file: BinaryIO, host: str, system: str = "", comment: str = "") -> None:
        self._file = file
        section = struct.pack("<IHHq", _BYTE_ORDER, 1, 0, _LENGTH_UNKNOWN)
        self._write(
            _SECTION, section, {_COMMENT: comment.encode(), _USER_APPLICATION: b"connectsim"}
        )
        interface = struct.pack("<HHI", _RAW_IP, 0, 0)
        names = {_IF_NAME: host.encode(), _IF_OS: system.encode(), _IF_TIME_RESOLUTION: b"\x09"}
        self._write(_INTERFACE, interface, names)

    def packet(self, time: int, data: bytes, direction: int, comment: str = "") -> None:
        """Add a packet seen at `time` (ns): its bytes, and INBOUND or OUTBOUND."""
        fixed = struct.pack("<5I", 0, time >> 32, time & 0xFFFF_FFFF, len(data), len(data))
        options = {_PACKET_FLAGS: struct.pack("<I", direction), _COMMENT: comment.encode()}
        self._write(_PACKET, fixed + _padded(data), options)

    def _write(self, kind: int, body: bytes, options: dict[int, bytes]) -> None:
        """Write a block; an empty option is left out."""
        for code, value in options.items():
            if value:
                body += struct.pack("<HH", code, len(value)) + _padded(value)
        body += bytes(4)  # end of options
        length = struct.pack("<I", 12 + len(body))
        self._file.write(struct.pack("<I", kind) + length + body + length)


def _padded(data: bytes) -> bytes:
    """Return data filled up to a multiple of four bytes."""
    return data + bytes(-len(data) % 4)
