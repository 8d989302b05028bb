"""What ``-blockdev`` describes, node by node."""

from __future__ import annotations

from typing import Any

from prober.commandline.block_trees import BlockTree
from prober.commandline.options import Qapi
from prober.commandline.refusal import Position

PLACE = Position(1, "-blockdev")


def described(value: dict[str, Any]) -> BlockTree:
    return BlockTree.of(Qapi("-blockdev", "blockdev-add", "driver", value, PLACE))


def test_a_node_alone() -> None:
    node = {"driver": "file", "filename": "a", "node-name": "n"}
    assert described(node) == (PLACE, [("", node)], ["n"])


def test_nodes_inside_of_nodes_and_lists_with_the_paths_to_them() -> None:
    leaf = {"driver": "file", "node-name": "leaf"}
    inner = {"driver": "raw", "file": leaf}
    children = [{"node-name": "first"}, "name", {"node-name": "second"}]
    outer = {"driver": "quorum", "node-name": "outer", "file": inner, "children": children}
    tree = described(outer)
    assert dict(tree.nodes) == {
        "": outer,
        "file.": inner,
        "file.file.": leaf,
        "children.0.": children[0],
        "children.2.": children[2],
    }
    assert sorted(tree.names) == ["first", "leaf", "outer", "second"]


def test_what_is_no_text_is_no_name() -> None:
    assert described({"driver": "raw", "node-name": 7, "file": {"node-name": ["a"]}}).names == []


def test_no_deeper_than_qemu_goes() -> None:
    value: dict[str, Any] = {"node-name": "deepest"}
    for _ in range(100):
        value = {"file": value}
    tree = described(value)
    assert len(tree.nodes) == 33
    assert tree.names == []
