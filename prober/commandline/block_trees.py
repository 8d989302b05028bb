"""Block nodes as ``-blockdev`` describes them: each tree is taken apart once, for all that look at its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from prober.commandline.options import Qapi
from prober.commandline.refusal import Origin

#: Deeper than any block node that QEMU takes.
DEEPEST_NODE = 32


class BlockTree(NamedTuple):
    """One ``-blockdev``.

    ``nodes`` are the node and those that are described inside of it, each behind the path to it (``file.backing.``,
    empty for the first); ``names`` are what they are called, as far as they are.
    """

    place: Origin
    nodes: list[tuple[str, Mapping[str, Any]]]
    names: list[str]

    @classmethod
    def of(cls, option: Qapi) -> BlockTree:
        """What an option describes."""
        nodes = _nodes_of(option.value)
        return cls(option.place, nodes, [name for _, node in nodes if isinstance(name := node.get("node-name"), str)])


def _nodes_of(tree: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    nodes = [("", tree)]
    waiting = _inside("", tree.items(), 1)
    while waiting:
        path, here, depth = waiting.pop()
        if not isinstance(here, list):
            nodes.append((path, here))
        if depth < DEEPEST_NODE:
            waiting += _inside(path, enumerate(here) if isinstance(here, list) else here.items(), depth + 1)
    return nodes


def _inside(path: str, items: Iterable[tuple[str | int, Any]], depth: int) -> list[tuple[str, Any, int]]:
    """The nodes and lists among the members or items of what stands at a path."""
    return [(f"{path}{key}.", value, depth) for key, value in items if isinstance(value, (dict, list))]
