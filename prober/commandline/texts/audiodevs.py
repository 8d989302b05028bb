"""What ``-audiodev`` takes by its driver, before a command returned the same and so the schema had it (QEMU 8.0).

From ``qapi/audio.json`` of 5.2 and 7.2; what came between is taken from 6.0 on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from prober.commandline.options import Value
from prober.commandline.refusal import Misfit
from prober.commandline.text import Text, as_number, as_switch

_Version = tuple[int, int, int]

_FORMATS = ("u8", "s8", "u16", "s16", "u32", "s32", "f32")

#: Members of ``in`` and ``out``, by the first letter of their type: number, switch, text, or format.
_DIRECTION = "b:mixing-engine b:fixed-settings n:frequency n:channels n:voices f:format n:buffer-length"

#: By driver: the first version, what ``in`` and ``out`` have besides, and what the audiodev itself has.
_DRIVERS: Mapping[str, tuple[_Version, str, str]] = MappingProxyType(
    {
        "none": ((0, 0, 0), "", ""),
        "alsa": ((0, 0, 0), "t:dev n:period-length b:try-poll", "n:threshold"),
        "coreaudio": ((0, 0, 0), "n:buffer-count", ""),
        "dbus": ((6, 0, 0), "", ""),
        "dsound": ((0, 0, 0), "", "n:latency"),
        "jack": ((0, 0, 0), "t:server-name t:client-name t:connect-ports b:start-server b:exact-name", ""),
        "oss": ((0, 0, 0), "t:dev n:buffer-count b:try-poll", "b:try-mmap b:exclusive n:dsp-policy"),
        "pa": ((0, 0, 0), "t:name t:stream-name n:latency", "t:server"),
        "sdl": ((0, 0, 0), "n:buffer-count", ""),
        "sndio": ((6, 0, 0), "", "t:dev n:latency"),
        "spice": ((0, 0, 0), "", ""),
        "wav": ((0, 0, 0), "", "t:path"),
    }
)

#: The driver whose ``buffer-count`` came later.
_SDL_BUFFERS: _Version = (6, 0, 0)


def _members(text: str) -> dict[str, str]:
    return {item[2:]: item[0] for item in text.split()}


def audiodev_misfits(value: Mapping[str, Value], version: _Version) -> Iterator[Misfit]:
    """What does not fit, in the order of the members; ``id`` and ``driver`` are there, and texts."""
    driver = str(value.get("driver"))
    known = tuple(name for name, (since, _, _) in _DRIVERS.items() if version >= since)
    if driver not in known:
        yield Misfit(("driver",), f"is {driver[:64]!r}, which is not one of its values", known, driver[:64])
        return
    _, direction, own = _DRIVERS[driver]
    if driver == "sdl" and version < _SDL_BUFFERS:
        direction = ""
    members = {"id": "t", "driver": "t", "timer-period": "n", **_members(own)}
    of_direction = _members(f"{_DIRECTION} {direction}")
    for name, item in value.items():
        if name in ("in", "out"):
            if not isinstance(item, Mapping):
                yield Misfit((name,), "is an object, not a value")
                continue
            for inner, one in item.items():
                yield from _misfit((name, inner), of_direction, one)
        else:
            yield from _misfit((name,), members, item)


def _misfit(path: tuple[str, ...], members: Mapping[str, str], value: Value) -> Iterator[Misfit]:
    kind = members.get(path[-1])
    if kind is None:
        yield Misfit(path, "is not known", tuple(members), rule="option/member")
    elif not _fits(kind, value):
        words = {"n": "a number", "b": "on or off", "t": "a text", "f": f"one of {', '.join(_FORMATS)}"}
        yield Misfit(path, f"is {words[kind]}, not {str(value)[:64]!r}")


def _fits(kind: str, value: Value) -> bool:
    if kind == "b":
        return isinstance(value, bool) or (isinstance(value, Text) and as_switch(value) is not None)
    if kind == "n":
        number = as_number(value) if isinstance(value, Text) else value
        return isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 2**32
    return isinstance(value, str) and (kind == "t" or value in _FORMATS)
