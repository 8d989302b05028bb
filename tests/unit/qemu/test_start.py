"""Each way in which a QEMU can fail to start ends in a named error, and leaves nothing."""

from __future__ import annotations

import os
import resource
from pathlib import Path

import pytest

from prober.errors import LaunchError
from prober.qemu.interview import interview
from tests.fakes.making import make_fake
from tests.unit.qemu.failing import LIMITS, Aio, fails

pytestmark = pytest.mark.slow


def test_no_such_file(aio: Aio, tmp_path: Path) -> None:
    error = fails(aio, tmp_path / "nothing")
    assert isinstance(error, LaunchError)
    assert error.message == f"cannot start {tmp_path}/nothing: No such file or directory"
    assert error.hint == "is QEMU installed, the path right, and does its interpreter exist?"


def test_not_executable(aio: Aio, tmp_path: Path) -> None:
    (tmp_path / "qemu").write_text("#!/bin/sh\n")
    error = fails(aio, tmp_path / "qemu")
    assert isinstance(error, LaunchError)
    assert "Permission denied" in error.message


def test_directory(aio: Aio, tmp_path: Path) -> None:
    assert isinstance(fails(aio, tmp_path), LaunchError)


def test_interpreter_missing(aio: Aio, tmp_path: Path) -> None:
    (tmp_path / "qemu").write_text("#!/nonexistent/interpreter\n")
    (tmp_path / "qemu").chmod(0o755)
    error = fails(aio, tmp_path / "qemu")
    assert isinstance(error, LaunchError)
    assert error.hint == "is QEMU installed, the path right, and does its interpreter exist?"


@pytest.mark.parametrize("content", [b"echo a shell script without a first line\n", b"\x7fELFnonsense", b""])
def test_not_a_program(aio: Aio, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "qemu").write_bytes(content)
    (tmp_path / "qemu").chmod(0o755)
    error = fails(aio, tmp_path / "qemu")
    assert isinstance(error, LaunchError)
    assert error.hint == "is it a program for this machine?"


@pytest.mark.parametrize("path", ["", "a\0b", "x" * 5000])
def test_impossible_path(aio: Aio, path: str) -> None:
    assert isinstance(fails(aio, path), LaunchError)


def test_root_that_is_not_there(aio: Aio, tmp_path: Path) -> None:
    with pytest.raises(LaunchError):
        aio(interview("/bin/true", root=tmp_path / "nowhere", accel="tcg"))


@pytest.mark.fault("descriptors")
def test_no_descriptors_left(aio: Aio, tmp_path: Path) -> None:
    """Wherever they run out, that is said, and those that were opened are closed."""
    fake = make_fake(tmp_path, "good")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def with_only(more: int) -> None:
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + more, hard))
        try:
            await interview(fake, limits=LIMITS.model_copy(update={"processes": 1}), accel="tcg")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    # The limit is the fake's too, which holds none of ours: it needs some to start at all.
    spare = [os.dup(0) for _ in range(32)]
    for more in range(9):
        before = len(os.listdir("/proc/self/fd"))
        try:
            aio(with_only(more))
        except LaunchError as error:
            assert "Too many open files" in error.message
            assert more < 7
        else:
            assert more > 3
        assert len(os.listdir("/proc/self/fd")) == before
    for descriptor in spare:
        os.close(descriptor)
