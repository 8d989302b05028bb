"""Keys of ``-chardev`` that only go together (in JSON no binary up to 11.1 takes it)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.line import Line, switch
from prober.commandline.options import Value
from prober.commandline.rules.rule import Fault, Rule


def _sockets(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-chardev", ()):
        if option.first == "socket":
            # Without any of them QEMU 7.2 opens what nobody can connect to; 5.2 wants one.
            least = 1 if line.caps.version.numbers < (6, 0, 0) else 0
            for part, message in _socket({item.name: item.value for item in option.pairs}, least):
                yield Fault(option.place, part, message)


def _socket(values: Mapping[str, Value], least: int) -> Iterator[tuple[str, str]]:
    ways = [key for key in ("path", "fd", "host") if key in values]
    if not least <= len(ways) <= 1:
        yield "path", "a socket chardev has one of path, fd and host"
    if "host" in values and "port" not in values:
        yield "port", "a socket chardev with host needs port"
    if "delay" in values and "nodelay" in values:
        yield "nodelay", "a socket chardev has delay or nodelay, not both"
    is_server = switch(values.get("server", False))
    if is_server is False:
        if "wait" in values:
            yield "wait", "wait is of a socket chardev that is a server, and this is a client"
        if switch(values.get("websocket")) is True:
            yield "websocket", "a socket chardev with websocket is a server"
    elif is_server:
        for part in ("reconnect", "reconnect-ms"):
            if part in values:
                yield part, f"{part} is of a socket chardev that is a client, and this is a server"
    if "tls-creds" in values and "path" in values:
        yield "tls-creds", "tls-creds is of a socket chardev with host or fd"
    if "tls-authz" in values and "tls-creds" not in values:
        yield "tls-authz", "tls-authz needs tls-creds"


def _spice(line: Line) -> Iterator[Fault]:
    if line.is_open or "-spice" in line.keyval:
        return
    for option in line.keyval.get("-chardev", ()):
        if option.first == "spiceport":
            yield Fault(option.place, "backend", "a spiceport chardev needs -spice")


RULES = (
    Rule(
        "keys of a socket chardev go together",
        "chardev/char-socket.c, qemu_chr_parse_socket and qmp_chardev_validate_socket",
        _sockets,
        about=("socket",),
    ),
    Rule("a `spiceport` goes with `-spice`", "chardev/spice.c, qemu_chr_open_spice_port", _spice, about=("spiceport",)),
)
