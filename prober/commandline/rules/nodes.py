"""In which order block nodes are made, and what a node asks of its own members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline.drive_values import drive_values_of, is_read_only
from prober.commandline.line import Line, switch
from prober.commandline.options import Value
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Members that describe a node or name one (``qapi/block-core.json``).
_CHILDREN = ("file", "backing", "data-file", "image", "raw", "target", "test", "log", "top")

#: Deeper than any block node that QEMU takes.
_DEEPEST = 32


def _order(line: Line) -> Iterator[Fault]:
    """Nodes are made in the order of the line, and before all drives (``softmmu/vl.c``, ``configure_blockdev``)."""
    if line.is_open:
        return
    trees = line.qapi.get("-blockdev", ())
    later = {
        str(item.value) for option in line.keyval.get("-drive", ()) for item in option.pairs if item.name in _NAMES
    }
    inside = [set(_names(tree.value)) for tree in trees]
    counts: dict[str, int] = {}
    for names in inside:
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    made: set[str] = set()
    for tree, names in zip(trees, inside, strict=True):
        made |= names
        for part, name in _references(tree.value):
            if name not in made and (name in counts or name in later):
                when = "by a later -blockdev" if name in counts else "by a -drive, after all -blockdev"
                yield Fault(tree.place, part, f"{part} names the node {name[:64]!r}, which is made {when}")


_NAMES = ("id", "node-name")


def _inner(tree: Mapping[str, Value]) -> Iterator[Mapping[str, Value]]:
    """The node and those that are described inside of it."""
    waiting: list[tuple[Value, int]] = [(dict(tree), 0)]
    while waiting:
        here, depth = waiting.pop()
        if isinstance(here, dict):
            yield here
        inner = here.values() if isinstance(here, dict) else here if isinstance(here, list) else ()
        if depth < _DEEPEST:
            waiting += [(value, depth + 1) for value in inner if isinstance(value, (dict, list))]


def _names(tree: Mapping[str, Value]) -> Iterator[str]:
    for node in _inner(tree):
        if isinstance(node.get("node-name"), str):
            yield str(node["node-name"])


def _references(tree: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    for node in _inner(tree):
        for part in _CHILDREN:
            if isinstance(node.get(part), str):
                yield part, str(node[part])


def _force_share(line: Line) -> Iterator[Fault]:
    hint = "add read-only=on"
    for tree in line.qapi.get("-blockdev", ()):
        if switch(tree.value.get("force-share")) is True and switch(tree.value.get("read-only")) is not True:
            yield Fault(tree.place, "force-share", "force-share=on is for what is read-only", hint)
    for option in line.keyval.get("-drive", ()):
        values = drive_values_of(option)
        if switch(values.get("force-share")) is True and not is_read_only(values):
            yield Fault(option.place, "force-share", "force-share=on is for what is read-only", hint)


RULES = (
    Rule(
        "line/node-order",
        "block nodes are made in their order, and before all drives",
        "softmmu/vl.c, configure_blockdev; block.c, bdrv_open_child_common",
        _order,
        about=("-blockdev",),
        wrong="-display none -blockdev raw,node-name=b,file=a -blockdev null-co,node-name=a",
        right="-display none -blockdev null-co,node-name=a -blockdev raw,node-name=b,file=a",
    ),
    Rule(
        "line/force-share",
        "`force-share` is for what is read-only",
        "block.c, bdrv_open_common",
        _force_share,
        about=("-drive", "force-share"),
        wrong="-display none -blockdev null-co,node-name=a,force-share=on",
        right="-display none -blockdev null-co,node-name=a,force-share=on,read-only=on",
    ),
)
