"""Addresses of sockets, moved to where nothing of the host is: the loopback, and ports that any user may listen on.

What is no address is left as it was written, for QEMU to refuse.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

#: Where everything is that had another address.
LOOPBACK = "127.0.0.1"

#: Only root listens below (Linux, ``ip_unprivileged_port_start``).
_FIRST_FREE_PORT = 1024

#: What is added to a port that only root may have, so that two of them stay two.
_AWAY = 20_000

#: ``HOST:PORT`` with what stands behind the port (``,to=9``, ``-:22``).
_HOST_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:,]*):(?P<port>\d{1,5})(?P<rest>\D.*|)", re.DOTALL)

#: The longest path of a unix socket, in bytes (Linux, ``unix(7)``; QEMU, ``util/qemu-sockets.c``).
_LONGEST_PATH = 107

_UDP = re.compile(r"(?P<to>[^@]*)(@(?P<local>.*))?", re.DOTALL)


def near_host(host: str) -> str:
    """An address of the loopback; one that is such already stays, names and all others become :data:`LOOPBACK`."""
    try:
        is_near = ip_address(host.strip("[]")).is_loopback
    except ValueError:
        is_near = False
    return host if is_near else LOOPBACK


def free_port(port: str) -> str:
    """A port that any user may listen on; what is no number stays as it is."""
    if not port.isdecimal() or len(port) > 5 or not 0 < int(port) < _FIRST_FREE_PORT:
        return port
    return str(int(port) + _AWAY)


def near_address(text: str) -> str:
    """``HOST:PORT`` on the loopback, with what stands behind it."""
    match = _HOST_PORT.fullmatch(text)
    if match is None:
        return text
    return f"{near_host(match['host'])}:{free_port(match['port'])}{match['rest']}"


def is_too_long(path: str) -> bool:
    """Whether a path is too long for a unix socket; such a one stays as it is, for QEMU to refuse."""
    return len(path.encode(errors="surrogatepass")) > _LONGEST_PATH


def near_udp(text: str) -> str:
    """``HOST:PORT@LOCALHOST:LOCALPORT`` on the loopback (QEMU, ``chardev/char.c``, ``qemu_chr_parse_compat``)."""
    match = _UDP.fullmatch(text)
    assert match is not None  # it takes any text
    local = match["local"]
    return near_address(match["to"]) + ("" if local is None else f"@{near_address(local)}")
