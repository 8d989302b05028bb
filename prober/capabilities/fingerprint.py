"""What a cached answer depends on, and how two such things differ.

A :class:`Fingerprint` is plain data: it is stored beside the cached answer, and compared at every use.  How it is
taken from the host, and fast enough for every use, is in :mod:`prober.capabilities.fingerprinter`.

Each part is there because a QEMU answers differently when it changes: the file itself; the programs that a wrapper
script names (Debian 12's ``qemu-system-i386`` is one); the modules beside it (a type whose module is not installed
is an error, QEMU ``util/module.c``); all that the interviewed process executed or had mapped (the binary behind any
wrapper, whatever that does, its libraries, the modules that it loaded); whether ``/dev/kvm`` can be opened (KVM or
TCG); the kernel, the CPU and KVM's parameters (the features of ``-cpu host``, nested virtualisation, SEV and TDX); and
what is asked, which is this program's own version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict


class FileMark(NamedTuple):
    """One file as it was seen.  All numbers are -1 where there is no such file; times are in nanoseconds."""

    path: str
    device: int = -1
    inode: int = -1
    size: int = -1
    mtime_ns: int = -1
    ctime_ns: int = -1


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
    paths that a wrapper script names, ``modules`` the files in QEMU's module directories, ``files`` what the process
    that was asked executed or had mapped, and the symbolic links that libraries are found by; it is empty before the
    first interview.  ``kvm`` is whether ``/dev/kvm`` could be opened.  A recording depends on its file and on
    ``interview`` alone: there ``kvm`` is None and the host's parts are empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    file: FileMark
    programs: tuple[FileMark, ...] = ()
    modules: tuple[FileMark, ...] = ()
    files: tuple[FileMark, ...] = ()
    kvm: bool | None = None
    kernel: str = ""
    cpu: CpuMark = CpuMark()
    kvm_parameters: tuple[tuple[str, str], ...] = ()
    interview: str


class PartChange(NamedTuple):
    """A part of two fingerprints that differs: the name of the field, and a sentence with both values."""

    part: str
    said: str

    def __str__(self) -> str:
        return self.said


def digest(fingerprint: Fingerprint) -> str:
    """A name for all that a fingerprint holds: equal for equal ones.  Takes half a millisecond."""
    return sha256(fingerprint.model_dump_json().encode()).hexdigest()[:16]


#: So many paths are named at most.
_NAMED = 8


def differs(old: Fingerprint, new: Fingerprint) -> str | None:
    """The first part in which two fingerprints differ, with both values, or None where they are equal.

    ``"size of /usr/bin/qemu-system-x86_64: was 18397984, is 18397990"``
    """
    change = _first(old, new)
    return None if change is None else change.said


def change_of(old: Fingerprint | None, new: Fingerprint | None) -> PartChange | None:
    """The first part that differs, where there may have been no file, or may be none now."""
    if old is None or new is None:
        said = f"file: was {'there' if old else 'not there'}, is {'there' if new else 'gone'}"
        return None if old is new else PartChange("file", said)
    return _first(old, new)


def _first(old: Fingerprint, new: Fingerprint) -> PartChange | None:
    if old is new:
        return None
    for part, look in _PARTS.items():
        before, now = getattr(old, part), getattr(new, part)
        if before != now:
            return PartChange(part, next(look(before, now)))
    return None


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
    for was, now in zip(old, new, strict=False):
        yield from _marks(was, now)


def _names(marks: tuple[FileMark, ...]) -> str:
    """The paths, of many only the first."""
    more = f" and {len(marks) - _NAMED} more" if len(marks) > _NAMED else ""
    return (" ".join(mark.path for mark in marks[:_NAMED]) or "none") + more


def _modules(old: tuple[FileMark, ...], new: tuple[FileMark, ...]) -> Iterator[str]:
    before, after = {mark.path: mark for mark in old}, {mark.path: mark for mark in new}
    for path in sorted(before.keys() | after.keys()):
        was, now = before.get(path), after.get(path)
        if was is None or now is None:
            yield _was(f"module {path}", "installed" if was else "not installed", "installed" if now else "removed")
        else:
            yield from _marks(was, now)
    yield _was("modules", _names(old), _names(new))


def _files(old: tuple[FileMark, ...], new: tuple[FileMark, ...]) -> Iterator[str]:
    before = {mark.path: mark for mark in old}
    for now in new:
        if now.path in before:
            yield from _marks(before[now.path], now)
    yield _was("files that it runs", _names(old), _names(new))


def _cpu(old: CpuMark, new: CpuMark) -> Iterator[str]:
    for name, was, now in zip(CpuMark._fields, old, new, strict=True):
        if was != now:
            yield _flags(was, now) if name == "flags" else _was(f"host CPU's {name}", was, now)


def _flags(old: str, new: str) -> str:
    """CPU flags are hundreds: only what was lost and gained, unless the order alone differs."""
    was, now = set(old.split()), set(new.split())
    lost, gained = " ".join(sorted(was - now)), " ".join(sorted(now - was))
    if not lost and not gained:
        return _was("host CPU's flags", old, new)
    return _was("host CPU's flags", f"with {lost}" if lost else "without", f"with {gained}" if gained else "without")


def _parameters(old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...]) -> Iterator[str]:
    before, after = dict(old), dict(new)
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield _was(f"KVM parameter {name}", before.get(name, "not there"), after.get(name, "not there"))
    yield _was("KVM parameters", old, new)


def _value(what: str) -> Callable[[object, object], Iterator[str]]:
    return lambda old, new: iter([_was(what, old, new)])


#: In the order in which they are compared: what says what differs in two values of each part that are not equal.
_PARTS: dict[str, Callable[[Any, Any], Iterator[str]]] = {
    "path": _value("path"),
    "file": _marks,
    "programs": _programs,
    "modules": _modules,
    "files": _files,
    "kvm": _value("/dev/kvm can be opened"),
    "kernel": _value("kernel release"),
    "cpu": _cpu,
    "kvm_parameters": _parameters,
    "interview": _value("version of the interview"),
}
