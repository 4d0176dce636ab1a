"""Quantities with units, parsed once at the edge: "20 ms", "1 Gbit/s", "0.5 %"."""

from __future__ import annotations

NS = 1
US = 1_000
MS = 1_000_000
S = 1_000_000_000
"""Nanoseconds in a nanosecond, microsecond, millisecond and second: `20 * MS`."""
