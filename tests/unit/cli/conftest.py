"""Running the command in this process, as a user would in theirs."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prober.cli.main import main
from prober.qemu.recording import CRASHED, ErrorReply, Exchange, Part, Recording


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """``run(*words, stdin=b"")`` runs ``prober``, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run_prober(*words: object, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "argv", ["prober", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ended(int(ended.value.code or 0), captured.out, captured.err)

    return run_prober


@pytest.fixture
def replies(tmp_path: Path) -> Path:
    """A small recording: one type that answers, one that kills QEMU, one that was never asked."""
    exchanges = (
        Exchange("qmp_capabilities", None, {}),
        Exchange("query-version", None, {"qemu": {"major": 7, "minor": 2, "micro": 1}, "package": "(Debian 1:7.2)"}),
        Exchange("query-target", None, {"arch": "x86_64"}),
        Exchange("query-kvm", None, {"present": True, "enabled": False}),
        Exchange(
            "query-machines",
            None,
            [{"name": "pc-i440fx-7.2", "alias": "pc", "is-default": True, "cpu-max": 255, "hotpluggable-cpus": True}],
        ),
        Exchange("query-cpu-definitions", None, [{"name": "qemu64", "typename": "qemu64-x86_64-cpu"}]),
        Exchange(
            "qom-list-types",
            None,
            [{"name": name, "parent": "device"} for name in ("PIIX4_PM", "colo-compare", "silent")],
        ),
        Exchange("qom-list-properties", {"typename": "PIIX4_PM"}, [{"name": "acpi-root-pci-hotplug", "type": "bool"}]),
        Exchange(
            "qom-list-properties",
            {"typename": "colo-compare"},
            error=ErrorReply(CRASHED, "SIGABRT: assertion failed"),
        ),
    )
    path = tmp_path / "small.replies"
    path.write_text(Recording((Part(exchanges),)).dumps())
    return path
