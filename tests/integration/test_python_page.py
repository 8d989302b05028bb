"""docs/python.md runs as it stands: in a checkout, with Debian's QEMU, and with a service on ``run/prober.sock``."""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.integration.service_process import start_ready_service
from tests.recordings import FIXTURES

PAGE = CHECKOUT / "docs" / "python.md"

pytestmark = [pytest.mark.needs("qemu"), pytest.mark.slow]


@pytest.fixture
def like_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A directory with what the page names, and a service in it that is like a newcomer's: of the first file nobody can
    tell anything, and one recording is of another target."""
    (tmp_path / "fixtures").symlink_to(CHECKOUT / "fixtures")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "prober.sock").symlink_to(tmp_path / "s.sock")
    (tmp_path / "none").mkdir()
    (tmp_path / "a-qemu").symlink_to("/bin/false")
    options: list[object] = ["--directory", tmp_path / "none", "--binary", tmp_path / "a-qemu"]
    for version in ("aarch64-7.2.22", "5.2.0", "10.0.13"):
        options += ["--replies", FIXTURES / f"qemu-{version}.replies.xz"]
    monkeypatch.chdir(tmp_path)
    with start_ready_service(tmp_path, *options, measured=False):
        yield


@pytest.mark.usefixtures("like_a_checkout")
def test_the_page_runs() -> None:
    failed, tried = doctest.testfile(
        str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )
    assert tried > 20
    assert failed == 0
