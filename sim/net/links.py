"""Which kind of link a description asks for: the plainest that does what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from sim.engine import Engine
from sim.net.impaired import ImpairedLink
from sim.net.impairments import Lose
from sim.net.link import Link
from sim.net.models import Netem
from sim.net.queued import QueuedLink
from sim.net.queues import Queue
from sim.streams import Streams


class Kinds(NamedTuple):
    """What makes each kind of link; `sim.tapped` has others."""

    plain: Callable[..., Link] = Link
    impaired: Callable[..., Link] = ImpairedLink
    queued: Callable[..., Link] = QueuedLink


KINDS = Kinds()


def make_link(
    engine: Engine,
    streams: Streams,
    name: str,
    receive: Callable[[Any], None],
    delay: int,
    loss: float = 0.0,
    *,
    netem: Netem | None = None,
    lose: Lose | None = None,
    bitrate: int | None = None,
    queue: Queue | None = None,
    kinds: Kinds = KINDS,
) -> Link:
    """Return one direction of a link; without `netem`, `lose` and `bitrate` a plain `Link`.

    A link with a bit rate and impairments is two: what the impairments let through travels for
    `delay` and then queues.  Raises ValueError for a queue without a bit rate to fill it, and as
    the links do.
    """
    if queue is not None and bitrate is None:
        raise ValueError(f"link {name}: a queue without a bit rate never fills")
    impaired = netem is not None or lose is not None
    if bitrate is not None:
        if not impaired:
            return kinds.queued(
                engine, streams, name, receive, delay, loss, bitrate=bitrate, queue=queue
            )
        receive = kinds.queued(
            engine, streams, f"{name} queue", receive, 0, bitrate=bitrate, queue=queue
        ).send
    if impaired:
        return kinds.impaired(engine, streams, name, receive, delay, loss, netem=netem, lose=lose)
    return kinds.plain(engine, streams, name, receive, delay, loss)
