"""Switches that are written as a word alone: QEMU warns of most, and where it reads a tree it takes none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prober.commandline.line import Line, Made, kept_by_line
from prober.commandline.options import Global, Keyval, Object, Plain, Qapi, Value
from prober.commandline.refusal import Fault, Kind, Origin
from prober.commandline.rules.rule import Rule
from prober.commandline.text import Short, ShortItem

#: Options whose parser refuses a word alone, and has not always done so (``util/keyval.c``; seen in 7.2, not in 5.2).
_STRICT = ("-boot", "-machine", "-smp")

#: Netdevs that are read as trees (``net/net.c``, ``netdev_is_modern``).
_MODERN = ("stream", "dgram")


#: Options that are read as a tree in every version (``util/keyval.c``).
_TREES = frozenset({"-blockdev", "-audiodev", "-display", "-compat"})

#: What a word alone is.
_ALONE = frozenset({Short, ShortItem})

#: What asks for a list of what there is, and is no switch.
_HELP = ("help", "?")


def _is_tree(option: Qapi) -> bool:
    return option.flag in _TREES or (option.flag == "-netdev" and option.value.get("type") in _MODERN)


def _is_json(option: Qapi) -> bool:
    """Whether it is known to be written in JSON, where nothing is a word alone: its type is no text of key=value."""
    return type(option.value.get(option.implied)) is str


def _leaves(tree: Mapping[str, Value], above: str = "") -> Iterator[tuple[str, Value]]:
    """The values of a tree, by their names with dots."""
    for name, value in tree.items():
        if isinstance(value, list):
            value = {str(at): item for at, item in enumerate(value)}
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


@kept_by_line
def _is_any_alone(line: Line) -> bool:
    """Whether there is a word alone anywhere; hardly anybody writes one."""
    values = [item.value for options in line.keyval.values() for option in options for item in option.pairs]
    values += [item.value for option in line.objects for item in option.properties]
    for device in line.devices:
        if not device.is_json:
            values += device.values.values()
    for options in line.qapi.values():
        for option in options:
            if not _is_json(option):
                values += [value for _, value in _leaves(option.value)] if _is_tree(option) else option.value.values()
    return not _ALONE.isdisjoint(map(type, values))


def _values(option: Made | Global | Object | Qapi | Keyval | Plain) -> Iterable[tuple[str, Value]]:
    """The values of an option that takes a word for a switch; none of one that does not."""
    match option:
        case Made():
            return option.values.items()
        case Keyval():
            return () if option.flag in _STRICT else [(name, value) for name, value, _ in option.pairs]
        case Qapi():
            return () if _is_tree(option) else option.value.items()
        case Object():
            return [(name, value) for name, value, _ in option.properties]
    return ()


def _flag(option: Made | Object | Qapi | Keyval | Plain) -> str:
    return "-device" if isinstance(option, Made) else "-object" if isinstance(option, Object) else option.flag


def _short(line: Line) -> Iterator[Fault]:
    for option in line.options if _is_any_alone(line) else ():
        for name, value in _values(option):
            if not isinstance(value, Short) or name in _HELP or isinstance(option, Global):
                continue
            written = name if value == "on" else f"no{name}"
            other = f"nodelay={'off' if value == 'on' else 'on'}" if name == "delay" else f"{name}={value}"
            message = f"{_flag(option)}: {written} without a value is deprecated"
            yield Fault(option.place, name, message, f"write {other}")


def _alone_in_keys(line: Line) -> Iterator[Fault]:
    for flag in _STRICT if _is_any_alone(line) else ():
        for option in line.keyval.get(flag, ()):
            yield from _alone(flag, option.place, ((name, value) for name, value, _ in option.pairs))


def _alone_in_trees(line: Line) -> Iterator[Fault]:
    for options in line.qapi.values() if _is_any_alone(line) else ():
        for option in options:
            if _is_tree(option):
                yield from _alone(option.flag, option.place, _leaves(option.value))


def _alone(flag: str, place: Origin, values: Iterable[tuple[str, Value]]) -> Iterator[Fault]:
    for name, value in values:
        if isinstance(value, Short) and name not in _HELP:
            yield Fault(place, name, f"{flag}: {name} has no value", f"write {name}={value}")


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
        _alone_in_keys,
        about=_STRICT,
        wrong="-display none -machine pc,usb",
        right="-display none -machine pc,usb=on",
        since=(7, 2, 0),
    ),
    Rule(
        "line/tree-value",
        "a switch of what is read as a tree has a value (`-blockdev`, `-audiodev`, `-display`)",
        "util/keyval.c, keyval_parse_one",
        _alone_in_trees,
        about=("-blockdev", "-audiodev", "-display", "-compat", "-netdev"),
        wrong="-display none -blockdev null-co,node-name=n,read-only",
        right="-display none -blockdev null-co,node-name=n,read-only=on",
    ),
)
