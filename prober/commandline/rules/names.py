"""What may be a name: ids of options, and names of block nodes; those of objects are looked at as they are given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.line import Line, Made
from prober.commandline.options import Keyval, Qapi, Value
from prober.commandline.refusal import Fault, Origin
from prober.commandline.rules.rule import Rule
from prober.commandline.text import Text, is_identifier

#: Options with keys that are read in another way, where ``id`` is a key like any other.
_OF_THEIR_OWN = frozenset({"-machine", "-accel", "-smbios", "-numa", "-acpitable", "-trace", "-object", "-cpu"})

#: Options of which all that are given make one, and that has no id: seen to be taken by 5.2 and refused by 7.2 (in
#: QEMU since 6.0).
_MERGED = ("-m", "-rtc", "-boot", "-smp", "-name", "-icount")
_MERGED_SINCE = (6, 0, 0)

#: Since when a device in JSON needs a proper id: 10.0 takes any, 11.1 does not; of those between nothing is known.
PROPER_IDS_SINCE = (11, 1, 0)

#: The longest name of a block node, in bytes (``include/block/block_int-common.h``, ``node_name``, less its NUL).
_NODE_NAME = 31

_WORDS = "letters, digits, - . and _, beginning with a letter"


def _ids(line: Line) -> Iterator[Fault]:
    version = line.caps.version.numbers
    other = _OF_THEIR_OWN.union(_MERGED) if version >= _MERGED_SINCE else _OF_THEIR_OWN
    for option in line.options:
        if isinstance(option, Keyval):
            ids = [] if option.flag in other else [value for name, value, _ in option.pairs if name == "id"]
        elif isinstance(option, Made):
            ids = _of_text(option.values, in_json=version >= PROPER_IDS_SINCE)
        elif isinstance(option, Qapi) and option.flag == "-netdev":
            ids = _of_text(option.value, in_json=False)
        else:
            continue
        for value in ids:
            if isinstance(value, str) and not is_identifier(value):
                yield Fault(option.place, "id", f"{value[:64]!r} is no id: {_WORDS}")


def _of_text(values: Mapping[str, Value], *, in_json: bool) -> list[Value]:
    """The id, if it is written as a text of key=value, or has to be proper in JSON as well."""
    given = values.get("id")
    return [given] if in_json or isinstance(given, Text) else []


def _merged(line: Line) -> Iterator[Fault]:
    for flag in _MERGED:
        for option in line.keyval.get(flag, ()):
            if "id" in [name for name, _, _ in option.pairs]:
                yield Fault(option.place, "id", f"{flag} has no id")


def _node_names(line: Line) -> Iterator[Fault]:
    for tree in line.block_trees:
        for name in tree.names:
            if not _is_node_name(name):
                yield _misnamed(name, tree.place)
    for drive in line.keyval.get("-drive", ()):
        for key, value, _ in drive.pairs:
            if key == "node-name" and isinstance(value, str) and not _is_node_name(value):
                yield _misnamed(value, drive.place)


def _is_node_name(name: str) -> bool:
    return len(name) <= _NODE_NAME and is_identifier(name)


def _misnamed(name: str, place: Origin) -> Fault:
    if is_identifier(name):
        message = f"{name[:64]!r} is longer than the {_NODE_NAME} characters of a node's name"
    else:
        message = f"{name[:64]!r} is no name of a block node: {_WORDS}"
    return Fault(place, "node-name", message)


RULES = (
    Rule(
        "line/id",
        "an id is an identifier",
        "util/qemu-option.c, qemu_opts_create; system/qdev-monitor.c, qdev_set_id",
        _ids,
        wrong="-display none -device e1000,id=1a",
        right="-display none -device e1000,id=a1",
    ),
    Rule(
        "line/id-of-merged",
        "options that are merged have no id",
        "util/qemu-option.c, qemu_opts_parse",
        _merged,
        about=_MERGED,
        wrong="-display none -m 64,id=a",
        right="-display none -m 64",
        since=_MERGED_SINCE,
    ),
    Rule(
        "line/node-name",
        "the name of a block node is an identifier of at most 31 characters",
        "block.c, bdrv_assign_node_name",
        _node_names,
        about=("-blockdev", "-drive"),
        wrong="-display none -blockdev null-co,node-name=#n",
        right="-display none -blockdev null-co,node-name=n",
    ),
)
