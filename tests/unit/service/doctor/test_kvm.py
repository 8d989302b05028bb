"""What is said of KVM, on trees that stand for hosts; the ioctls are tried where there is KVM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from prober.service.doctor.kvm import _nested, look_at_kvm
from tests.conftest import CHECKOUT


def _host(root: Path, flags: str = "", modules: tuple[str, ...] = (), nested: str = "") -> Path:
    (root / "dev").mkdir(exist_ok=True)
    (root / "proc").mkdir(exist_ok=True)
    (root / "proc/cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\n" if flags else "processor\t: 0\n")
    for module in modules:
        (root / "sys/module" / module / "parameters").mkdir(parents=True, exist_ok=True)
        if nested and module != "kvm":
            (root / "sys/module" / module / "parameters/nested").write_text(f"{nested}\n")
    return root


@pytest.mark.parametrize(
    ("flags", "modules", "level", "what", "todo"),
    [
        ("fpu vmx", (), "problem", "the module kvm_intel is not loaded", "modprobe kvm_intel"),
        ("fpu svm", (), "problem", "the module kvm_amd is not loaded", "modprobe kvm_amd"),
        ("fpu svm", ("kvm",), "problem", "kvm is loaded and /dev/kvm is not there", "PrivateDevices"),
        ("fpu vmx", ("kvm", "kvm_intel"), "problem", "kvm_intel is loaded and /dev/kvm is not there", "udevadm"),
        ("fpu hypervisor", (), "notice", "nested virtualization is off for it", "nested=1"),
        ("fpu hypervisor", ("kvm",), "notice", "nested virtualization is off for it", "host-passthrough"),
        ("fpu", (), "notice", "the CPU shows neither VT-x nor AMD-V", "BIOS"),
        ("", (), "notice", "there is no /dev/kvm", "modprobe kvm"),
    ],
)
def test_without_a_device(
    tmp_path: Path, flags: str, modules: tuple[str, ...], level: str, what: str, todo: str
) -> None:
    (found,) = look_at_kvm(_host(tmp_path, flags, modules))
    assert (found.topic, found.level, found.where) == ("kvm", level, str(tmp_path / "dev/kvm"))
    assert what in found.what
    assert todo in found.todo
    assert "TCG" in found.why


def test_a_file_that_is_not_kvm(tmp_path: Path) -> None:
    (_host(tmp_path) / "dev/kvm").write_text("")
    (found,) = look_at_kvm(tmp_path)
    assert (found.level, found.what) == ("problem", "/dev/kvm is a file that is not KVM")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to become another user")
@pytest.mark.parametrize(
    ("gid", "mode", "groups", "todo"),
    [
        (65533, 0o660, [], "usermod --append --groups 65533"),
        (0, 0o600, [], "chgrp kvm /dev/kvm and chmod 0660"),
        (65533, 0o600, [65533], "chgrp kvm /dev/kvm and chmod 0660"),
    ],
)
def test_a_device_that_may_not_be_opened(
    open_directory: Path, gid: int, mode: int, groups: list[int], todo: str
) -> None:
    """Opened by nobody, in a process of its own."""
    device = _host(open_directory) / "dev/kvm"
    device.write_text("")
    os.chown(device, 0, gid)
    device.chmod(mode)
    code = (
        "import json, os, sys; sys.path.insert(0, os.getcwd());"
        "from prober.service.doctor.kvm import look_at_kvm; from pathlib import Path;"
        f"os.setgroups({groups}); os.setgid(65534); os.setuid(65534);"
        "print(json.dumps([one.model_dump() for one in look_at_kvm(Path(sys.argv[1]))]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, open_directory], capture_output=True, text=True, check=True, cwd=CHECKOUT
    )
    (found,) = json.loads(done.stdout)
    assert found["level"] == "problem"
    assert "may not open /dev/kvm" in found["what"] and f"{mode:04o}" in found["what"]
    assert todo in found["todo"]


def test_the_kernel_makes_a_machine_where_there_is_kvm() -> None:
    """What it says of this host is true of it."""
    found = look_at_kvm()
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        assert found[0].level != "ok"
        return
    said = found[0].what
    assert said == "/dev/kvm can be opened, and the kernel makes a machine" or "makes no machine" in said


@pytest.mark.parametrize(("value", "level"), [("Y", "ok"), ("1", "ok"), ("N", "notice"), ("0", "notice")])
def test_whether_guests_can_have_guests(tmp_path: Path, value: str, level: str) -> None:
    (found,) = _nested(_host(tmp_path, modules=("kvm_intel",), nested=value))
    assert found.level == level
    assert found.where == str(tmp_path / "sys/module/kvm_intel/parameters/nested")
