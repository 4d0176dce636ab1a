"""What a host keeps about one remote address, shared by all connections to it.

As the kernel's destination cache does: the local address that leads there, the keyed hash for
sequence numbers and ports, and what a SYN or a SYN-ACK offers, worked out once.
"""

from __future__ import annotations

from sim.packet import SynOptions
from sim.tcp.profile import Profile
from sim.tcp.seq import MASK

TIMESTAMPS_LENGTH = 12
"""Bytes that the timestamps option takes of every segment, padding included (RFC 7323 A)."""


class Peer:
    """One remote address."""

    __slots__ = ("_answers", "first_window", "key", "mss", "profile", "src", "syn", "ts_offset")

    def __init__(self, profile: Profile, src: str, key: int, mss: int) -> None:
        self.profile = profile
        self.src = src
        """Local address of the packets that go there."""
        self.key = key
        """Keyed hash of both addresses."""
        self.ts_offset = key & MASK
        """Added to the clock in every timestamp that goes there."""
        self.mss = mss
        """Largest segment that the way there takes, bytes."""
        self.syn = profile.syn_options(mss)
        """What a SYN offers."""
        self.first_window = profile.first_window(mss)
        """The window that a SYN offers, bytes."""
        self._answers: dict[int, tuple[SynOptions, int]] = {}

    def answer(self, wscale: bool, sack: bool, timestamps: bool) -> tuple[SynOptions, int]:
        """Return the options and the window (bytes) of a SYN-ACK: what both sides can do.

        `wscale` and `sack`: whether the SYN offered them; `timestamps`: whether it carried them
        and this host uses them.
        """
        key = wscale | sack << 1 | timestamps << 2
        answer = self._answers.get(key)
        if answer is None:
            syn = self.syn
            options = SynOptions(
                self.mss, syn.wscale if wscale else -1, sack and syn.sack_permitted
            )
            options = options._replace(layout=self.profile.layout(options, timestamps))
            segment = self.mss - (TIMESTAMPS_LENGTH if timestamps else 0)
            answer = self._answers[key] = options, self.profile.first_window(segment)
        return answer
