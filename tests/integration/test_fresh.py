"""Never stale: each part of what an answer depends on is changed in real files, and the answer changes with it.

The QEMU is a process that speaks QMP, and what it says of itself is what is in the files of its tree; the host's CPU,
kernel, ``/dev/kvm`` and parameters of KVM are a tree of their own.  The catalog looks at nothing by itself (its poll is
an hour away): that a change is noticed is the kernel's word, or the comparison at the use.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, make_open_directory
from tests.integration.fresh import LINKED, PLAIN, WRAPPED, Running, Tree, catalog_settings, make_tree, run_catalog
from tests.integration.processes import wait_until


@pytest.fixture(scope="module")
def tree() -> Iterator[Tree]:
    """Where every user can look, as a QEMU in a box is nobody."""
    with make_open_directory() as place:
        yield make_tree(place)


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
    wait_until(lambda: plain.entry(PLAIN).state == "failed")
    assert "no such file" in str(plain.entry(PLAIN).error)
    returned = time.time()
    program.with_name("away").rename(program)
    wait_until(lambda: plain.entry(PLAIN).state == "ready")
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
        wait_until(lambda: running.said(PLAIN)["kernel"] == "6.1.0-2-amd64")
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


def test_rights_of_kvm(open_directory: Path) -> None:
    """As an ordinary user: root may open whatever there is.  The kernel tells, and the comparison finds it."""
    root = open_directory
    (root / "dev").mkdir()
    (root / "dev/kvm").write_text("")
    if os.geteuid() == 0:
        os.chown(root / "dev/kvm", 65534, 65534)
    command = [sys.executable, "-c", _AS_NOBODY, str(root), "/bin/sh"]
    ended = subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(CHECKOUT)}, check=True)
    assert ended.stdout.splitlines() == [
        "/dev/kvm can be opened: was True, is False 1",
        "/dev/kvm can be opened: was False, is True 2",
    ]
