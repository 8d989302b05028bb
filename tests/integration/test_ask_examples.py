"""``examples/ask.sh`` and ``examples/ask.py``, against a real service."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.integration.service_process import Service, start_ready_service
from tests.recordings import FIXTURES

SOUND = "fixtures/domains/example.xml"
REFUSED = "fixtures/domains/refused.xml"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("service")
    (directory / "none").mkdir()
    recording = FIXTURES / "qemu-10.0.13.replies.xz"
    with start_ready_service(
        directory, "--directory", directory / "none", "--replies", recording, shared=True
    ) as started:
        yield started


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    env = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(
        [str(word) for word in words], cwd=CHECKOUT, env=env, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.needs("curl")
def test_curl_asks(service: Service, tmp_path: Path) -> None:
    sound = run("sh", "examples/ask.sh", service.socket, SOUND)
    assert sound.returncode == 0, sound.stderr
    assert sound.stdout.startswith("QEMU: qemu-10.0.13")
    assert '"verdict":"present"' in sound.stdout.replace(" ", "")
    assert '"argv":["' in sound.stdout.replace(" ", "")
    refused = run("sh", "examples/ask.sh", service.socket, REFUSED)
    assert (refused.returncode, '"rule":"domain/check-hotplug"' in refused.stdout.replace(" ", "")) == (3, True)
    assert run("sh", "examples/ask.sh", tmp_path / "nothing", SOUND).returncode == 5


def test_python_asks(service: Service) -> None:
    ended = run(sys.executable, "examples/ask.py", service.socket, SOUND, REFUSED)
    assert ended.returncode == 3, ended.stderr
    assert f"{SOUND} on qemu-10.0.13: " in ended.stdout
    assert "[domain/check-hotplug]" in ended.stdout
    assert run(sys.executable, "examples/ask.py", service.socket, SOUND).returncode == 0


def test_what_python_cannot_ask_about_is_told_in_a_line(service: Service, tmp_path: Path) -> None:
    (tmp_path / "broken.xml").write_text("<domain>")
    asked: list[tuple[Path, str | Path, int]] = [
        (service.socket, tmp_path / "none.xml", 2),
        (service.socket, tmp_path / "broken.xml", 2),
        (tmp_path / "none.sock", SOUND, 5),
    ]
    for socket, domain, code in asked:
        ended = run(sys.executable, "examples/ask.py", socket, domain)
        assert (ended.returncode, ended.stderr.count("\n")) == (code, 1), ended.stderr
