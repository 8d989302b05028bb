"""What the documents name is there: files, folders, make targets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.diffs import changes_of
from tests.architecture.imports import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

#: Paths in a document, from the root of the tree.
_PATH = re.compile(r"(?<![\w/.-])((?:prober|tests|tools|docs|packaging|fixtures)/[\w./-]*\w)")

#: Paths that are not of this tree: QEMU's and libvirt's own, and a name that stands for any.
_ELSEWHERE = re.compile(r"docs/(specs|interop)/|tests/qemu|X\.Y\.Z|[A-Z]{2}")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
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
