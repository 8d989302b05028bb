"""Block nodes as ``-blockdev`` describes them: each tree is taken apart once, for all that look at its nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from prober.commandline.options import Qapi
from prober.commandline.refusal import Origin

#: Deeper than any block node that QEMU takes.
_DEEPEST = 32


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
    nodes: list[tuple[str, Mapping[str, Any]]] = []
    waiting: list[tuple[str, Any, int]] = [("", tree, 0)]
    while waiting:
        path, here, depth = waiting.pop()
        if not isinstance(here, list):
            nodes.append((path, here))
        if depth < _DEEPEST:
            inner = enumerate(here) if isinstance(here, list) else here.items()
            waiting += [(f"{path}{key}.", value, depth + 1) for key, value in inner if isinstance(value, (dict, list))]
    return nodes
