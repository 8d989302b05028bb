"""What the tests of faults have at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import make_open_directory
from tests.faults.host import link_qemu


@pytest.fixture
def directory() -> Iterator[Path]:
    """A place with a short path, as that of a socket has at most 107 bytes, into which everybody may look."""
    with make_open_directory() as made:
        yield made


@pytest.fixture
def qemu(directory: Path, qemu_binary: str) -> Path:
    """The installed QEMU, by a path of this test's own."""
    return link_qemu(directory, qemu_binary)
