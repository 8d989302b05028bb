"""Each claim of docs/security.md names a test that is there."""

from __future__ import annotations

import ast
import re

from tests.architecture.imports import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text()

_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def _tests_in(path: str) -> set[str]:
    module = ast.parse((ROOT / path).read_text())
    return {node.name for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_test_that_is_named_is_there() -> None:
    named = _TEST.findall(TEXT)
    assert len(named) > 30
    assert [(path, name) for path, name in named if name not in _tests_in(path)] == []


def test_every_claim_names_a_test() -> None:
    """A row of a table whose last column is "held by"."""
    open_claims, is_held = [], False
    for line in TEXT.splitlines():
        if not line.startswith("|"):
            is_held = False
        elif "held by |" in line:
            is_held = True
        elif is_held and not line.startswith("| ---") and not _TEST.search(line.rstrip(" |").rpartition(" | ")[2]):
            open_claims.append(line)
    assert open_claims == []
    assert TEXT.count("held by |") == 8


def test_who_reports_is_told_where() -> None:
    text = (ROOT / "SECURITY.md").read_text()
    assert "Report a vulnerability" in text
    assert "@" not in text
