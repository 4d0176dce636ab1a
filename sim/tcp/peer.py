"""What a host keeps about one remote address, shared by all connections to it.

As the kernel's destination cache does: the local address that leads there, the keyed hash for
sequence numbers and ports, and what a SYN or a SYN-ACK offers, worked out once.
"""

from __future__ import annotations

from typing import Final

from sim.packet import NO_SYN_OPTIONS, SynOptions
from sim.tcp.header import EXPERIMENT, NOP, TIMESTAMPS
from sim.tcp.profile import Profile
from sim.tcp.seq import MASK
from sim.tcp.settings import Settings

TICK: Final = 1_000_000
"""The timestamp clock ticks every millisecond, ns (RFC 7323 section 5.4)."""
TIMESTAMPS_LENGTH: Final = 12
"""Bytes that the timestamps option takes of every segment, padding included (RFC 7323 A)."""


class Offers:
    """What a host offers where the way takes segments of `mss` bytes: the same to many peers."""

    __slots__ = ("_answers", "first_window", "mss", "profile", "syn")

    def __init__(self, profile: Profile, mss: int) -> None:
        self.profile = profile
        self.mss = mss
        """Largest segment that the way takes, bytes."""
        self.syn = profile.syn_options(mss)
        """What a SYN offers."""
        self.first_window = profile.first_window(mss)
        """The window that a SYN offers, bytes."""
        self._answers: dict[int, tuple[SynOptions, int]] = {}

    def answer(
        self, wscale: bool, sack: bool, timestamps: bool, maxseg: int = 0, rcvbuf: int = 0
    ) -> tuple[SynOptions, int]:
        """Return the options and the window (bytes) of a SYN-ACK: what both sides can do.

        `wscale` and `sack`: whether the SYN offered them; `timestamps`: whether it carried them
        and this host uses them; `maxseg` and `rcvbuf`: the listener's TCP_MAXSEG and SO_RCVBUF,
        bytes, 0 if not set.
        """
        key = wscale | sack << 1 | timestamps << 2 | maxseg << 3 | rcvbuf << 19
        answer = self._answers.get(key)
        if answer is None:
            profile = self.profile
            mss = min(maxseg or self.mss, self.mss)
            syn = profile.syn_options(mss, rcvbuf)
            options = SynOptions(mss, syn.wscale if wscale else -1, sack and syn.sack_permitted)
            options = options._replace(layout=profile.layout(options, timestamps))
            segment = mss - (TIMESTAMPS_LENGTH if timestamps else 0)
            answer = self._answers[key] = options, profile.first_window(segment, rcvbuf)
        return answer


class Peer:
    """One remote address."""

    __slots__ = (
        "cookie",
        "experimental",
        "fastopen_mss",
        "key",
        "offers",
        "proven",
        "src",
        "tried_experimental",
        "ts_offset",
    )

    def __init__(self, offers: Offers, src: str, key: int) -> None:
        self.offers = offers
        """What it is offered."""
        self.src = src
        """Local address of the packets that go there."""
        self.key = key
        """Keyed hash of both addresses."""
        self.ts_offset = key & MASK
        """Added to the clock in every timestamp that goes there."""
        self.cookie = b""
        """The peer's Fast Open cookie, or b"" while there is none (RFC 7413)."""
        self.fastopen_mss = 0
        """The MSS that came with the cookie, bytes; 0: none did (RFC 7413 section 4.1.3)."""
        self.experimental = False
        """Whether Fast Open goes to it as experiment 254 (RFC 7413 appendix A), not option 34."""
        self.tried_experimental = False
        """Whether that was tried because option 34 got no answer."""
        self.proven = False
        """Whether a connection to it has lived and ended well (tcp_peer_is_proven)."""

    @property
    def mss(self) -> int:
        """Largest segment that the way there takes, bytes."""
        return self.offers.mss

    def shrink(self, mss: int) -> None:
        """Take note that the way there takes segments of at most `mss` bytes."""
        self.offers = Offers(self.offers.profile, mss)

    def forget(self) -> None:
        """Forget what earlier connections have taught about it (`ip tcp_metrics flush`)."""
        self.cookie = b""
        self.fastopen_mss = 0
        self.experimental = self.tried_experimental = self.proven = False

    def timestamp(self, now: int) -> int:
        """Return the TSval of a segment that goes there at `now`."""
        return (now // TICK + self.ts_offset) & MASK

    def offer(self, settings: Settings) -> tuple[SynOptions, int]:
        """Return the options and the window (bytes) of a SYN of a socket with such settings."""
        profile = self.offers.profile
        mss = min(settings.maxseg or self.mss, self.mss)
        options = profile.syn_options(mss, settings.rcvbuf)
        if settings.no_options:
            options = NO_SYN_OPTIONS
        return options, profile.first_window(mss, settings.rcvbuf)

    def agreed(self, options: SynOptions, wscale: bool, sack: bool, timestamps: bool) -> SynOptions:
        """Return what is left of the options that a SYN offered if the peer's offers no more."""
        options = options._replace(
            wscale=options.wscale if wscale else -1, sack_permitted=sack, fastopen=None
        )
        return self._laid_out(options, timestamps)

    def plain(self, options: SynOptions) -> SynOptions:
        """Return what is left of the options for peers that answer none but the MSS."""
        return self._laid_out(SynOptions(options.mss), timestamps=False)

    def with_fast_open(self, options: SynOptions, cookie: bytes) -> SynOptions:
        """Return the options with a Fast Open cookie, or a request for one: b""."""
        return self._laid_out(options._replace(fastopen=cookie), TIMESTAMPS in options.layout)

    def with_experimental_fast_open(self, options: SynOptions, cookie: bytes) -> SynOptions:
        """Return the options with a Fast Open cookie as experiment 254 (RFC 7413 appendix A)."""
        layout = self.without_fast_open(options).layout
        padding = (NOP,) * (-(4 + len(cookie)) % 4)
        return options._replace(fastopen=cookie, layout=(*layout, EXPERIMENT, *padding))

    def without_fast_open(self, options: SynOptions) -> SynOptions:
        """Return the options without Fast Open."""
        return self._laid_out(options._replace(fastopen=None), TIMESTAMPS in options.layout)

    def _laid_out(self, options: SynOptions, timestamps: bool) -> SynOptions:
        return options._replace(layout=self.offers.profile.layout(options, timestamps))
