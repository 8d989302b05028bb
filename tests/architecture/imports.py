"""Which file of prober imports which: every import counts, in functions, for type checking and by importlib too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def modules() -> Mapping[str, Path]:
    """Every module of prober by its dotted name; a package by that of its ``__init__``."""
    found = {}
    for path in sorted((ROOT / "prober").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree_of(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(modules()[module].read_text("utf-8"))


def _named(module: str) -> Iterator[str]:
    """What a module names as imported, as dotted names."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{module} imports by a relative name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (
                part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )


@cache
def imports() -> Mapping[str, frozenset[str]]:
    """For each module those of prober that it imports."""
    return {module: frozenset(_known(module)) for module in modules()}


def _known(module: str) -> Iterator[str]:
    for name in _named(module):
        while name and name not in modules():
            name = name.rpartition(".")[0]
        if name.startswith("prober") and name != module:
            yield name


def circles(graph: Mapping[str, frozenset[str]]) -> list[list[str]]:
    """The sets of modules that each import one another, directly or not (Tarjan's strongly connected components)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(module: str) -> None:
        number[module] = low[module] = len(number)
        stack.append(module)
        for other in graph[module]:
            if other not in number:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], number[other])
        if low[module] == number[module]:
            at = stack.index(module)
            if len(stack) - at > 1:
                found.append(sorted(stack[at:]))
            del stack[at:]

    for module in graph:
        if module not in number:
            visit(module)
    return found
