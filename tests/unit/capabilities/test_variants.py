"""Recordings of a QEMU that was asked under another accelerator first: libvirt calls them ``9.2.0+hvf``."""

from __future__ import annotations

import lzma
from pathlib import Path

from prober.capabilities import Capabilities
from prober.qemu.files import read_recording
from prober.qemu.recording import Exchange, Part, Recording
from tests.conformance.suite import find_cases, newest
from tests.conftest import aio
from tests.unit.capabilities.making import make_recording


def _asked_under_hvf() -> Recording:
    whole = make_recording((9, 2, 0)).parts[0]
    first = Part((*whole.exchanges, Exchange("query-kvm", None, {"enabled": False, "present": False}), _models("host")))
    return Recording((first, Part((Exchange("qmp_capabilities", None, {}), _models("max")))))


def _models(name: str) -> Exchange:
    return Exchange("query-cpu-definitions", None, [{"name": name, "typename": f"{name}-cpu", "static": False}])


def test_the_second_part_is_what_it_says_under_tcg(tmp_path: Path) -> None:
    file = tmp_path / "qemu-9.2.0+hvf.replies.xz"
    file.write_bytes(lzma.compress(_asked_under_hvf().dumps().encode()))
    caps = Capabilities.from_recording(aio(read_recording(file)))
    assert list(caps.accelerators) == ["tcg", "hvf"]
    models = {name: set(accelerator.cpu_models or ()) for name, accelerator in caps.accelerators.items()}
    assert models == {"tcg": {"max"}, "hvf": {"host"}}


def test_the_suite_reads_such_names(tmp_path: Path) -> None:
    for name in ("one.9.2.0+hvf.args", "one.10.0.0.args", "two+three.8.2.0+amdsev.err", "one.xml", "README.md"):
        (tmp_path / name).touch()
    assert [(case.name, case.version, case.kind) for case in find_cases(tmp_path)] == [
        ("one", "10.0.0", "args"),
        ("one", "9.2.0+hvf", "args"),
        ("two+three", "8.2.0+amdsev", "err"),
    ]
    for name in ("qemu-9.2.0.replies.xz", "qemu-10.0.0.replies.xz", "qemu-11.0.0+hvf.replies.xz"):
        (tmp_path / name).touch()
    assert newest(tmp_path) == "10.0.0"
