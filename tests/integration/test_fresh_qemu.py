"""Never stale, with a real QEMU: a copy of the installed one, behind a script that says nothing of where it is."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from prober.capabilities.evidence import Evidence
from prober.qemu.limits import InterviewLimits
from tests.conftest import make_open_directory
from tests.integration.fresh import Running, catalog_settings, run_catalog, write_unseen

ID = "qemu-wrapped"
DEVICE = "virtio-gpu-device"

#: Where modules are below a prefix (QEMU relocates it with the binary), and the one that has the device.
MODULES = "lib/x86_64-linux-gnu/qemu"
MODULE = f"{MODULES}/hw-display-virtio-gpu.so"

#: Nothing in here is the path of a program, of a library or of a directory with QEMUs.
WRAPPER = """#!/bin/sh
cd "${0%/*}/.."
export LD_LIBRARY_PATH="$PWD"/own
name=a
exec ./bin/emulator-$name "$@"
"""


@dataclass
class Copied:
    """The copy."""

    root: Path
    running: Running

    def path(self, name: str) -> Path:
        return self.root / name

    def package(self) -> str:
        """The packager's string, which is written in the program."""
        version = self.running.ask(ID).version
        assert version is not None, self.running.ask(ID)
        return version.package

    def device(self) -> str:
        """Whether there is the device that a module brings."""

        async def ask() -> Evidence:
            return (await self.running.catalog.capabilities(ID)).supports(DEVICE)

        return self.running.do(ask()).verdict

    def part(self) -> str | None:
        """The part that told of the last change."""
        return self.running.next_change().part


@pytest.fixture(scope="module")
def copied(qemu_binary: str) -> Iterator[Copied]:
    assert Path("/usr", MODULE).exists(), "install qemu-system-common"
    with make_open_directory() as root:
        for name in ("bin", "own", MODULES):
            (root / name).mkdir(parents=True)
        for name in ("a", "b"):
            shutil.copy2(qemu_binary, root / f"bin/emulator-{name}")
        for module in Path("/usr", MODULES).iterdir():
            shutil.copy2(module, root / MODULES)
        (library,) = Path("/usr/lib/x86_64-linux-gnu").glob("libpixman-1.so.0.*")
        shutil.copy2(library, root / "own/libpixman-1.so.0")
        (root / f"bin/{ID}").write_text(WRAPPER)
        (root / f"bin/{ID}").chmod(0o755)
        settings = catalog_settings(root / "bin" / ID, limits=InterviewLimits())
        with run_catalog(settings) as running:
            yield Copied(root, running)


def _mark(path: Path, old: bytes, new: bytes, *, by_rename: bool) -> None:
    """Other bytes in a file."""
    data = path.read_bytes()
    assert old in data
    write_unseen(path, data.replace(old, new), by_rename=by_rename)


def test_wrapped_qemu_is_never_stale(copied: Copied) -> None:
    """One after the other, as each interview takes a second: of what no text tells, the process did."""
    said = copied.package()
    assert copied.part() is None
    assert copied.running.ask(ID).untraced == ()
    words = said.encode()
    emulator = copied.path("bin/emulator-a")

    _mark(emulator, words, re.sub(rb"^.", b"1", words), by_rename=False)
    assert copied.package() == "1" + said[1:]
    assert copied.part() == "files"

    _mark(emulator, b"1" + words[1:], b"2" + words[1:], by_rename=True)
    assert copied.package() == "2" + said[1:]
    assert copied.part() == "files"

    assert copied.device() == "present"
    away = copied.path(MODULE).rename(copied.root / "away.so")
    assert copied.device() == "absent"
    assert copied.part() == "modules"
    away.rename(copied.path(MODULE))
    assert copied.device() == "present"
    assert copied.part() == "modules"

    asked = copied.running.ask(ID).asked_at
    _mark(copied.path("own/libpixman-1.so.0"), b"pixman", b"pixman", by_rename=True)
    assert copied.running.ask(ID).asked_at != asked
    assert copied.part() == "files"

    script = copied.path(f"bin/{ID}")
    _mark(script, b"name=a", b"name=b", by_rename=False)
    assert copied.package() == said
    assert copied.part() == "file"
