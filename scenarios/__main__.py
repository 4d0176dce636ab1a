"""The command `connectsim`, also `python -m scenarios`."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""Exit status after Ctrl-C."""


def main() -> int:
    """Run the command line; Ctrl-C ends it in one line while it is loaded, too."""
    try:
        from scenarios import cli  # noqa: PLC0415 (takes most of the time until it can run)

        return cli.main()
    except KeyboardInterrupt:
        print("connectsim: interrupted", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
