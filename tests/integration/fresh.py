"""A QEMU in a tree of files that are changed, on a host that is one as well, and a catalog that is asked about it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from prober.capabilities import Capabilities
from prober.capabilities.catalog import Catalog, CatalogSettings
from prober.capabilities.changes import AnswerChange
from prober.capabilities.entry import Entry
from prober.qemu.limits import InterviewLimits
from tests.conftest import CHECKOUT
from tests.fakes.making import EVERYBODYS_PYTHON, small_answers
from tests.integration.processes import PATIENCE, wait_until

T = TypeVar("T")


class Running:
    """A catalog on an event loop of its own, in a thread of the test."""

    def __init__(self, loop: asyncio.AbstractEventLoop, catalog: Catalog) -> None:
        self._loop = loop
        self.catalog = catalog
        self.seen = 0

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def ask(self, ident: str) -> Entry:
        """Ask as a client does: whatever is not stale is not asked again."""
        return self.do(self.catalog.find(ident))

    def said(self, ident: str) -> dict[str, str]:
        """What the QEMU says of itself."""
        entry = self.ask(ident)
        assert entry.version is not None, entry.error
        said: dict[str, str] = json.loads(entry.version.package)
        return said

    def entry(self, ident: str) -> Entry:
        """How it stands, without asking for anything."""

        async def look() -> Entry:
            return next(subject.entry() for subject in self.catalog._roster if subject.id == ident)

        return self.do(look())

    def changes(self) -> list[AnswerChange]:
        """All that was told."""

        async def latest() -> list[AnswerChange]:
            return self.catalog.changes.latest(1000).changes

        return self.do(latest())

    def next_change(self) -> AnswerChange:
        """The next one that was told, and was not looked at yet."""
        wait_until(lambda: len(self.changes()) > self.seen)
        self.seen += 1
        return self.changes()[self.seen - 1]


async def _nothing_differs(_: Capabilities, __: Capabilities) -> None:
    return None


@contextmanager
def run_catalog(settings: CatalogSettings, root: Path = Path("/")) -> Iterator[Running]:
    """A catalog that is asked from the test's own thread, and closed at the end."""
    made: list[Running] = []
    is_ready, over = threading.Event(), asyncio.Event()

    async def main() -> None:
        try:
            # What differs is worked out by another test: it takes longer than all of these.
            async with Catalog(settings, summarize=_nothing_differs, root=root) as catalog:
                made.append(Running(asyncio.get_running_loop(), catalog))
                is_ready.set()
                await over.wait()
        finally:
            is_ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert is_ready.wait(PATIENCE)
        yield made[0]
    finally:
        if made:
            made[0]._loop.call_soon_threadsafe(over.set)
        thread.join(PATIENCE)
        assert not thread.is_alive()


CPUINFO = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t: 1\nmicrocode\t: {}\nflags\t: fpu {}\n"

#: What each QEMU here is called.
PLAIN, LINKED, WRAPPED = "qemu-system-plain", "qemu-system-linked", "qemu-system-wrapped"


def write_unseen(path: Path, data: bytes, *, by_rename: bool) -> None:
    """Other content of the same size, with the mtime of before; in the file itself, or in another in its place."""
    before = path.stat()
    target = path.with_name(".new") if by_rename else path
    if by_rename:
        shutil.copy2(path, target)
    with target.open("r+b") as file:
        file.write(data)
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    if by_rename:
        target.replace(path)
    after = path.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


@dataclass
class Tree:
    """A QEMU with modules, a library and a wrapper, and the host that it is on."""

    root: Path

    @property
    def host(self) -> Path:
        return self.root / "host"

    def path(self, name: str) -> Path:
        return self.root / name

    def write(self, name: str, text: str) -> Path:
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def rewrite(self, name: str, old: str, new: str, *, by_rename: bool) -> None:
        """Other content of the same size, with the mtime of before."""
        path = self.path(name)
        text = path.read_text()
        assert text.count(old) == 1
        write_unseen(path, text.replace(old, new).encode(), by_rename=by_rename)

    def load_kvm(self, **values: str) -> None:
        """Load KVM's module with these parameters: a new directory, as in sysfs."""
        place = self.host / "sys/module/kvm_amd"
        if place.exists():
            place.rename(place.with_name(f"old{time.monotonic_ns()}"))
        for name, value in values.items():
            self.write(f"host/sys/module/kvm_amd/parameters/{name}", value)

    def set_microcode(self, version: str) -> None:
        self.write("host/proc/cpuinfo", CPUINFO.format(version, "svm"))
        self.write("host/sys/devices/system/cpu/cpu0/microcode/version", version)


#: Given `help` it has none.  A line of a number stands last.
PROGRAM_TEXT = """#!{interpreter} -S
import sys
if sys.argv[-1] == "help":
    sys.exit("qemu: Help is not available for this option")
sys.path.insert(0, "{root}/lib/python")
from tests.fakes import behaviours
behaviours.run("tells_of_files", "{root}/answers.json", {{}})
# build 1
"""


def make_tree(root: Path) -> Tree:
    """All of it, and what the QEMU tells of."""
    tree = Tree(root)
    tree.load_kvm(nested="0")
    tree.set_microcode("0x11")
    tree.write("host/dev/kvm", "here")
    tree.write("host/proc/sys/kernel/osrelease", "6.1.0-1-amd64\n")
    tree.write("lib/libpixman.so", "pixman 1")
    tree.write("lib/qemu/hw-display.so", "display 1")
    (root / "bin").mkdir()
    (root / "libexec").mkdir()
    files = {
        "kvm": str(tree.host / "dev/kvm"),
        "nested": str(tree.host / "sys/module/kvm_amd/parameters/nested"),
        "microcode": str(tree.host / "sys/devices/system/cpu/cpu0/microcode/version"),
        "kernel": str(tree.host / "proc/sys/kernel/osrelease"),
        "module": str(root / "lib/qemu/hw-display.so"),
        "added": str(root / "lib/qemu/hw-usb.so"),
    }
    mapped = {"library": str(root / "lib/libpixman.so")}
    answers = {**small_answers(), "files": files, "mapped": mapped}
    tree.write("answers.json", json.dumps(answers))
    # What it needs is in its own tree, so that it runs in a box as well.
    for name in ("__init__.py", "fakes/__init__.py", "fakes/speaker.py", "fakes/behaviours.py"):
        tree.write(f"lib/python/tests/{name}", (CHECKOUT / "tests" / name).read_text())
    program = PROGRAM_TEXT.format(interpreter=EVERYBODYS_PYTHON, root=root)
    for name in ("libexec/emulator", f"bin/{PLAIN}"):
        tree.write(name, program).chmod(0o755)
    tree.write("libexec/emulated", program.replace("build 1", "build 9")).chmod(0o755)
    tree.path(f"bin/{LINKED}").symlink_to("../libexec/emulator")
    tree.write(f"bin/{WRAPPED}", f'#!/bin/sh\nname=emulator\nexec {root}/libexec/$name "$@"\n').chmod(0o755)
    return tree


def catalog_settings(*paths: Path, **more: Any) -> CatalogSettings:
    told = {
        "directories": (), "paths": paths, "qemu_kvm": None, "poll_s": 3600.0, "accel": "tcg",
        "limits": InterviewLimits(processes=1), **more,
    }  # fmt: skip
    return CatalogSettings.model_validate(told)
