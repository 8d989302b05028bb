"""What holds for every file of the project: see CONTRIBUTING.md."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatch

import pytest

from tests.recordings import ROOT

FILES = sorted(path for name in ("prober", "tests", "tools") for path in (ROOT / name).rglob("*.py"))

#: What lies at the top of a checkout.
TOP = {
    *(".ci", ".git", ".gitignore", "docs", "examples", "fixtures", "packaging", "prober", "tests", "tools"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "MANIFEST.in", "Makefile", "README.md", "SECURITY.md"),
    *("pyproject.toml", "requirements.lock", "setup.py", "action.yml", ".pre-commit-hooks.yaml"),
}

#: Where each method is that of a protocol, which says what it means.
_OF_A_PROTOCOL = (
    "prober/cli/local.py",
    "prober/cli/remote.py",
    "prober/cli/completion/names.py",
    "prober/capabilities/interviewer.py",
)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public(node: ast.Module | ast.ClassDef) -> Iterator[Definition]:
    """What others may use: no name with an underscore, and nothing that is local to a function."""
    for inner in node.body:
        if isinstance(inner, Definition) and not inner.name.startswith("_"):
            yield inner
            if isinstance(inner, ast.ClassDef):
                yield from public(inner)


def test_there_are_files() -> None:
    assert len(FILES) > 300


def test_nothing_else_lies_at_the_top() -> None:
    """Nothing that a test or a QEMU left where it was started, which the next commit would take along."""
    ignored = [line.strip("/") for line in (ROOT / ".gitignore").read_text().split()]
    found = {path.name for path in ROOT.iterdir()}
    assert {name for name in found - TOP if not any(fnmatch(name, pattern) for pattern in ignored)} == set()


def test_no_file_is_longer_than_400_lines() -> None:
    lines = {str(path.relative_to(ROOT)): path.read_text().count("\n") for path in FILES}
    assert {name: count for name, count in lines.items() if count > 400} == {}


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["prober", "tools"])
def test_what_is_public_says_what_it_is(folder: str) -> None:
    silent = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = str(path.relative_to(ROOT))
        module = ast.parse(path.read_text())
        if module.body and ast.get_docstring(module) is None:
            silent.append(name)
        if name not in _OF_A_PROTOCOL:
            silent += [f"{name}:{item.lineno} {item.name}" for item in public(module) if not ast.get_docstring(item)]
    assert silent == []


@pytest.mark.slow
def test_equal_choices_are_written_in_one_order() -> None:
    """``Literal["a", "b"] | None`` equals ``Literal["b", "a"] | None``, and ``typing`` may hand out one for the other.

    Which one depends on the version of Python and on what is imported first, and so would the order of the words in
    sentences and documents.
    """
    orders: dict[frozenset[str], dict[tuple[str, ...], str]] = {}
    for path in FILES:
        for union in ast.walk(ast.parse(path.read_text())):
            for one in (union.left, union.right) if isinstance(union, ast.BinOp) else ():
                if isinstance(one, ast.Subscript) and ast.unparse(one.value) == "Literal":
                    words = ast.unparse(one.slice).strip("()").split(", ")
                    orders.setdefault(frozenset(words), {})[tuple(words)] = f"{path.relative_to(ROOT)}:{one.lineno}"
    assert orders
    assert [found for found in orders.values() if len(found) > 1] == []
