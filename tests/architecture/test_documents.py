"""What the documents and docstrings name is there: files, folders, make targets, modules and what is in them."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import resolve_name

import pytest

from tests.architecture.diffs import changes_of
from tests.architecture.imports import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

#: Paths in a document, from the root of the tree.
_PATH = re.compile(r"(?<![\w/.-])((?:prober|tests|tools|docs|packaging|fixtures)/[\w./-]*\w)")

#: Paths that are not of this tree: QEMU's and libvirt's own, and a name that stands for any.
_ELSEWHERE = re.compile(r"docs/(specs|interop|about)/|tests/qemu|X\.Y\.Z|[A-Z]{2}")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
#: A module of ours, or something in one: in a document, and in a docstring or comment.
_DOTTED = re.compile(r"`(prober(?:\.\w+)+)`")
_ROLE = re.compile(r":(?:mod|class|func|data|meth|attr):`~?(prober(?:\.\w+)+)`")
_TARGET = re.compile(r"`make ([a-z-]+)`")


def _names(path: Path) -> set[str]:
    return {name for name in _PATH.findall(path.read_text()) if not _ELSEWHERE.search(name)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_is_there(path: Path) -> None:
    text = path.read_text()
    made = {name for name, _ in changes_of(text)}
    missing = {name for name in _names(path) - made if not (ROOT / name).exists()}
    assert {name for name in missing if not list(ROOT.glob(f"{name}*"))} == set()
    assert [link for link in _LINK.findall(text) if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_targets_of_make_that_a_document_names_are_listed(path: Path) -> None:
    listed = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(_TARGET.findall(path.read_text())) - listed == set()


def _is_there(name: str) -> bool:
    try:
        resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_modules_and_functions_that_a_document_names_are_there(path: Path) -> None:
    # systemd's units and the file of settings have such names too.
    names = {name for name in _DOTTED.findall(path.read_text()) if not name.endswith((".socket", ".service", ".toml"))}
    assert {name for name in names if not _is_there(name)} == set()


def test_what_docstrings_and_comments_refer_to_is_there() -> None:
    sources = [path for room in ("prober", "tests", "tools") for path in (ROOT / room).rglob("*.py")]
    named = {(path.name, name) for path in sources for name in _ROLE.findall(path.read_text())}
    assert len(named) > 20
    assert {(file, name) for file, name in named if not _is_there(name)} == set()
