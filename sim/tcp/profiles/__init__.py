"""The operating systems that a host can run, each a `Profile`.

Constants: kernel measurements E1, E2 and E8 (Linux), kernel sources and public measurements (the
others; each module names its own).  All but `rfc9293` break MUST-23 of RFC 9293: they give a SYN
up before three minutes have passed.  Any two of them interoperate.
"""

from __future__ import annotations

from sim.tcp.profiles.bsd import FREEBSD, MACOS
from sim.tcp.profiles.linux import LINUX, LINUX_4_19
from sim.tcp.profiles.rfc9293 import RFC9293
from sim.tcp.profiles.windows import WINDOWS, WINDOWS_7

PROFILES = {
    profile.name: profile
    for profile in (LINUX, LINUX_4_19, WINDOWS, WINDOWS_7, MACOS, FREEBSD, RFC9293)
}
