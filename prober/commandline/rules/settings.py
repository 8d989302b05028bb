"""What ``-set`` changes: a key of an option that stands before it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile

from prober.commandline.line import Line, Made
from prober.commandline.options import Global, Keyval, Object, Plain, Qapi
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule
from prober.commandline.text import Text
from prober.commandline.types import misfit_of

#: ``GROUP.ID.KEY=VALUE`` of ``-set`` as ``sscanf`` reads it (``util/qemu-config.c``, ``qemu_set_option``).
SETTING = re.compile(r"([^.]{1,63})\.([^.]{1,63})\.([^=]{1,63})=(.*)", re.DOTALL)

#: Groups of options that have ids and are looked at here; of others nothing is said.
_WITH_IDS = ("chardev", "device", "drive", "netdev")

#: Groups that QEMU 6.0 reads in another way, which ``-set`` does not know.
_NO_MORE = ("machine", "object")


def _settings(line: Line) -> Iterator[Fault]:
    for option in line.plain.get("-set", ()):
        match = SETTING.fullmatch(option.value or "")
        if match is None:
            text = (option.value or "")[:64]
            yield Fault(option.place, "", f"-set is like device.ID.KEY=VALUE, not {text!r}")
            continue
        why = _wrong(line, option, *match.groups())
        if why:
            yield Fault(option.place, "", why)


def _wrong(line: Line, setting: Plain, group: str, ident: str, key: str, value: str) -> str:
    groups = line.caps.options
    if group not in _WITH_IDS:
        return _wrong_group(line, group)
    if "-readconfig" in line.plain:
        return ""
    made = _of_id(takewhile(lambda one: one is not setting, line.options), group, ident)
    if made is None:
        return f"there is no -{group} with id {ident!r} to set {key} of"
    if isinstance(made, Made) and made.is_json:
        return f"-set does not reach a -device in JSON, as that of id {ident!r} is: write it into the JSON"
    if isinstance(made, Made):
        return _wrong_property(line, made, key, value)
    keys = (groups or {}).get(group, ())
    if group == "chardev" and keys and key not in {known.name for known in keys}:
        return f"-chardev has no {key}"
    return ""


def _wrong_group(line: Line, group: str) -> str:
    groups = line.caps.options
    if groups is not None and "device" in groups and group not in groups:
        return f"there is no group of options {group!r}"
    if group in _NO_MORE and line.caps.version.numbers >= (6, 2, 0):
        return f"-set does not change options of -{group}"
    return ""


def _of_id(
    options: Iterable[Made | Global | Object | Qapi | Keyval | Plain], group: str, ident: str
) -> Made | Keyval | Qapi | None:
    for option in options:
        match option:
            case Made() if group == "device" and option.id == ident:
                return option
            case Keyval() if option.flag == f"-{group}" and any(
                item.name == "id" and item.value == ident for item in option.pairs
            ):
                return option
            case Qapi() if option.flag == f"-{group}" and option.value.get("id") == ident:
                return option
    return None


def _wrong_property(line: Line, made: Made, key: str, value: str) -> str:
    if key in ("id", "bus", "driver") or not line.caps.knows_properties_of(made.typename):
        return ""
    known = line.caps.property_of(made.typename, key)
    if known is None:
        return f"QEMU {line.caps.version} has no {made.typename}.{key}"
    unfit = misfit_of(known, Text(value))
    return unfit.message if unfit is not None else ""


RULES = (
    Rule(
        "line/set",
        "`-set` changes a key that there is, of an option that is there",
        "util/qemu-config.c, qemu_set_option (softmmu/vl.c, qemu_set_option)",
        _settings,
        about=("-set",),
        wrong="-display none -machine pc -device e1000,id=net0 -set device.net1.mac=52:54:00:12:34:56",
        right="-display none -machine pc -device e1000,id=net0 -set device.net0.mac=52:54:00:12:34:56",
    ),
)
