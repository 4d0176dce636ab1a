"""The names in system calls and what they stand for.

Numbers are those of Linux on x86-64; FreeBSD's where a script can tell the difference, which is in
the flags that fcntl() returns.
"""

from __future__ import annotations

import errno

_COMMON = {
    **{"AF_UNSPEC": 0, "AF_INET": 2, "AF_INET6": 10},
    **{"SOCK_STREAM": 1, "SOCK_NONBLOCK": 0o4000, "SOCK_CLOEXEC": 0o2000000},
    **{"IPPROTO_IP": 0, "IPPROTO_TCP": 6, "IPPROTO_IPV6": 41},
    **{"SOL_IP": 0, "SOL_SOCKET": 1, "SOL_TCP": 6, "SOL_IPV6": 41},
    **{"SO_REUSEADDR": 2, "SO_TYPE": 3, "SO_ERROR": 4, "SO_SNDBUF": 7, "SO_RCVBUF": 8},
    **{"SO_KEEPALIVE": 9, "SO_PRIORITY": 12, "SO_LINGER": 13, "SO_REUSEPORT": 15},
    **{"SO_RCVLOWAT": 18, "SO_RCVTIMEO": 20, "SO_SNDTIMEO": 21, "SO_ACCEPTCONN": 30},
    **{"SO_MAX_PACING_RATE": 47},
    **{"TCP_NODELAY": 1, "TCP_MAXSEG": 2, "TCP_CORK": 3, "TCP_NOPUSH": 3, "TCP_KEEPIDLE": 4},
    **{"TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6, "TCP_SYNCNT": 7, "TCP_LINGER2": 8},
    **{"TCP_DEFER_ACCEPT": 9, "TCP_WINDOW_CLAMP": 10, "TCP_INFO": 11, "TCP_QUICKACK": 12},
    **{"TCP_CONGESTION": 13, "TCP_USER_TIMEOUT": 18, "TCP_FASTOPEN": 23, "TCP_TIMESTAMP": 24},
    **{"TCP_NOTSENT_LOWAT": 25, "TCP_FASTOPEN_CONNECT": 30, "TCP_FASTOPEN_KEY": 33},
    **{"TCP_FASTOPEN_NO_COOKIE": 34, "TCP_INQ": 36},
    **{"IP_TOS": 1, "IP_TTL": 2, "IP_MTU_DISCOVER": 10, "IP_RECVERR": 11, "IP_MTU": 14},
    **{"IP_FREEBIND": 15, "IP_BIND_ADDRESS_NO_PORT": 24, "IP_LOCAL_PORT_RANGE": 51},
    **{"IPV6_MTU_DISCOVER": 23, "IPV6_MTU": 24, "IPV6_RECVERR": 25, "IPV6_TCLASS": 67},
    **{"O_RDONLY": 0, "O_WRONLY": 1, "O_RDWR": 2, "O_NONBLOCK": 0o4000},
    **{"F_GETFD": 1, "F_SETFD": 2, "F_GETFL": 3, "F_SETFL": 4, "FD_CLOEXEC": 1},
    **{"SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2},
    **{"MSG_OOB": 1, "MSG_PEEK": 2, "MSG_TRUNC": 0x20, "MSG_DONTWAIT": 0x40, "MSG_EOR": 0x80},
    **{"MSG_WAITALL": 0x100, "MSG_ERRQUEUE": 0x2000, "MSG_NOSIGNAL": 0x4000},
    **{"MSG_MORE": 0x8000, "MSG_ZEROCOPY": 0x4000000, "MSG_FASTOPEN": 0x20000000},
    **{"POLLIN": 1, "POLLPRI": 2, "POLLOUT": 4, "POLLERR": 8, "POLLHUP": 0x10},
    **{"POLLNVAL": 0x20, "POLLRDNORM": 0x40, "POLLWRNORM": 0x100, "POLLRDHUP": 0x2000},
    **{"EPOLLIN": 1, "EPOLLPRI": 2, "EPOLLOUT": 4, "EPOLLERR": 8, "EPOLLHUP": 0x10},
    **{"EPOLLRDHUP": 0x2000, "EPOLLONESHOT": 1 << 30, "EPOLLET": 1 << 31},
    **{"EPOLL_CTL_ADD": 1, "EPOLL_CTL_DEL": 2, "EPOLL_CTL_MOD": 3},
    **{"FIONREAD": 0x541B, "SIOCINQ": 0x541B, "SIOCOUTQ": 0x5411},
    **{"NULL": 0, "true": 1, "false": 0},
}

_FREEBSD = {"O_NONBLOCK": 4}

TCP_STATES = {
    **{"TCP_ESTABLISHED": 1, "TCP_SYN_SENT": 2, "TCP_SYN_RECV": 3, "TCP_FIN_WAIT1": 4},
    **{"TCP_FIN_WAIT2": 5, "TCP_TIME_WAIT": 6, "TCP_CLOSE": 7, "TCP_CLOSE_WAIT": 8},
    **{"TCP_LAST_ACK": 9, "TCP_LISTEN": 10, "TCP_CLOSING": 11},
}
"""Values of tcpi_state (include/net/tcp_states.h)."""

TCP_INFO = {
    **TCP_STATES,
    **{"TCPI_OPT_TIMESTAMPS": 1, "TCPI_OPT_SACK": 2, "TCPI_OPT_WSCALE": 4, "TCPI_OPT_ECN": 8},
    **{"TCPI_OPT_ECN_SEEN": 16, "TCPI_OPT_SYN_DATA": 32},
    **{"TCP_CA_Open": 0, "TCP_CA_Disorder": 1, "TCP_CA_CWR": 2, "TCP_CA_Recovery": 3},
    **{"TCP_CA_Loss": 4},
}
"""Names for a script's code."""


def table(system: str) -> dict[str, int]:
    """Return the symbols of an operating system ("linux", "freebsd"), errors among them."""
    symbols = _COMMON | {name: number for number, name in errno.errorcode.items()}
    symbols["EWOULDBLOCK"] = symbols["EAGAIN"]
    symbols.setdefault("ENOTSUP", symbols["EOPNOTSUPP"])
    return symbols | (_FREEBSD if system == "freebsd" else {})
