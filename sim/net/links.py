"""Which kind of link a description asks for: the plainest that does what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from sim.engine import Engine
from sim.net.impaired import ImpairedLink
from sim.net.impairments import Lose
from sim.net.link import Link
from sim.net.models import Netem
from sim.net.netem import parse
from sim.net.queued import QueuedLink
from sim.net.queues import Queue
from sim.net.script import LossScript
from sim.streams import Streams


class Kinds(NamedTuple):
    """What makes each kind of link; `sim.tapped` has others."""

    plain: Callable[..., Link] = Link
    impaired: Callable[..., Link] = ImpairedLink
    queued: Callable[..., Link] = QueuedLink


KINDS = Kinds()


@dataclass(frozen=True, slots=True)
class Options:
    """What may be asked of a link besides delay and loss, of each direction by itself.

    Raises ValueError for what netem does not take.
    """

    netem: str | Netem | None = None
    """Impairments; as text, what `tc` takes after "netem"."""
    lose: str | Callable[[str], Lose] | None = None
    """A script of losses ("SYN 1"), or what returns one for a link's name."""
    bitrate: int | None = None
    """Bits per second; packets that find the link busy wait in a queue."""
    queue: Callable[[str], Queue] | None = None
    """Returns the queue for a link's name; without it, one without limit."""
    mtu: int | None = None
    """Bytes of the largest packet that the link takes."""

    def made(self, name: str) -> dict[str, Any]:
        """Return the options of `make_link` for the link of that name; nothing for a plain one."""
        netem, lose, queue = self.netem, self.lose, self.queue
        made = {
            "netem": parse(netem) if isinstance(netem, str) else netem,
            "lose": LossScript(lose) if isinstance(lose, str) else lose and lose(name),
            "bitrate": self.bitrate,
            "queue": queue and queue(name),
        }
        return {option: value for option, value in made.items() if value is not None}


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
    corrupted: Callable[[], None] = lambda: None,
    kinds: Kinds = KINDS,
) -> Link:
    """Return one direction of a link; without `netem`, `lose` and `bitrate` a plain `Link`.

    `corrupted` hears of each packet whose checksum fails at the far end.  A link with a bit rate
    and impairments is two: what the impairments let through travels for `delay` and then queues.
    Raises ValueError for a queue without a bit rate to fill it, and as
    the links do.
    """
    if queue is not None and bitrate is None:
        raise ValueError(f"link {name}: a queue without a bit rate never fills")
    impaired = netem is not None or lose is not None
    if bitrate is not None:
        if not impaired:
            return kinds.queued(engine, streams, name, receive, delay, bitrate, loss, queue)
        first = f"{name} queue"
        receive = kinds.queued(engine, streams, first, receive, 0, bitrate, queue=queue).send
    if impaired:
        made: Link = kinds.impaired(
            *(engine, streams, name, receive, delay, loss),
            netem=netem,
            lose=lose,
            corrupted=corrupted,
        )
        return made
    return kinds.plain(engine, streams, name, receive, delay, loss)
