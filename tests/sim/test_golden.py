"""Golden traces: whole conversations, held against files that were checked by hand.

`python -m tests.sim.test_golden` writes the files anew; read the difference before you keep it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.units import S
from tests.sim.conversation import LOST, Conversation, Script

GOLDEN = Path(__file__).parent / "golden"
TRACES: dict[str, Script] = {
    "no_loss": {},
    "syn_lost_once": {"SYN 1": LOST},
    "syn_lost_for_ever": {"SYN *": LOST},
    "syn_ack_lost_once": {"SYN+ACK 1": LOST},
    "syn_ack_lost_for_ever": {"SYN+ACK *": LOST},
    "ack_lost_once": {"ACK 1": LOST},
    "ack_lost_for_ever": {"ACK *": LOST},
}


def trace(script: Script) -> str:
    """The client connects at 0.5 s, and nobody sends data or closes."""
    conversation = Conversation(script)
    conversation.connect(at=S // 2)
    conversation.run()
    return conversation.trace()


@pytest.mark.parametrize("name", TRACES)
def test_trace(name: str) -> None:
    assert trace(TRACES[name]) == (GOLDEN / f"{name}.txt").read_text()


def test_every_file_is_a_trace() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == set(TRACES)


if __name__ == "__main__":
    for name, script in TRACES.items():
        (GOLDEN / f"{name}.txt").write_text(trace(script))
