"""Background traffic that fills the queue of a link: Poisson, or in bursts with pauses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from simpy.events import ProcessGenerator

from sim.engine import Engine
from sim.net.wire import Filler
from sim.units import S


def poisson(
    engine: Engine,
    send: Callable[[Filler], None],
    generator: np.random.Generator,
    bitrate: float,
    size: int = 1500,
    until: int | None = None,
) -> ProcessGenerator:
    """Send packets of `size` bytes at random times, `bitrate` bit/s on average, until a time (ns).

    A process: its packets go to `send`, a link's.
    """
    mean_gap = size * 8 * S / bitrate
    while until is None or engine.now < until:
        yield engine.timeout(round(generator.exponential(mean_gap)))
        send(Filler(size))


def on_off(
    engine: Engine,
    send: Callable[[Filler], None],
    generator: np.random.Generator,
    bitrate: float,
    on: int,
    off: int,
    size: int = 1500,
    until: int | None = None,
) -> ProcessGenerator:
    """Send packets evenly at `bitrate` bit/s in bursts, with pauses, until a time (ns).

    Bursts last `on` ns and pauses `off` ns, both exponentially distributed with that mean.
    """
    gap = round(size * 8 * S / bitrate)
    while until is None or engine.now < until:
        yield engine.timeout(round(generator.exponential(off)))
        end = engine.now + round(generator.exponential(on))
        while engine.now < end and (until is None or engine.now < until):
            send(Filler(size))
            yield engine.timeout(gap)
