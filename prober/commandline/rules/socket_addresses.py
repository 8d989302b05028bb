"""Addresses of ``socket`` netdevs, as they are read before any socket is made."""

from __future__ import annotations

import re
from collections.abc import Iterator

from prober.commandline.line import Line
from prober.commandline.options import Qapi
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule
from prober.commandline.text import last_item
from prober.commandline.texts.internet import ipv4

#: A port as it is read, which is as far as it is a number (``strtol``).
_PORT = re.compile(r"\s*[+-]?\d")

#: Members that are an address with a port; ``localaddr`` is one beside ``udp`` alone.
_WITH_PORT = ("listen", "connect", "udp", "mcast")


def _sockets(line: Line) -> Iterator[Qapi]:
    for option in line.qapi.get("-netdev", ()):
        if last_item(option.value.get("type")) == "socket":
            yield option


def _with_port(text: str) -> str:
    """Why a text is no address with a port (``net/net.c``, ``parse_host_port``), empty where it may be one."""
    host, colon, port = text.partition(":")
    if not colon:
        return "the port is missing"
    if host[:1].isdecimal() and ipv4(host) is None:
        return f"{host[:64]!r} is no IPv4 address"
    return "" if _PORT.match(port) else f"{port[:64]!r} is no port"


def _addresses(line: Line) -> Iterator[Fault]:
    for option in _sockets(line):
        for key in (*_WITH_PORT, *(("localaddr",) if "udp" in option.value else ())):
            value = last_item(option.value.get(key))
            why = _with_port(value) if isinstance(value, str) else ""
            if why:
                yield Fault(option.place, key, f"{key} is like 127.0.0.1:1234, not {str(value)[:64]!r}: {why}")


def _local(line: Line) -> Iterator[Fault]:
    """``localaddr``: of a group an address without a port, and of a TCP connection none."""
    for option in _sockets(line):
        value = last_item(option.value.get("localaddr"))
        if not isinstance(value, str) or "udp" in option.value:
            continue
        if "mcast" not in option.value and not option.value.keys().isdisjoint(("fd", "listen", "connect")):
            yield Fault(option.place, "localaddr", "localaddr goes with udp or mcast alone")
        elif "mcast" in option.value and ipv4(value) is None:
            message = f"localaddr beside mcast is an IPv4 address without a port, not {value[:64]!r}"
            yield Fault(option.place, "localaddr", message)


RULES = (
    Rule(
        "line/socket-address",
        "addresses of a socket netdev are a host and a port",
        "net/net.c, parse_host_port",
        _addresses,
        about=("socket",),
        wrong="-display none -netdev socket,id=n,udp=127.0.0.1:1,localaddr=100",
        right="-display none -netdev socket,id=n,udp=127.0.0.1:1,localaddr=127.0.0.1:0",
    ),
    Rule(
        "line/socket-local",
        "`localaddr` of a socket netdev goes with `udp`, or with `mcast` and no port",
        "net/socket.c, net_init_socket",
        _local,
        about=("localaddr",),
        wrong="-display none -netdev socket,id=n,listen=127.0.0.1:0,localaddr=127.0.0.1:0",
        right="-display none -netdev socket,id=n,listen=127.0.0.1:0",
    ),
)
