"""What can be wrong with a results folder."""

from __future__ import annotations


class ResultsError(Exception):
    """A results folder or one of its tables is missing, unreadable or not what it should be.

    The message is one line that names the file and what is wrong with it.
    """
