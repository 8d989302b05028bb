"""Each part of a fingerprint is changed in real files, and named with both values."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.capabilities import directories as module
from prober.capabilities.fingerprint import CpuMark, FileMark, Fingerprint, change_of, differs, digest
from prober.capabilities.fingerprinter import Fingerprinter, own_version
from prober.errors import UnknownBinaryError
from tests.unit.capabilities.making import take_fingerprint, take_recording_fingerprint

CPUINFO = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 1
model name\t: AMD EPYC 7B13
stepping\t: 0
microcode\t: {microcode}
flags\t\t: fpu vme {flags}

processor\t: 1
vendor_id\t: Another
"""


@dataclass
class Fake:
    """A host in a directory: what a fingerprint is taken of, under one's own control."""

    root: Path

    @property
    def binary(self) -> Path:
        return self.root / "usr/bin/qemu-system-x86_64"

    @property
    def link(self) -> Path:
        return self.root / "usr/bin/link"

    @property
    def script(self) -> Path:
        return self.root / "usr/bin/qemu-system-i386"

    @property
    def behind(self) -> Path:
        return self.root / "usr/libexec/qemu-system-i386"

    @property
    def library(self) -> Path:
        return self.root / "opt/lib/libpixman.so"

    @property
    def ran(self) -> tuple[FileMark, ...]:
        """What a process of each was seen to run."""
        return FileMark(str(self.library)), FileMark(f"{self.library}.1")

    @property
    def modules(self) -> Path:
        return self.root / "usr/lib/qemu"

    def write(self, path: str, text: str) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def parameters(self, **values: str) -> None:
        """Load KVM's module (again): a new directory, as in sysfs."""
        place = self.root / "sys/module/kvm_amd"
        # Kept beside, so that its inode's number is not given to the new one.
        if place.exists():
            place.rename(place.with_name("old"))
        for name, value in values.items():
            self.write(f"sys/module/kvm_amd/parameters/{name}", f"{value}\n")

    def take(self, path: Path) -> Fingerprint:
        return take_fingerprint(path, self.ran, root=self.root)


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    made = Fake(tmp_path)
    made.write("usr/bin/qemu-system-x86_64", "ELF").chmod(0o755)
    made.link.symlink_to("qemu-system-x86_64")
    made.write("usr/libexec/qemu-system-i386", "ELF")
    made.write("usr/bin/qemu-system-i386", f'#!/bin/sh\n# a wrapper\nexe={made.behind}\nexec $exe "$@"\n')
    made.write("usr/lib/qemu/block-curl.so", "old")
    made.write("usr/lib/qemu/ui-gtk.so", "old")
    made.write("run/qemu/readme", "")
    made.write("opt/lib/libpixman.so", "library")
    made.library.with_name("libpixman.so.1").symlink_to("libpixman.so")
    made.write("dev/kvm", "")
    made.write("proc/cpuinfo", CPUINFO.format(microcode="0xa0011d1", flags="svm"))
    made.write("sys/devices/system/cpu/cpu0/microcode/version", "0xa0011d1\n")
    made.parameters(nested="1", sev="0")
    return made


def _replace(fake: Fake) -> None:
    new = fake.write("usr/bin/.new", "ELF2")
    new.replace(fake.binary)


def _retarget(fake: Fake) -> None:
    shutil.copy(fake.binary, fake.root / "usr/bin/other")
    fake.link.unlink()
    fake.link.symlink_to("other")


def _update_microcode(fake: Fake) -> None:
    fake.write("proc/cpuinfo", CPUINFO.format(microcode="0xa0011d5", flags="svm"))
    fake.write("sys/devices/system/cpu/cpu0/microcode/version", "0xa0011d5\n")


def _update_flags(fake: Fake) -> None:
    fake.write("proc/cpuinfo", CPUINFO.format(microcode="0xa0011d1", flags="avx512f"))
    fake.write("sys/devices/system/cpu/cpu0/microcode/version", "0xa0011d1 again\n")


def _grow_in_place(path: Path) -> None:
    with path.open("a") as file:
        file.write("more")


def _same_size(path: Path) -> None:
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def _unseen(path: Path) -> None:
    """Other bytes, with the size and the mtime of before."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"z")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _swap(path: Path) -> None:
    """Another file, with the size and the mtime of before."""
    before, new = path.stat(), path.with_name(".new")
    new.write_bytes(b"x" * before.st_size)
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(path)


def _redirect(fake: Fake) -> None:
    link = fake.library.with_name("libpixman.so.1")
    fake.write("opt/lib/libpixman.so.2", "newer")
    link.unlink()
    link.symlink_to("libpixman.so.2")


#: What is done, to which binary, what is said of it, and the part of the fingerprint that tells.
CHANGES: dict[str, tuple[Callable[[Fake], object], str, str, str]] = {
    "replaced by another file": (_replace, "binary", "inode of", "file"),
    "written in place": (lambda fake: _grow_in_place(fake.binary), "binary", "size of {binary}: was 3, is 7", "file"),
    "touched": (lambda fake: os.utime(fake.binary, ns=(1, 1)), "binary", "mtime_ns of {binary}: was ", "file"),
    "made not executable": (lambda fake: fake.binary.chmod(0o644), "binary", "ctime_ns of {binary}: was ", "file"),
    "link leads elsewhere": (_retarget, "link", "real path: was {binary}, is {root}/usr/bin/other", "file"),
    "program of a script changed": (
        lambda fake: _grow_in_place(fake.behind), "script", "size of {behind}: was 3, is 7", "programs",
    ),
    "program of a script gone": (lambda fake: fake.behind.unlink(), "script", "is none (no such file)", "programs"),
    "script names another program": (
        lambda fake: fake.script.write_text("#!/bin/sh\nexec /usr/bin/true\n"),
        "script", "size of {script}", "file",
    ),
    "module installed": (
        lambda fake: fake.write("usr/lib/qemu/new.so", "x"), "binary",
        "module {modules}/new.so: was not installed, is installed", "modules",
    ),
    "module removed": (
        lambda fake: (fake.modules / "ui-gtk.so").unlink(), "binary",
        "module {modules}/ui-gtk.so: was installed, is removed", "modules",
    ),
    "module written in place": (
        lambda fake: _grow_in_place(fake.modules / "ui-gtk.so"), "binary",
        "size of {modules}/ui-gtk.so: was 3, is 7", "modules",
    ),
    "module written in place, same size": (
        lambda fake: _same_size(fake.modules / "ui-gtk.so"), "binary", "mtime_ns of {modules}/ui-gtk", "modules",
    ),
    "module written in place, same size and mtime": (
        lambda fake: _unseen(fake.modules / "ui-gtk.so"), "binary", "ctime_ns of {modules}/ui-gtk", "modules",
    ),
    "module replaced, same size and mtime": (
        lambda fake: _swap(fake.modules / "ui-gtk.so"), "binary", "inode of {modules}/ui-gtk", "modules",
    ),
    "binary written in place, same size and mtime": (
        lambda fake: _unseen(fake.binary), "binary", "ctime_ns of {binary}: was ", "file",
    ),
    "library replaced, same size and mtime": (
        lambda fake: _swap(fake.library), "binary", "inode of {library}: was ", "files",
    ),
    "library written in place, same size and mtime": (
        lambda fake: _unseen(fake.library), "binary", "ctime_ns of {library}: was ", "files",
    ),
    "library gone": (lambda fake: fake.library.unlink(), "binary", "{library}: was ", "files"),
    "library found by another link": (_redirect, "binary", "inode of {library}.1: was ", "files"),
    "module directory gone": (lambda fake: shutil.rmtree(fake.modules), "binary", "module {modules}/block", "modules"),
    "modules of the last version kept": (
        lambda fake: fake.write("run/qemu/Debian_1/ui-gtk.so", "x"), "binary", "run/qemu/Debian_1: was not", "modules",
    ),
    "kvm gone": (
        lambda fake: (fake.root / "dev/kvm").unlink(), "binary",
        "/dev/kvm can be opened: was True, is False", "kvm",
    ),
    "microcode updated": (
        _update_microcode, "binary", "host CPU's microcode: was 0xa0011d1, is 0xa0011d5", "cpu",
    ),
    "CPU flags": (_update_flags, "binary", "host CPU's flags: was with svm, is with avx512f", "cpu"),
    "kvm module loaded again": (
        lambda fake: fake.parameters(nested="0", sev="0"), "binary",
        "KVM parameter kvm_amd.nested: was 1, is 0", "kvm_parameters",
    ),
    "kvm parameter gone": (
        lambda fake: fake.parameters(nested="1"), "binary", "kvm_amd.sev: was 0, is not there", "kvm_parameters",
    ),
}  # fmt: skip

#: What cannot be changed while a process lives: other values are put into the fingerprint itself.
FIXED = {
    "path": ("path: was {binary}, is /elsewhere", "/elsewhere"),
    "kernel": ("kernel release: was {kernel}, is 9.9", "9.9"),
    "interview": ("version of the interview: was {interview}, is 99", "99"),
}


def _words(fake: Fake, text: str) -> str:
    return text.format(
        binary=fake.binary, root=fake.root, behind=fake.behind, script=fake.script, modules=fake.modules,
        library=fake.library, kernel=os.uname().release, interview=own_version(),
    )  # fmt: skip


@pytest.mark.parametrize("inotify", [True, False], ids=["inotify", "no-inotify"])
@pytest.mark.parametrize("name", CHANGES)
def test_change_is_named(fake: Fake, name: str, inotify: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not inotify:
        monkeypatch.setattr(module, "Inotify", _no_inotify)
    change, attribute, said, part = CHANGES[name]
    path: Path = getattr(fake, attribute)
    with Fingerprinter(root=fake.root) as fingerprinter:
        before = fingerprinter.fingerprint(str(path), fake.ran)
        assert fingerprinter.fingerprint(str(path), before.files) is before
        change(fake)
        after = fingerprinter.fingerprint(str(path), before.files)
    found = change_of(before, after)
    assert found is not None
    assert _words(fake, said) in found.said
    assert found.part == part
    assert fake.take(path) == after


def _no_inotify() -> None:
    raise OSError("no inotify instances left")


def test_every_part_is_changed_by_some_test() -> None:
    assert {part for *_, part in CHANGES.values()} | FIXED.keys() == set(Fingerprint.model_fields)


@pytest.mark.parametrize("part", FIXED)
def test_fixed_parts_are_named(fake: Fake, part: str) -> None:
    said, value = FIXED[part]
    before = fake.take(fake.binary)
    assert differs(before, before.model_copy(update={part: value})) == _words(fake, said)


def test_two_module_changes_in_a_row(fake: Fake) -> None:
    """The watch is still there after an event."""
    with Fingerprinter(root=fake.root) as fingerprinter:
        seen = [fingerprinter.fingerprint(str(fake.binary))]
        for number in range(3):
            (fake.modules / "ui-gtk.so").write_text("x" * number)
            seen.append(fingerprinter.fingerprint(str(fake.binary)))
        assert len({item.model_dump_json() for item in seen}) == 4
        shutil.rmtree(fake.modules)
        fingerprinter.fingerprint(str(fake.binary))
        fake.write("usr/lib/qemu/back.so", "x")
        fingerprinter.fingerprint(str(fake.binary))
        (fake.modules / "back.so").write_text("longer")
        assert fingerprinter.fingerprint(str(fake.binary), fake.ran) == fake.take(fake.binary)


def test_hard_link_from_elsewhere_is_found_by_a_full_look(fake: Fake) -> None:
    other = fake.root / "elsewhere.so"
    other.hardlink_to(fake.modules / "ui-gtk.so")
    before = fake.take(fake.binary)
    other.write_text("changed")
    assert "ui-gtk.so" in (differs(before, fake.take(fake.binary)) or "")


def test_forgetting_reads_all_anew(fake: Fake) -> None:
    with Fingerprinter(root=fake.root) as fingerprinter:
        before = fingerprinter.fingerprint(str(fake.binary))
        fake.write("proc/cpuinfo", CPUINFO.format(microcode="0xa0011d1", flags="new"))
        assert fingerprinter.fingerprint(str(fake.binary)) == before
        fingerprinter.forget()
        assert "flags" in (differs(before, fingerprinter.fingerprint(str(fake.binary))) or "")


def test_parts_as_they_are(fake: Fake) -> None:
    taken = fake.take(fake.script)
    assert taken.cpu == CpuMark("AuthenticAMD", "25", "1", "0", "0xa0011d1", "fpu vme svm")
    assert taken.kvm is True
    assert taken.kvm_parameters == (("kvm_amd.nested", "1"), ("kvm_amd.sev", "0"))
    assert str(fake.behind) in {program.path for program in taken.programs}
    assert {Path(module.path).name for module in taken.modules} >= {"block-curl.so", "ui-gtk.so"}
    assert fake.take(fake.binary).programs == ()


def test_module_directories_can_be_added(fake: Fake) -> None:
    fake.write("opt/modules/own.so", "x")
    taken = take_fingerprint(fake.binary, root=fake.root, module_directories=[fake.root / "opt/modules"])
    assert any(module.path.endswith("opt/modules/own.so") for module in taken.modules)


def test_variant_tells_interviews_apart(fake: Fake) -> None:
    with Fingerprinter(root=fake.root, variant="tcg") as fingerprinter:
        assert fingerprinter.fingerprint(str(fake.binary)).interview == f"{own_version()} tcg"


def test_kvm_that_cannot_be_opened(fake: Fake) -> None:
    (fake.root / "dev/kvm").unlink()
    (fake.root / "dev/kvm").mkdir()
    assert fake.take(fake.binary).kvm is False


def test_recording_depends_on_its_file_alone(fake: Fake) -> None:
    path = fake.write("a.replies", "{}")
    before = take_recording_fingerprint(path)
    assert (before.kvm, before.modules, before.kernel, before.cpu) == (None, (), "", CpuMark())
    _grow_in_place(path)
    assert f"size of {path}" in (differs(before, take_recording_fingerprint(path)) or "")


@pytest.mark.parametrize("path", ["/nonexistent/qemu", "/dev/null/qemu", "with\0nul", "/" + "x" * 5000])
def test_no_such_file(path: str) -> None:
    with pytest.raises(UnknownBinaryError):
        take_fingerprint(path)


def test_round_trip(fake: Fake) -> None:
    taken = fake.take(fake.binary)
    assert Fingerprint.model_validate_json(taken.model_dump_json()) == taken


def test_nothing_stays_open(fake: Fake) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with Fingerprinter(root=fake.root) as fingerprinter:
        for _ in range(20):
            fingerprinter.fingerprint(str(fake.binary))
            fingerprinter.fingerprint(str(fake.script))
            fingerprinter.recording_fingerprint(str(fake.binary))
    assert len(os.listdir("/proc/self/fd")) == before


_marks = st.builds(FileMark, st.sampled_from(["/a", "/b"]), *[st.integers(-1, 2)] * 5)
_some_marks = st.lists(_marks, max_size=3).map(
    lambda marks: tuple(sorted({mark.path: mark for mark in marks}.values()))
)
_fingerprints = st.builds(
    Fingerprint,
    path=st.sampled_from(["/a", "/b"]),
    file=_marks,
    programs=st.lists(_marks, max_size=2).map(tuple),
    modules=_some_marks,
    files=_some_marks,
    kvm=st.sampled_from([True, False, None]),
    kernel=st.sampled_from(["6.1", "6.2"]),
    cpu=st.builds(CpuMark, *[st.sampled_from(["", "x", "y x", "x y"])] * 6),
    kvm_parameters=st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("01")), max_size=2, unique_by=lambda item: item[0]
    ).map(lambda pairs: tuple(sorted(pairs))),
    interview=st.sampled_from(["1", "2"]),
)


@given(_fingerprints, _fingerprints)
def test_differs_exactly_where_unequal(old: Fingerprint, new: Fingerprint) -> None:
    assert (differs(old, new) is None) == (old == new)
    assert (digest(old) == digest(new)) == (old == new)
