"""A file is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prober.qemu.whole import write_whole


@pytest.mark.parametrize("kept", [False, True])
def test_a_file_is_replaced_with_its_mode_and_owner(tmp_path: Path, kept: bool) -> None:
    path = tmp_path / "x"
    for data in (b"first", b"second"):
        write_whole(path, data, 0o640, owner=(os.geteuid(), os.getegid()), kept=kept)
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (data, 0o640)
    assert os.listdir(tmp_path) == ["x"]


def test_who_has_the_old_one_open_still_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_whole(path, b"old", 0o644)
    with path.open("rb") as reading:
        write_whole(path, b"newer", 0o644)
        assert reading.read() == b"old"


def test_on_a_failure_nothing_is_left_and_all_stays(tmp_path: Path) -> None:
    """Also where it fails at the very last."""
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y").write_text("stays")
    with pytest.raises(OSError):
        write_whole(tmp_path / "x", b"", 0o644)
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "x", b"", 0o644)
    assert os.listdir(tmp_path) == ["x"]
    assert os.listdir(tmp_path / "x") == ["y"]
