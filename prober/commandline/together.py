"""Members that only go together, or of which one has to be there: what QEMU asks for when it makes a thing.

No answer of QEMU's tells any of it.  Each rule holds from 5.2 to 11.1, and names its place in the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prober.commandline.finding import Finding, Kind
from prober.commandline.options import Object, Option, Qapi
from prober.commandline.refusal import Origin

#: Objects that need one of these members (``crypto/secret.c``, ``backends/hostmem*.c``, ``backends/rng-egd.c``).
_OBJECTS = {
    "secret": ("data", "file"),
    "memory-backend-ram": ("size",),
    "memory-backend-file": ("size",),
    "memory-backend-memfd": ("size",),
    "rng-egd": ("chardev",),
}

#: Ways that a socket netdev is connected (``net/socket.c``, ``net_init_socket``).
_WAYS = ("fd", "listen", "connect", "mcast", "udp")


def check_together(options: Iterable[Option]) -> Iterator[Finding]:
    """What is missing beside what is there."""
    for option in options:
        match option:
            case Object():
                needed = _OBJECTS.get(option.qom_type, ())
                if needed and all(item.name not in needed for item in option.properties):
                    message = f"{option.qom_type} needs {' or '.join(needed)}"
                    yield _error(option.place, needed[0], message)
            case Qapi(flag="-netdev") if option.value.get("type") == "socket":
                yield from _socket(option)
            case Qapi(flag="-blockdev") if option.value.get("detect-zeroes") == "unmap":
                # ``block.c``, ``bdrv_open_common``
                if option.value.get("discard", "ignore") in ("ignore", "off"):
                    yield _error(option.place, "discard", "detect-zeroes=unmap needs discard=unmap")


def _socket(option: Qapi) -> Iterator[Finding]:
    given = [way for way in _WAYS if way in option.value]
    if len(given) != 1:
        yield _error(option.place, "type", f"a socket netdev needs one of {', '.join(_WAYS)}")
    elif given == ["udp"] and "localaddr" not in option.value:
        yield _error(option.place, "localaddr", "udp needs localaddr")


def _error(place: Origin, part: str, message: str) -> Finding:
    return Finding(kind=Kind.error, place=place, part=part, message=message)
