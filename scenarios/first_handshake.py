"""What does one connection do, step by step, and what does each side know of it?

Two hosts, one link without loss, one connection: socket(), bind(), listen(), accept(); socket(),
connect(), three segments, a request and its answer, close().  Every step is told with the header
that travelled and with what both sockets knew before and after; a table of both systems, with a
star at what differs, ends the story.  `connectsim ladder DIR` draws it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scenarios.parameters import duration, operating_system
from sim import Simulation

if TYPE_CHECKING:
    from simpy.events import Event

    from analysis.frames import Frames
    from analysis.story import Change, Step
    from analysis.systems import Difference

PORT = 80
REQUEST, ANSWER = b"Who is there?", b"A server."
ARROW, NOTHING = " -> ", "-"
"""What stands between what a socket knew and what it knows, and for what it does not know."""

WIDTHS = (14, 46, 0)
"""Of the columns of such a table, at least."""

TRACED = True
"""The story is told from the trace."""


@dataclass(frozen=True)
class Parameters:
    """The two hosts and the link between them."""

    delay: int = duration("20 ms", "one-way delay of the link")
    client_os: str = operating_system("linux", "operating system of the client")
    server_os: str = operating_system("linux", "operating system of the server")
    pause: int = duration("10 ms", "how long the client has its socket before it connects")
    hold: int = duration("1 s", "how long the client waits after the answer before it closes")


def build(sim: Simulation, p: Parameters) -> None:
    """Build the hosts, the server that waits and the client that calls it."""
    client = sim.add_host("client", os=p.client_os)
    server = sim.add_host("server", os=p.server_os)
    sim.add_link("client", "server", delay=p.delay)

    def serve() -> Generator[Event, Any, None]:
        listening = server.socket()
        listening.bind(("", PORT))
        listening.listen(5)
        connection, _ = yield listening.accept()
        yield connection.recv()
        yield connection.send(ANSWER)
        yield connection.recv()
        connection.close()

    def call() -> Generator[Event, Any, None]:
        socket = client.socket()
        yield sim.env.timeout(p.pause)
        yield socket.connect((server.address, PORT))
        yield socket.send(REQUEST)
        yield socket.recv()
        yield sim.env.timeout(p.hold)
        socket.close()

    sim.process(serve())
    sim.process(call())


def report(frames: Frames, _: Parameters) -> str:
    """Tell the story, and what differs between the two systems."""
    from analysis import story, systems  # noqa: PLC0415

    assert frames.path is not None
    steps = story.load(frames.path)
    lines = [line for number, step in enumerate(steps, 1) for line in tell(number, step)]
    return "\n".join([*lines, *both(systems.compare(frames.path))])


def tell(number: int, step: Step) -> Iterator[str]:
    """Yield one step as text: what happened, what travelled, what both sockets know."""
    from sim import anatomy  # noqa: PLC0415

    yield f"{number}. {step.time_s:.6f} s  {step.host}: {'; '.join(step.titles)}"
    for row in step.sent:
        yield f"  sends [{row['flags']}] to {row['dst']}:{row['dport']}, {row['options']}"
        yield from anatomy.lines(row["datagram"])
    yield from knowledge(step)
    yield ""


def knowledge(step: Step) -> Iterator[str]:
    """Yield what both sockets know, before and after a step where that differs, as a table."""
    table = [("", *step.sockets)]
    for changes in zip(*step.sockets.values(), strict=True):
        if any(change.before or change.after for change in changes):
            table.append((changes[0].name, *map(_before_and_after, changes)))
    columns = zip(*table, strict=True)
    widths = [max(least, *map(len, column)) for least, column in zip(WIDTHS, columns, strict=False)]
    for row in table:
        mark = "*" if any(ARROW in cell for cell in row) else " "
        yield f"  {mark} {'  '.join(map(str.ljust, row, widths))}".rstrip()


def _before_and_after(change: Change) -> str:
    before, after = change.before or NOTHING, change.after or NOTHING
    return after if before == after else f"{before}{ARROW}{after}"


def both(properties: Sequence[Difference]) -> Iterator[str]:
    """Yield the table of both systems, what differs marked."""
    rows = [("", "client", "server"), *properties] if properties else []
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        mark = "*" if row[0] and row[1] != row[2] else " "
        yield f"{mark} {'  '.join(map(str.ljust, row, widths))}".rstrip()


if __name__ == "__main__":
    from scenarios.script import main

    main()
