"""Named random streams: each is derived from (seed, name) and from nothing else.

Adding a host or a link never shifts another's draws, and changing one parameter keeps the others'
draws (common random numbers).
"""

from __future__ import annotations

import hashlib

import numpy as np


class Streams:
    """The random streams of one simulation.

    Raises ValueError if the seed is negative.
    """

    def __init__(self, seed: int) -> None:
        if seed < 0:
            raise ValueError(f"seed must not be negative: {seed}")
        self.seed = seed

    def generator(self, name: str) -> np.random.Generator:
        """Return a fresh generator of the stream `name`, at its beginning."""
        digest = hashlib.blake2b(name.encode(), digest_size=16).digest()
        key = (int.from_bytes(digest, "little"),)
        return np.random.Generator(
            np.random.PCG64(np.random.SeedSequence(self.seed, spawn_key=key))
        )

    def integer(self, name: str, bits: int = 64) -> int:
        """Return an integer of that many random bits that belongs to `name`: a secret, a phase."""
        text = f"{self.seed}:{name}".encode()
        digest = hashlib.blake2b(text, digest_size=(bits + 7) // 8).digest()
        return int.from_bytes(digest, "little") & ((1 << bits) - 1)
