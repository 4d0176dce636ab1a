"""Errors: the exceptions of calls, and what an ICMP message means to a connection.

RFC 9293 section 3.9.2.2 tells hard errors from soft ones, which must not abort a connection; Linux
aborts a connect() on nearly all of them (kernel measurement E4; RFC 5461 says why), FreeBSD on
some.  Which ones is data in a profile: `Profile.connect_errors` is one of the functions below.
"""

from __future__ import annotations

import errno
import os
from typing import Final


def os_error(number: int) -> OSError:
    """Return the exception that a host's call would raise: ConnectionRefusedError and so on."""
    return OSError(number, os.strerror(number))


UNREACHABLE: Final = 3
QUENCH: Final = 4
REDIRECT: Final = 5
TIME_EXCEEDED: Final = 11
PARAMETER_PROBLEM: Final = 12
"""ICMP types (RFC 792)."""
FRAGMENTATION_NEEDED: Final = 4
"""Code of UNREACHABLE (RFC 1191)."""

UNREACHABLE_ERRNO: Final = {
    0: errno.ENETUNREACH,
    1: errno.EHOSTUNREACH,
    2: errno.ENOPROTOOPT,
    3: errno.ECONNREFUSED,
    5: errno.EOPNOTSUPP,
    6: errno.ENETUNREACH,
    7: errno.EHOSTDOWN,
    8: errno.ENONET,
    9: errno.ENETUNREACH,
    10: errno.EHOSTUNREACH,
    11: errno.ENETUNREACH,
    12: errno.EHOSTUNREACH,
    13: errno.EHOSTUNREACH,
    14: errno.EHOSTUNREACH,
    15: errno.EHOSTUNREACH,
}
"""By the code of a destination unreachable (icmp_err_convert of the kernel; E4)."""

HARD: Final = frozenset({(UNREACHABLE, 2), (UNREACHABLE, 3)})
"""Types and codes that RFC 9293 calls hard, besides 3/4 without path MTU discovery."""

UNREACHABLE_V6: Final = 1
TOO_BIG_V6: Final = 2
TIME_EXCEEDED_V6: Final = 3
PARAMETER_PROBLEM_V6: Final = 4
"""ICMPv6 types (RFC 4443)."""

UNREACHABLE_V6_ERRNO: Final = {
    0: errno.ENETUNREACH,
    1: errno.EACCES,
    2: errno.EHOSTUNREACH,
    3: errno.EHOSTUNREACH,
    4: errno.ECONNREFUSED,
    5: errno.EACCES,
    6: errno.EACCES,
}
"""By the code of a destination unreachable (tab_unreach of the kernel)."""

HARD_V6: Final = frozenset(
    {(UNREACHABLE_V6, 1), (UNREACHABLE_V6, 4)} | {(PARAMETER_PROBLEM_V6, n) for n in range(3)}
)
"""What RFC 5461 section 2 takes for hard."""


def icmp_errno(kind: int, code: int, *, six: bool = False) -> int:
    """Return the errno that an ICMP error means, 0 if it is no error of the connection.

    `six`: it is one of ICMPv6.

    >>> errno.errorcode[icmp_errno(3, 1)], icmp_errno(11, 1)
    ('EHOSTUNREACH', 0)
    """
    unreachable, exceeded, problem = UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM
    codes = UNREACHABLE_ERRNO
    if six:
        unreachable, exceeded, problem = UNREACHABLE_V6, TIME_EXCEEDED_V6, PARAMETER_PROBLEM_V6
        codes = UNREACHABLE_V6_ERRNO
    if kind == unreachable:
        return codes.get(code, 0)
    if kind == exceeded and code == 0:
        return errno.EHOSTUNREACH
    return errno.EPROTO if kind == problem else 0


def hard_errno(kind: int, code: int, *, six: bool = False) -> int:
    """Return the errno of an ICMP error that RFC 9293 calls hard, else 0."""
    return icmp_errno(kind, code, six=six) if (kind, code) in (HARD_V6 if six else HARD) else 0


_BSD = {
    **dict.fromkeys(((3, 2), (3, 3), (3, 9), (3, 10), (3, 13)), errno.ECONNREFUSED),
    (TIME_EXCEEDED, 0): errno.EHOSTUNREACH,
}
_BSD_V6 = {
    **dict.fromkeys(((1, 1), (1, 4), (PARAMETER_PROBLEM_V6, 1)), errno.ECONNREFUSED),
    (TIME_EXCEEDED_V6, 0): errno.EHOSTUNREACH,
}


def bsd_errno(kind: int, code: int, *, six: bool = False) -> int:
    """Return the errno with which FreeBSD drops a connection in SYN-SENT, else 0.

    Protocol and port unreachable, prohibited, and time exceeded (tcp_ctlinput, inetctlerrmap).
    """
    return (_BSD_V6 if six else _BSD).get((kind, code), 0)


def no_errno(_kind: int, _code: int, *, six: bool = False) -> int:
    """Return 0: no ICMP error ends a connect() (FreeBSD's net.inet.tcp.icmp_may_rst=0)."""
    return 0
