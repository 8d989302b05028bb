"""Never stale: each part of what an answer depends on is changed in real files, and the answer changes with it.

The QEMU is a process that speaks QMP, and what it says of itself is what is in the files of its tree; the host's CPU,
kernel, ``/dev/kvm`` and parameters of KVM are a tree of their own.  The catalog looks at nothing by itself (its poll is
an hour away): that a change is noticed is the kernel's word, or the comparison at the use.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from prober.capabilities import Capabilities
from prober.capabilities.catalog import Catalog, CatalogSettings
from prober.capabilities.changes import AnswerChange
from prober.capabilities.entry import Entry
from prober.qemu.limits import InterviewLimits
from tests.conftest import CHECKOUT
from tests.fakes.making import small_answers
from tests.integration.processes import PATIENCE

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
        self.wait_for(lambda: len(self.changes()) > self.seen)
        self.seen += 1
        return self.changes()[self.seen - 1]

    def wait_for(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)


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
        before, text = path.stat(), path.read_text()
        assert text.count(old) == 1
        assert len(old) == len(new)
        target = path.with_name(".new") if by_rename else path
        if by_rename:
            shutil.copy2(path, target)
        with target.open("r+") as file:
            file.write(text.replace(old, new))
        os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
        if by_rename:
            target.replace(path)
        after = path.stat()
        assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)

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


def _interpreter() -> str:
    """The system's own, which a box shows, where there is one."""
    return next((path for path in ("/usr/bin/python3",) if Path(path).exists()), sys.executable)


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
    program = PROGRAM_TEXT.format(interpreter=_interpreter(), root=root)
    for name in ("libexec/emulator", f"bin/{PLAIN}"):
        tree.write(name, program).chmod(0o755)
    tree.write("libexec/emulated", program.replace("build 1", "build 9")).chmod(0o755)
    tree.path(f"bin/{LINKED}").symlink_to("../libexec/emulator")
    tree.write(f"bin/{WRAPPED}", f'#!/bin/sh\nname=emulator\nexec {root}/libexec/$name "$@"\n').chmod(0o755)
    return tree


@pytest.fixture(scope="module")
def tree() -> Iterator[Tree]:
    """Where every user can look, as a QEMU in a box is nobody."""
    with tempfile.TemporaryDirectory(prefix="prober-fresh-") as place:
        Path(place).chmod(0o755)
        yield make_tree(Path(place))


def catalog_settings(*paths: Path, **more: Any) -> CatalogSettings:
    told = {
        "directories": (), "paths": paths, "qemu_kvm": None, "poll_s": 3600.0, "accel": "tcg",
        "limits": InterviewLimits(processes=1), **more,
    }  # fmt: skip
    return CatalogSettings.model_validate(told)


@pytest.fixture(scope="module")
def plain(tree: Tree) -> Iterator[Running]:
    """A catalog with the plain QEMU on the made host, which was asked once."""
    with run_catalog(catalog_settings(tree.root / "bin" / PLAIN), tree.host) as running:
        assert running.said(PLAIN)["program"] == "# build 1"
        assert running.next_change().kind == "learned"
        yield running


PIXMAN, MODULE, PROGRAM = "lib/libpixman.so", "lib/qemu/hw-display.so", f"bin/{PLAIN}"


def bump(name: str, *, by_rename: bool) -> Callable[[Tree], None]:
    """The next number at the end of a file, whose size and mtime stay."""

    def change(tree: Tree) -> None:
        last = tree.path(name).read_text().splitlines()[-1]
        tree.rewrite(name, last, f"{last[:-1]}{(int(last[-1]) + 1) % 10}", by_rename=by_rename)

    return change


def toggle_kvm(tree: Tree) -> None:
    device = tree.host / "dev/kvm"
    if device.exists():
        device.unlink()
    else:
        device.write_text("back")


#: What is done, the part of the fingerprint that tells of it, and what of itself the QEMU says otherwise then.
CHANGES: dict[str, tuple[Callable[[Tree], object], str, str]] = {
    "binary replaced": (bump(PROGRAM, by_rename=True), "file", "program"),
    "binary written in place": (bump(PROGRAM, by_rename=False), "file", "program"),
    "library replaced": (bump(PIXMAN, by_rename=True), "files", "library"),
    "library written in place": (bump(PIXMAN, by_rename=False), "files", "library"),
    "module added": (lambda tree: tree.write("lib/qemu/hw-usb.so", "usb 1"), "modules", "added"),
    "module replaced": (bump(MODULE, by_rename=True), "modules", "module"),
    "module written in place": (bump(MODULE, by_rename=False), "modules", "module"),
    "/dev/kvm vanishes": (toggle_kvm, "kvm", "kvm"),
    "/dev/kvm appears": (toggle_kvm, "kvm", "kvm"),
    "nested toggled": (lambda tree: tree.load_kvm(nested="1"), "kvm_parameters", "nested"),
    "microcode updated": (lambda tree: tree.set_microcode("0x12"), "cpu", "microcode"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_answer_changes(plain: Running, tree: Tree, name: str) -> None:
    """Files that are changed keep their size and their mtime."""
    change, part, of = CHANGES[name]
    before = plain.said(PLAIN)
    change(tree)
    said = plain.said(PLAIN)
    assert [key for key in said if said[key] != before[key]] == [of]
    told = plain.next_change()
    assert (told.kind, told.part) == ("changed", part), told


def test_binary_deleted_and_brought_back(plain: Running, tree: Tree) -> None:
    """It is noticed without anybody asking, and asked again within a second of its return."""
    program = tree.path(PROGRAM)
    program.rename(program.with_name("away"))
    plain.wait_for(lambda: plain.entry(PLAIN).state == "failed")
    assert "no such file" in str(plain.entry(PLAIN).error)
    returned = time.time()
    program.with_name("away").rename(program)
    plain.wait_for(lambda: plain.entry(PLAIN).state == "ready")
    entry = plain.entry(PLAIN)
    assert entry.asked_at is not None
    assert entry.asked_at - returned < 1.0
    assert [plain.next_change().kind for _ in range(2)] == ["failed", "changed"]


def test_library_lost_and_brought_back(plain: Running, tree: Tree) -> None:
    """What failed for want of a file is asked again when that is there; the binary itself has not changed."""
    program, library = tree.path(PROGRAM), tree.path(PIXMAN)
    text = program.read_text()
    program.write_text(text.replace("import sys\n", f"import sys\nopen({str(library)!r})\n", 1))
    before = plain.said(PLAIN)
    library.rename(library.with_name("away"))
    assert plain.ask(PLAIN).state == "failed"
    library.with_name("away").rename(library)
    assert plain.said(PLAIN) == before


def test_symbolic_link_and_wrapper(tree: Tree) -> None:
    """A link is redirected; a script that has the name of its program in a variable is edited."""
    linked, wrapped = tree.root / "bin" / LINKED, tree.root / "bin" / WRAPPED
    with run_catalog(catalog_settings(linked, wrapped), tree.host) as running:
        assert running.said(LINKED)["program"] == running.said(WRAPPED)["program"] == "# build 1"
        new = linked.with_name("new")
        new.symlink_to("../libexec/emulated")
        new.replace(linked)
        assert running.said(LINKED)["program"] == "# build 9"
        assert [running.next_change().part for _ in range(3)] == [None, None, "file"]
        tree.rewrite(f"bin/{WRAPPED}", "name=emulator", "name=emulated", by_rename=False)
        assert running.said(WRAPPED)["program"] == "# build 9"
        assert running.next_change().part == "file"


def test_kernel(tree: Tree) -> None:
    """A host that was moved under a running service: nothing tells of that, so it is found by looking."""
    with run_catalog(catalog_settings(tree.root / "bin" / PLAIN, poll_s=0.1), tree.host) as running:
        running.said(PLAIN)
        tree.write("host/proc/sys/kernel/osrelease", "6.1.0-2-amd64\n")
        running.wait_for(lambda: running.said(PLAIN)["kernel"] == "6.1.0-2-amd64")
        assert [running.next_change().part for _ in range(2)] == [None, "kernel"]


def test_package_is_installed_before_it_is_asked(tree: Tree) -> None:
    """Many files one after the other are one change: whoever asks meanwhile waits, and gets the whole of it."""
    with run_catalog(catalog_settings(tree.root / "bin" / PLAIN), tree.host) as running:
        running.said(PLAIN)
        running.next_change()
        for step in range(10):
            tree.write("lib/qemu/hw-display.so", f"display {step} of 9")
            tree.write("lib/libpixman.so", f"pixman {step} of 9")
            time.sleep(0.02)
        said = running.said(PLAIN)
        assert (said["module"], said["library"]) == ("display 9 of 9", "pixman 9 of 9")
        running.next_change()
        assert len(running.changes()) == running.seen


#: All is imported first: the checkout may lie where only root can read.
_AS_NOBODY = """
import os, sys
from pathlib import Path
from prober.capabilities.fingerprint import change_of
from prober.capabilities.fingerprinter import Fingerprinter, own_version
own_version()
root, binary = sys.argv[1:]
if os.geteuid() == 0:
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
news = []
with Fingerprinter(root=Path(root)) as fingerprinter:
    fingerprinter.watch_places([])
    fingerprinter.directories.on_event = lambda: news.append(None)
    before = fingerprinter.fingerprint(binary)
    for rights in (0o000, 0o600):
        (Path(root) / "dev/kvm").chmod(rights)
        after = fingerprinter.fingerprint(binary)
        print(change_of(before, after), len(news))
        before = after
"""


def test_rights_of_kvm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As an ordinary user: root may open whatever there is.  The kernel tells, and the comparison finds it."""
    root = tmp_path_factory.mktemp("rights")
    (root / "dev").mkdir()
    (root / "dev/kvm").write_text("")
    if os.geteuid() == 0:
        os.chown(root / "dev/kvm", 65534, 65534)
    for place in (root, *root.parents[:2]):
        place.chmod(place.stat().st_mode | 0o711)
    command = [sys.executable, "-c", _AS_NOBODY, str(root), "/bin/sh"]
    ended = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(CHECKOUT)}, check=True)
    assert ended.stdout.splitlines() == [
        "/dev/kvm can be opened: was True, is False 1",
        "/dev/kvm can be opened: was False, is True 2",
    ]
