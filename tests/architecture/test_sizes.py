"""Sizes: files, functions, names."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator

import pytest
from radon.complexity import cc_visit

from tests.architecture.imports import modules, tree_of

#: Names that several files may define: each is a file's own, and never imported from elsewhere.
MOST_LINES = 400
MOST_BRANCHES = 15


#: The rooms, and what lies beside them.
ROOMS = sorted({module.split(".")[1] for module in modules() if "." in module} | {""})


def _of(room: str) -> dict[str, str]:
    """The modules of a room, with their text; of none, what is in no room."""
    found = {name: path.read_text("utf-8") for name, path in modules().items() if (*name.split("."), "")[1] == room}
    assert found, room
    return found


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {name: len(text.splitlines()) for room in ROOMS for name, text in _of(room).items()}
    assert len(lengths) == len(modules())
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_is_more_complex_than_15(room: str) -> None:
    blocks = [(name, block) for name, text in _of(room).items() for block in cc_visit(text)]
    over = [f"{name}: {block.name}: {block.complexity}" for name, block in blocks if block.complexity > MOST_BRANCHES]
    assert over == []


def _public(module: str) -> Iterator[str]:
    """The public classes of a module, and its functions that others could call."""
    for node in tree_of(module).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node.name


def test_each_public_name_is_defined_once() -> None:
    defined = defaultdict(list)
    for module in modules():
        for name in _public(module):
            defined[name].append(module)
    assert {name: places for name, places in defined.items() if len(places) > 1} == {}
