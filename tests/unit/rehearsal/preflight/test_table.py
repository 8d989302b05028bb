"""Nothing that proving stands in for, and no need, is without a row."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from prober.proof.row import Treatment
from prober.proof.rows.boot import DEVICE_FILES
from prober.proof.rows.devices import PROPERTIES
from prober.proof.rows.tables import TABLES
from prober.rehearsal.preflight.look import device_row
from prober.rehearsal.preflight.table import ITEM_LOOKS, NEED_LOOKS, Nothing, NotLookedAt
from tests.recordings import ROOT

#: What a row that stands in says of something that the host has to give.
_OF_THE_HOST = (Treatment.stood_in, Treatment.left_out)


@pytest.mark.parametrize("noun", sorted(TABLES))
def test_each_thing_that_proving_stands_in_for_has_a_row(noun: str) -> None:
    names = {name for name, row in TABLES[noun].rows.items() if row.treatment in _OF_THE_HOST}
    assert names
    if noun == "device":
        missing = {name for name in names if device_row(name) is None}
    else:
        missing = names - set(ITEM_LOOKS[noun])
    assert missing == set()


def test_each_property_that_names_a_file_has_a_row() -> None:
    assert {*PROPERTIES, *DEVICE_FILES} <= set(ITEM_LOOKS["property"])


def test_each_row_without_a_look_says_why() -> None:
    rows = [row for table in (*ITEM_LOOKS.values(), NEED_LOOKS) for row in table.values()]
    assert all(row.why for row in rows if isinstance(row, (Nothing, NotLookedAt)))
    assert sum(callable(row) for row in rows) > 50


def _kinds(path: Path) -> set[str]:
    """The kinds of needs that a file makes: the first word of each ``Need(…)``, and of what hands one on."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in ("Need", "file_to_write", "_needs", "_need"):
                found.add(str(node.args[0].value))
    return found


@pytest.mark.slow
def test_each_kind_of_need_has_a_row() -> None:
    files = [path for path in (ROOT / "prober").rglob("*.py") if "preflight" not in path.parts]
    kinds = set().union(*map(_kinds, files)) | {"secret", "environment"}
    assert len(kinds) > 30
    assert kinds - set(NEED_LOOKS) == set()
