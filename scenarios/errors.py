"""What a user can put right: errors told in one line, without a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Something the user can put right; the message is one line that names what and where."""


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Tell the user of an OSError, naming the file that it names, or else `file`."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{error.filename or file}: {error.strerror or error}") from error


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown word: the nearest known one, else all.

    >>> nearest("los", ["delay", "loss"])
    "did you mean 'loss'?"
    >>> nearest("x", ["delay", "loss"])
    'known: delay, loss'
    """
    names = list(known)
    near = difflib.get_close_matches(word, names, 1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
