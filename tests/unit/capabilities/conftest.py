"""What the tests of the catalog share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.capabilities.making import make_binary


@pytest.fixture
def bin_dir(tmp_path: Path) -> Path:
    """A directory with one binary."""
    make_binary(tmp_path / "bin")
    return tmp_path / "bin"
