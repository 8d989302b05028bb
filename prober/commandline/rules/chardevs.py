"""Keys of ``-chardev`` that only go together (in JSON no binary up to 11.1 takes it)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain

from prober.commandline.line import Line, size, switch
from prober.commandline.options import Value
from prober.commandline.refusal import Fault, Origin, Unfit
from prober.commandline.rules.rule import Rule
from prober.commandline.texts.characters import CHARACTER_OPTIONS, read_character

#: Before it QEMU takes what it refuses now: of a client with wait it only warned (``docs/about/removed-features.rst``),
#: and of a server with reconnect-ms 10.0 says nothing, and 11.1 refuses it (reconnect itself went in 11.0).
_REFUSED_SINCE = {"wait": (6, 0, 0), "reconnect-ms": (11, 0, 0)}


def _sockets(line: Line) -> Iterator[Fault]:
    version = line.caps.version.numbers
    for place, values in chain(_named_sockets(line), _compat_sockets(line)):
        # Without any of them a server of QEMU 7.2 opens what nobody can connect to; 5.2 wants one.
        is_server = switch(values.get("server", False)) is not False
        least = 0 if is_server and version >= (6, 0, 0) else 1
        for part, message in _socket(values, least):
            if version >= _REFUSED_SINCE.get(part, (0, 0, 0)):
                yield Fault(place, part, message)


def _named_sockets(line: Line) -> Iterator[tuple[Origin, Mapping[str, Value]]]:
    for option in line.keyval.get("-chardev", ()):
        if option.first == "socket":
            yield option.place, {item.name: item.value for item in option.pairs}


def _compat_sockets(line: Line) -> Iterator[tuple[Origin, Mapping[str, Value]]]:
    """What ``-serial`` and its like make in one word."""
    for flag in CHARACTER_OPTIONS:
        for option in line.plain.get(flag, ()):
            with suppress(Unfit):
                made = read_character(flag, option.value or "", line.caps.version.numbers)
                if made is not None and made.backend == "socket":
                    yield option.place, dict(made.pairs)


def _socket(values: Mapping[str, Value], least: int) -> Iterator[tuple[str, str]]:
    yield from _address(values, least)
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


def _address(values: Mapping[str, Value], least: int) -> Iterator[tuple[str, str]]:
    ways = [key for key in ("path", "fd", "host") if key in values]
    if not least <= len(ways) <= 1:
        yield "path", "a socket chardev has one of path, fd and host"
    if "fd" in values and not str(values["fd"]).isdecimal():
        yield "fd", f"the fd of a socket chardev is the number of a descriptor, not {str(values['fd'])[:64]!r}"
    if "host" not in values:
        return
    if "port" not in values:
        yield "port", "a socket chardev with host needs port"
    if switch(values.get("ipv4")) is False and switch(values.get("ipv6")) is False:
        yield "ipv6", "a socket chardev with host has IPv4 or IPv6"


def _layers(line: Line) -> Iterator[Fault]:
    made: set[Value] = set()
    given = {item.value for option in line.keyval.get("-chardev", ()) for item in option.pairs if item.name == "id"}
    for option in line.keyval.get("-chardev", ()):
        for name, value, _ in option.pairs:
            is_below = name == "chardev" or name.startswith("chardevs.")
            if is_below and option.first in ("mux", "hub") and value in given and value not in made:
                yield Fault(
                    option.place, name, f"a {option.first} stands behind the chardev {value!r}, which it lies over"
                )
        made.update(item.value for item in option.pairs if item.name == "id")


def _rings(line: Line) -> Iterator[Fault]:
    for option in line.keyval.get("-chardev", ()):
        if option.first in ("ringbuf", "memory"):
            room = size(next((item.value for item in option.pairs if item.name == "size"), None))
            if room is not None and room & (room - 1):
                yield Fault(option.place, "size", f"the size of a {option.first} chardev is a power of two, not {room}")


def _spice(line: Line) -> Iterator[Fault]:
    if line.is_open or "-spice" in line.keyval:
        return
    for option in line.keyval.get("-chardev", ()):
        if option.first == "spiceport":
            yield Fault(option.place, "backend", "a spiceport chardev needs -spice")


RULES = (
    Rule(
        "line/socket-chardev",
        "keys of a socket chardev go together",
        "chardev/char-socket.c, qemu_chr_parse_socket and qmp_chardev_validate_socket",
        _sockets,
        about=("socket", *CHARACTER_OPTIONS),
        wrong=("-display none -chardev socket,id=c,host=127.0.0.1,port=0,server=on,wait=off,ipv4=off,ipv6=off"),
        right=("-display none -chardev socket,id=c,host=127.0.0.1,port=0,server=on,wait=off,ipv4=on,ipv6=off"),
    ),
    Rule(
        "line/chardev-layers",
        "a `mux` or `hub` stands behind the chardevs that it lies over",
        "chardev/char-mux.c, qemu_chr_open_mux; chardev/char-hub.c, qemu_chr_open_hub",
        _layers,
        about=("mux", "hub"),
        wrong="-display none -chardev mux,id=m,chardev=c -chardev null,id=c",
        right="-display none -chardev null,id=c -chardev mux,id=m,chardev=c",
    ),
    Rule(
        "line/ringbuf-size",
        "the size of a `ringbuf` is a power of two",
        "chardev/char-ringbuf.c, qemu_chr_open_ringbuf",
        _rings,
        about=("ringbuf", "memory"),
        wrong="-display none -chardev ringbuf,id=c,size=65537",
        right="-display none -chardev ringbuf,id=c,size=65536",
    ),
    Rule(
        "line/spiceport",
        "a `spiceport` goes with `-spice`",
        "chardev/spice.c, qemu_chr_open_spice_port",
        _spice,
        about=("spiceport",),
        wrong="-display none -chardev spiceport,id=c,name=n",
        right="-spice disable-ticketing=on,unix=on,addr={dir}/s -chardev spiceport,id=c,name=n",
    ),
)
