"""In which order block nodes are made, and what a node asks of its own members."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.block_trees import BlockTree
from prober.commandline.drive_values import drive_values_of, is_read_only
from prober.commandline.line import Line, switch
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

#: Members that describe a node or name one (``qapi/block-core.json``).
_CHILDREN = ("file", "backing", "data-file", "image", "raw", "target", "test", "log", "top")

#: Keys of ``-drive`` that name a node.
_NAMES = ("id", "node-name")


def _order(line: Line) -> Iterator[Fault]:
    """Nodes are made in the order of the line, and before all drives (``softmmu/vl.c``, ``configure_blockdev``)."""
    if line.is_open:
        return
    later = {
        str(item.value) for option in line.keyval.get("-drive", ()) for item in option.pairs if item.name in _NAMES
    }
    described = {name for tree in line.block_trees for name in tree.names}
    made: set[str] = set()
    for tree in line.block_trees:
        made.update(tree.names)
        for part, name in _references(tree):
            if name not in made and (name in described or name in later):
                when = "by a later -blockdev" if name in described else "by a -drive, after all -blockdev"
                yield Fault(tree.place, part, f"{part} names the node {name[:64]!r}, which is made {when}")


def _references(tree: BlockTree) -> Iterator[tuple[str, str]]:
    for _, node in tree.nodes:
        for part in _CHILDREN:
            if part in node and isinstance(name := node[part], str):
                yield part, name


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
