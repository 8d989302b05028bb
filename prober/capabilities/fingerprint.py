"""What a cached answer depends on, and how two such things differ.

A :class:`Fingerprint` is plain data: it is stored beside the cached answer, and compared at every use.  How it is
taken from the host, and fast enough for every use, is in :mod:`prober.capabilities.fingerprinter`.

Each part is there because a QEMU answers differently when it changes: the file itself; the programs that a wrapper
script names (Debian 12's ``qemu-system-i386`` is one); the modules beside it (a type whose module is not installed
is an error, QEMU ``util/module.c``); whether ``/dev/kvm`` can be opened (KVM or TCG); the kernel, the CPU and KVM's
parameters (the features of ``-cpu host``, nested virtualisation, SEV and TDX); and what is asked, which is this
program's own version.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict


class FileMark(NamedTuple):
    """One file as it was seen.  All numbers are -1 where there is no such file; times are in nanoseconds."""

    path: str
    device: int = -1
    inode: int = -1
    size: int = -1
    mtime_ns: int = -1
    ctime_ns: int = -1


class ModuleMark(NamedTuple):
    """One file in a directory of QEMU modules; ``mtime_ns`` is in nanoseconds."""

    path: str
    size: int
    mtime_ns: int


class CpuMark(NamedTuple):
    """The host's first CPU, in the words of ``/proc/cpuinfo``; empty where that does not say (not x86)."""

    vendor: str = ""
    family: str = ""
    model: str = ""
    stepping: str = ""
    microcode: str = ""
    flags: str = ""


#: What ``/openapi.json`` calls it.
CpuMark.__qualname__ = "HostCpu"


class Fingerprint(BaseModel):
    """Everything that an answer about one binary depends on.

    ``path`` is how the binary is known, ``file`` what is there (with the real path).  ``programs`` are the absolute
    paths that a wrapper script names, ``modules`` the files in QEMU's module directories, ``kvm`` whether
    ``/dev/kvm`` could be opened.  A recording depends on its file and on ``interview`` alone: there ``kvm`` is None
    and the host's parts are empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    file: FileMark
    programs: tuple[FileMark, ...] = ()
    modules: tuple[ModuleMark, ...] = ()
    kvm: bool | None = None
    kernel: str = ""
    cpu: CpuMark = CpuMark()
    kvm_parameters: tuple[tuple[str, str], ...] = ()
    interview: str


def differs(old: Fingerprint, new: Fingerprint) -> str | None:
    """The first part in which two fingerprints differ, with both values, or None where they are equal.

    ``"size of /usr/bin/qemu-system-x86_64: was 18397984, is 18397990"``
    """
    if old is new:
        return None
    return next(_differences(old, new), None)


def change_of(old: Fingerprint | None, new: Fingerprint | None) -> str | None:
    """As :func:`differs` has it, where there may have been no file, or may be none now."""
    if old is None or new is None:
        return None if old is new else f"file: was {'there' if old else 'not there'}, is {'there' if new else 'gone'}"
    return differs(old, new)


def _differences(old: Fingerprint, new: Fingerprint) -> Iterator[str]:
    if old.path != new.path:
        yield _was("path", old.path, new.path)
    yield from _marks(old.file, new.file)
    yield from _programs(old.programs, new.programs)
    yield from _modules(old.modules, new.modules)
    if old.kvm != new.kvm:
        yield _was("/dev/kvm can be opened", old.kvm, new.kvm)
    if old.kernel != new.kernel:
        yield _was("kernel release", old.kernel, new.kernel)
    for name, was, now in zip(CpuMark._fields, old.cpu, new.cpu, strict=True):
        if was != now:
            yield _flags(was, now) if name == "flags" else _was(f"host CPU's {name}", was, now)
    yield from _parameters(dict(old.kvm_parameters), dict(new.kvm_parameters))
    if old.interview != new.interview:
        yield _was("version of the interview", old.interview, new.interview)


def _was(what: str, old: object, new: object) -> str:
    return f"{what}: was {old}, is {new}"


def _marks(old: FileMark, new: FileMark) -> Iterator[str]:
    if old.path != new.path:
        yield _was("real path", old.path, new.path)
    for name, was, now in zip(FileMark._fields[1:], old[1:], new[1:], strict=True):
        if was != now:
            gone = "none (no such file)"
            yield _was(f"{name} of {new.path}", gone if was == -1 else was, gone if now == -1 else now)


def _programs(old: tuple[FileMark, ...], new: tuple[FileMark, ...]) -> Iterator[str]:
    if [mark.path for mark in old] != [mark.path for mark in new]:
        yield _was("programs that the script names", _names(old), _names(new))
        return
    for was, now in zip(old, new, strict=True):
        yield from _marks(was, now)


def _names(marks: tuple[FileMark, ...]) -> str:
    return " ".join(mark.path for mark in marks) or "none"


def _modules(old: tuple[ModuleMark, ...], new: tuple[ModuleMark, ...]) -> Iterator[str]:
    if old == new:
        return
    before, after = {mark.path: mark for mark in old}, {mark.path: mark for mark in new}
    for path in sorted(before.keys() | after.keys()):
        was, now = before.get(path), after.get(path)
        if was is None or now is None:
            yield _was(f"module {path}", "installed" if was else "not installed", "installed" if now else "removed")
        elif was.size != now.size:
            yield _was(f"size of module {path}", was.size, now.size)
        elif was.mtime_ns != now.mtime_ns:
            yield _was(f"mtime_ns of module {path}", was.mtime_ns, now.mtime_ns)


def _flags(old: str, new: str) -> str:
    """CPU flags are hundreds: only what was lost and gained, unless the order alone differs."""
    was, now = set(old.split()), set(new.split())
    lost, gained = " ".join(sorted(was - now)), " ".join(sorted(now - was))
    if not lost and not gained:
        return _was("host CPU's flags", old, new)
    return _was("host CPU's flags", f"with {lost}" if lost else "without", f"with {gained}" if gained else "without")


def _parameters(old: dict[str, str], new: dict[str, str]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield _was(f"KVM parameter {name}", old.get(name, "not there"), new.get(name, "not there"))
