"""``prober watch``, as a process beside a service in which something changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prober.cli.watch import format_change
from prober.service.client import Client
from tests.conftest import CHECKOUT
from tests.unit.capabilities.asking import ID, Asker
from tests.unit.capabilities.making import make_binary, make_recording
from tests.unit.service.running import make_settings, running

_PATIENCE = 60.0


def _start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", "from prober.cli.main import main; main()", "watch", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.slow
def test_changes_are_printed(tmp_path: Path) -> None:
    make_binary(tmp_path / "bin")
    asker = Asker()
    with running(make_settings(tmp_path, {"cache_dir": None}), asker) as path:
        with Client(path, timeout=_PATIENCE) as client:
            assert client.get(f"/v1/binaries/{ID}").ok
        asker.answers[str(tmp_path / "bin" / ID)] = make_recording((8, 0, 0))
        lines = _start("--socket", path, "--past", "--count", 2)
        values = _start("--socket", path, "--past", "--json", "--count", 2)
        try:
            assert lines.stdout is not None
            assert lines.stdout.readline().split(" ", 1)[1] == f"learned {tmp_path}/bin/{ID}\n"
            make_binary(tmp_path / "bin", text="upgraded")
            printed, complaints = lines.communicate(timeout=_PATIENCE)
            told, _ = values.communicate(timeout=_PATIENCE)
        finally:
            for process in (lines, values):
                process.kill()
                process.wait(_PATIENCE)
    assert (lines.returncode, values.returncode, complaints) == (0, 0, "")
    first, second = printed.splitlines()
    assert first.split(" ", 1)[1] == f"changed {tmp_path}/bin/{ID}: size of {tmp_path}/bin/{ID}: was 3, is 8"
    assert second.strip() == "QEMU 7.2.22 -> 8.0.0: no difference"
    learned, changed = map(json.loads, told.splitlines())
    assert (learned["kind"], changed["kind"], changed["before"]) == ("learned", "changed", learned["now"])


def test_no_service_is_said_so(tmp_path: Path) -> None:
    process = _start("--socket", tmp_path / "none")
    _, complaints = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 5
    assert complaints.startswith(f"prober: there is no service on {tmp_path}/none\n")


def test_a_difference_is_told_in_a_line() -> None:
    counts = {"machines": {"added": 2, "removed": 1}, "properties": {"changed": 7}}
    change = {
        "kind": "changed", "at": 0.0, "binary": "/qemu", "said": "size: was 1, is 2",
        "difference": {"before": "7.2.0", "now": "8.0.0", "counts": counts},
    }  # fmt: skip
    line = format_change(change).splitlines()[1].strip()
    assert line == "QEMU 7.2.0 -> 8.0.0: machines 2 added, 1 removed; properties 7 changed"
