"""Hypothesis strategies for packets, and what of a packet the wire can carry."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sim.packet import ACK, SYN, Flow, Packet, SynOptions
from sim.tcp import header

words = st.integers(0, 0xFFFF_FFFF)
halves = st.integers(0, 0xFFFF)
octets = st.integers(0, 0xFF)
v4 = st.ip_addresses(v=4).map(str)
v6 = st.ip_addresses(v=6).map(str)
SIZES = {header.NOP: 1, header.MSS: 4, header.WSCALE: 3, header.SACK_PERMITTED: 2}
SIZES |= {header.TIMESTAMPS: 10}
"""Bytes of an option; Fast Open's depend on the cookie."""


def flows(addresses: st.SearchStrategy[str]) -> st.SearchStrategy[Flow]:
    return st.builds(Flow, addresses, halves, addresses, halves)


@st.composite
def syn_options(draw: st.DrawFn, timestamps: bool) -> SynOptions:
    """Options of a SYN in any order, NOPs among them, ended where they do not fill a word."""
    mss = draw(st.just(-1) | halves)
    wscale = draw(st.just(-1) | st.integers(0, 14))
    sack_permitted = draw(st.booleans())
    fastopen = draw(st.none() | st.binary(max_size=12))
    kinds = [header.MSS] * (mss >= 0) + [header.WSCALE] * (wscale >= 0)
    kinds += [header.SACK_PERMITTED] * sack_permitted + [header.TIMESTAMPS] * timestamps
    if fastopen is not None:
        kinds.append(draw(st.sampled_from((header.FASTOPEN, header.EXPERIMENT))))
    kinds = draw(st.permutations(kinds + [header.NOP] * draw(st.integers(0, 3))))
    cookie = len(fastopen or b"")
    sizes = SIZES | {header.FASTOPEN: 2 + cookie, header.EXPERIMENT: 4 + cookie}
    if sum(sizes[kind] for kind in kinds) % 4:
        kinds.append(header.END)
    return SynOptions(mss, wscale, sack_permitted, fastopen, tuple(kinds))


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    """Any packet that a host could send, of either IP version."""
    flow = draw(flows(draw(st.sampled_from((v4, v6)))))
    flags = draw(octets)
    ts_val, ts_ecr = draw(st.just((-1, 0)) | st.tuples(words, words))
    blocks = st.lists(st.tuples(words, words), max_size=3)
    return Packet(
        flow,
        flags,
        draw(words),
        draw(words) if flags & ACK else 0,
        draw(halves),
        options=draw(syn_options(timestamps=ts_val >= 0)) if flags & SYN else None,
        ts_val=ts_val,
        ts_ecr=ts_ecr,
        payload=draw(st.binary(max_size=40)),
        sack=() if flags & SYN else tuple(draw(blocks)),
        ttl=draw(octets),
        ident=0 if ":" in flow.src else draw(halves),
        tos=draw(octets),
    )


ON_THE_WIRE = (
    "flow",
    "flags",
    "seq",
    "ack",
    "window",
    "options",
    "ts_val",
    "ts_ecr",
    "payload",
    "sack",
    "ttl",
    "ident",
    "tos",
)


def fields(packet: Packet) -> dict[str, Any]:
    """Return what of a packet stands on the wire."""
    return {name: getattr(packet, name) for name in ON_THE_WIRE}
