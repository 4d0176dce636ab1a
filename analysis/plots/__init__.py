"""Plots: each kind is a function that takes frames and returns a matplotlib Figure."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from analysis import frames
from analysis.frames import Frames
from analysis.plots import latency, over_time, queues, retransmissions, style, timeline

KINDS: Final[dict[str, Callable[[Frames], Figure]]] = {
    "ecdf": latency.ecdf,
    "ccdf": latency.ccdf,
    "timeline": timeline.timeline,
    "over_time": over_time.over_time,
    "retransmissions": retransmissions.retransmissions,
}

OF_SAMPLES: Final[dict[str, Callable[[Frames], Figure]]] = {"queues": queues.queues}
"""Kinds that draw a run that sampled its queues."""

OF_SWEEPS: Final = ("ecdf", "ccdf")
"""Kinds that draw a sweep, too, a curve per point."""


def write(path: str | Path, kind: str | None = None, out: str | Path | None = None) -> list[Path]:
    """Draw the run or sweep in folder `path` and return the files; see `analysis.plot`."""
    if kind is None and out is not None:
        raise ValueError(f"a kind of plot is needed to write {out}: one of {', '.join(KINDS)}")
    every = KINDS | OF_SAMPLES
    if kind is not None and kind not in every:
        near = difflib.get_close_matches(kind, every, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(every)}"
        raise ValueError(f"unknown kind of plot {kind!r}: {hint}")
    if out is not None:
        style.check_ending(Path(out))
    loaded = frames.load(path)
    known = kinds(loaded)
    if kind is not None and kind not in known:
        raise ValueError(f"{path}: no plot {kind!r} of it: one of {', '.join(known)}")
    if out is None:
        folder = Path(path) / (frames.SWEEP if loaded.is_sweep else "") / "plots"
        folder.mkdir(exist_ok=True)
        files = {name: folder / f"{name}.png" for name in ([kind] if kind else known)}
    else:
        files = {str(kind): Path(out)}
    for name, file in files.items():
        style.save(known[name](loaded), file)
    return list(files.values())


def kinds(loaded: Frames) -> dict[str, Callable[[Frames], Figure]]:
    """Return the kinds of plots that there are of these frames."""
    if not loaded.is_sweep:
        return KINDS | OF_SAMPLES if loaded.has("queues") else KINDS
    return {name: KINDS[name] for name in OF_SWEEPS}
