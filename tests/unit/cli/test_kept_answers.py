"""Answers of a recording that are kept: the same as before, as long as nothing changed; and never believed blindly."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import prober
from prober.cli import kept_answers
from prober.cli.kept_answers import KeptAnswers
from tests.conftest import CHECKOUT
from tests.recordings import FIXTURES

_RECORDING = FIXTURES / "qemu-7.2.22.replies.xz"


@pytest.fixture(name="cache")
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "prober" / "facts"


@pytest.fixture(name="recording")
def _recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is old enough to be relied upon."""
    monkeypatch.setattr(kept_answers, "_SETTLED_S", 0.0)
    file = tmp_path / "a.replies"
    file.write_text("a recording")
    return file


class _Asked:
    """Who is asked, and counts how often."""

    def __init__(self) -> None:
        self.facts: list[str] = []

    def __call__(self, fact: str) -> tuple[str, dict[str, Any]]:
        self.facts.append(fact)
        return "(QEMU 1.2.3, x86_64)", {"fact": fact, "verdict": "present"}


def _ask(recording: Path, *facts: str) -> list[str]:
    """The facts that were not known yet."""
    asked = _Asked()
    answers = KeptAnswers(recording, asked)
    for fact in facts:
        assert answers.supports(fact) == {"fact": fact, "verdict": "present"}
    assert answers.name() == f"{recording} (QEMU 1.2.3, x86_64)"
    answers.keep()
    return asked.facts


def test_what_was_asked_before_is_known(cache: Path, recording: Path) -> None:
    assert _ask(recording, "a", "b", "a") == ["a", "b"]
    assert _ask(recording, "b", "c") == ["c"]
    assert _ask(recording, "a", "b", "c") == []
    (file,) = cache.iterdir()
    assert (file.stat().st_mode & 0o777, cache.stat().st_mode & 0o777) == (0o600, 0o700)


def test_another_recording_in_its_place_is_read(cache: Path, recording: Path) -> None:
    """Also one of the same size and time, in the same file."""
    assert _ask(recording, "a") == ["a"]
    found = recording.stat()
    time.sleep(0.02)  # the kernel's clock of files
    recording.write_text("A recording")
    os.utime(recording, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert recording.stat().st_size == found.st_size
    assert _ask(recording, "a") == ["a"]
    other = recording.with_name("b")
    other.write_text("a recording")
    other.replace(recording)
    assert _ask(recording, "a") == ["a"]


def test_other_code_answers_anew(cache: Path, recording: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "prober"
    for room in ("capabilities", "qemu"):
        (package / room).mkdir(parents=True)
    (package / "qemu" / "x.py").write_text("1")
    monkeypatch.setattr(prober, "__file__", str(package / "__init__.py"))
    assert (_ask(recording, "a"), _ask(recording, "a")) == (["a"], [])
    (package / "qemu" / "x.py").write_text("12")
    assert (_ask(recording, "a"), _ask(recording, "a")) == (["a"], [])
    monkeypatch.setattr(prober, "__version__", "9")
    assert _ask(recording, "a") == ["a"]


def test_a_file_that_may_be_changed_again_is_not_relied_upon(cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "new.replies"
    file.write_text("")
    assert (_ask(file, "a"), _ask(file, "a"), cache.exists()) == (["a"], ["a"], False)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b'{"of": 1}', b"[" * 100_000, b"\xff", b"0" * (kept_answers._MOST_BYTES + 1)]
)
def test_what_is_damaged_is_replaced(cache: Path, recording: Path, text: bytes) -> None:
    assert _ask(recording, "a") == ["a"]
    (file,) = cache.iterdir()
    file.write_bytes(text)
    assert (_ask(recording, "a"), _ask(recording, "a")) == (["a"], [])


def test_what_others_may_have_written_is_not_believed(cache: Path, recording: Path) -> None:
    assert _ask(recording, "a") == ["a"]
    (file,) = cache.iterdir()
    file.chmod(0o620)
    assert _ask(recording, "a") == ["a"]
    file.chmod(0o600)
    own = file.rename(file.with_name("own"))
    file.symlink_to(own)
    assert _ask(recording, "a") == ["a"]
    file.unlink()
    os.mkfifo(file)
    assert _ask(recording, "a") == ["a"]


def test_there_is_an_end_to_what_is_kept(cache: Path, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_answers, "_MOST_FILES", 2)
    for number in range(4):
        file = recording.with_name(f"{number}.replies")
        file.write_text("")
        assert _ask(file, "a") == ["a"]
    assert len(list(cache.iterdir())) == 2
    monkeypatch.setattr(kept_answers, "_MOST_BYTES", 100)
    assert (_ask(file, "b"), _ask(file, "b")) == (["b"], ["b"])


def test_a_place_that_cannot_be_written_is_no_error(monkeypatch: pytest.MonkeyPatch, recording: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert (_ask(recording, "a"), _ask(recording, "a")) == (["a"], ["a"])


@pytest.mark.slow
def test_the_command_says_the_same_and_loads_less(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "q.replies.xz"
    shutil.copy(_RECORDING, file)
    time.sleep(2.1)  # until it is relied upon
    code = (
        "import sys; from prober.cli.start import start\n"
        "try: start()\nfinally:\n"
        "    print(sorted({'pydantic_core', 'prober.cli.local'} & set(sys.modules)), file=sys.stderr)"
    )

    def run(*words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-c", code, "supports", "--replies", file, *words],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    facts = ("e1000", "virtio-net-pci.nope", "-no-such", "PIIX4_PM.acpi-root-pci-hotplug")
    for words in (("--", *facts), ("--json", "--", *facts)):
        first, second = run(*words), run(*words)
        assert first[:2] == second[:2]
        assert (first[0], second[2]) == (1, "[]\n")
    assert json.loads(first[1])[1]["suggestions"] == json.loads(run("virtio-net-pci.nope", "--json")[1])["suggestions"]
    assert run("e1000", "bad..fact")[0] == 2
