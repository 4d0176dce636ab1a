"""Parts of a script that count on one operating system only: `#ifdef FreeBSD` to `#endif`.

FreeBSD's suite says so what differs from the standards.  Defined is the name of the system that the
script speaks to, "FreeBSD" or "Linux"; lines that do not count are blanked, so that the others keep
their numbers.
"""

from __future__ import annotations

import re

from sim.packetdrill.script import ScriptError

_BSD = re.compile(r"`[^`]*\b(?:net\.inet6?\.|kern\.|sockstat|tcpdrop)")
_DIRECTIVE = re.compile(r"#\s*(ifdef|ifndef|else|endif)\b\s*(.*?)\s*$")


def chosen(text: str, path: str) -> str:
    r"""Return a script's text without the parts for other systems; `path` is for messages.

    >>> chosen("#ifdef FreeBSD\n0 `a`\n#else\n0 `b`\n#endif", "a.pkt")
    '\n\n\n0 `b`\n'
    """
    if "#" not in text:
        return text
    system = "FreeBSD" if _BSD.search(text) else "Linux"
    open_: list[tuple[int, bool]] = []
    kept = []
    for number, line in enumerate(text.split("\n"), 1):
        directive = _DIRECTIVE.match(line)
        match directive.groups() if directive else None:
            case ("ifdef", name) if name:
                open_.append((number, name == system))
            case ("ifndef", name) if name:
                open_.append((number, name != system))
            case ("else", "") if open_:
                start, counts = open_.pop()
                open_.append((start, not counts))
            case ("endif", "") if open_:
                open_.pop()
            case None:
                kept.append(line if all(counts for _, counts in open_) else "")
                continue
            case _:
                raise ScriptError(path, number, f"'{line.strip()}' is not understood here")
        kept.append("")
    if open_:
        raise ScriptError(path, open_[-1][0], "condition without #endif")
    return "\n".join(kept)
