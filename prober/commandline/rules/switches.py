"""Switches that are written as a word alone: QEMU warns of most, and where it reads a tree it takes none."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prober.commandline.line import Line, Made
from prober.commandline.options import Keyval, Object, Qapi, Value
from prober.commandline.refusal import Fault, Kind, Origin
from prober.commandline.rules.rule import Rule
from prober.commandline.text import Short

#: Options whose parser refuses a word alone, and has not always done so (``util/keyval.c``; seen in 7.2, not in 5.2).
_STRICT = frozenset({"-machine", "-boot", "-smp"})

#: Netdevs that are read as trees (``net/net.c``, ``netdev_is_modern``).
_MODERN = ("stream", "dgram")


def _switches(line: Line) -> Iterator[tuple[str, Origin, str, Value]]:
    """Each word alone: the option, its place, the key and the value that it stands for."""
    for option in line.options:
        match option:
            case Made():
                flag, values = "-device", option.values.items()
            case Object():
                flag, values = "-object", {name: value for name, value, _ in option.properties}.items()
            case Qapi():
                flag, values = option.flag, option.value.items()
                if flag == "-netdev" and option.value.get("type") in _MODERN:
                    flag = "-netdev stream"
            case Keyval():
                flag, values = option.flag, {name: value for name, value, _ in option.pairs}.items()
            case _:
                continue
        for name, value in values:
            if isinstance(value, Short):
                yield flag, option.place, name, value


def _short(line: Line) -> Iterator[Fault]:
    for flag, place, name, value in _switches(line):
        if flag not in _STRICT and flag not in _TREES:
            written = name if value == "on" else f"no{name}"
            other = f"nodelay={'off' if value == 'on' else 'on'}" if name == "delay" else f"{name}={value}"
            yield Fault(place, name, f"{flag}: {written} without a value is deprecated", f"write {other}")


#: Options that are read as a tree in every version (``util/keyval.c``).
_TREES = frozenset({"-blockdev", "-audiodev", "-display", "-compat", "-netdev stream"})


def _alone(flags: frozenset[str]) -> Callable[[Line], Iterator[Fault]]:
    def find(line: Line) -> Iterator[Fault]:
        for flag, place, name, value in _switches(line):
            if flag in flags:
                yield Fault(place, name, f"{flag}: {name} has no value", f"write {name}={value}")

    return find


RULES = (
    Rule(
        "line/short-switch",
        "a switch is written with its value",
        "util/qemu-option.c, get_opt_name_value",
        _short,
        wrong="-display none -device e1000,multifunction",
        right="-display none -device e1000,multifunction=on",
        since=(6, 0, 0),
        kind=Kind.deprecated,
    ),
    Rule(
        "line/switch-value",
        "a switch of `-machine`, `-boot` or `-smp` has a value",
        "util/keyval.c, keyval_parse_one",
        _alone(_STRICT),
        about=tuple(sorted(_STRICT)),
        wrong="-display none -machine pc,usb",
        right="-display none -machine pc,usb=on",
        since=(7, 2, 0),
    ),
    Rule(
        "line/tree-value",
        "a switch of what is read as a tree has a value (`-blockdev`, `-audiodev`, `-display`)",
        "util/keyval.c, keyval_parse_one",
        _alone(_TREES),
        about=("-blockdev", "-audiodev", "-display", "-compat", "-netdev"),
        wrong="-display none -blockdev null-co,node-name=n,read-only",
        right="-display none -blockdev null-co,node-name=n,read-only=on",
    ),
)
