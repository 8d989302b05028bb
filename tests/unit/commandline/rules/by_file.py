"""The lines of :mod:`tests.unit.commandline.rules.test_lines`, all of a file in one test: what ``make mutants`` runs.

Each of thousands of changes is a run of its own, and to find thousands of tests takes longer than they do.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.commandline.rules.test_lines import FILES, found, read

CASES = {path: read(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_the_rules_find_this_and_no_more_in_any_line(path: Path) -> None:
    for case in CASES[path]:
        assert found(case) == case.found, str(case)
