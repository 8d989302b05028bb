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


@pytest.mark.parametrize("module", modules())
def test_no_file_is_longer_than_400_lines(module: str) -> None:
    assert len(modules()[module].read_text("utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("module", modules())
def test_nothing_is_more_complex_than_15(module: str) -> None:
    blocks = cc_visit(modules()[module].read_text("utf-8"))
    assert [f"{block.name}: {block.complexity}" for block in blocks if block.complexity > MOST_BRANCHES] == []


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
