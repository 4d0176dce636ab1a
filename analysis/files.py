"""Writes files so that each is either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def beside(file: Path) -> Iterator[Path]:
    """Give a path beside `file` to write to, which takes the place of `file` in the end.

    Nothing is left of it if the writing fails.  Raises OSError, whose filename is `file`.
    """
    partial = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        yield partial
        partial.replace(file)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(file)) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
