"""Taking a fingerprint from the host, fast enough to be taken at every use.

What costs (listing the modules, reading ``/proc/cpuinfo`` and KVM's parameters) is kept for as long as the kernel
says that it cannot have changed, which takes a tenth of the time; and when nothing at all changed the very same
:class:`Fingerprint` object is returned.

- The binary, the programs of a wrapper script and ``/dev/kvm`` are looked at each time.
- A module directory is listed again when its own ``stat`` differs or when inotify has an event for it; where there is
  no inotify, each time.  A change that neither can see (through a hard link from another directory, through a memory
  map, by another host on a network file system) is found by whoever takes fingerprints with a new
  :class:`Fingerprinter` now and then, as the catalog's watcher does.
- KVM's parameters cannot be written while the module is loaded; a module that was loaded again has a new directory
  in sysfs, with another inode.
- The kernel release is fixed while this process lives; of the CPU only the microcode can change, which is looked at
  each time where the kernel gives it a file, and taken from ``/proc/cpuinfo`` where not.
"""

from __future__ import annotations

import os
import stat
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TypeAlias

import prober
from prober.capabilities.find import FoundFile
from prober.capabilities.fingerprint import CpuMark, FileMark, Fingerprint, ModuleMark
from prober.capabilities.inotify import Inotify
from prober.errors import UnknownBinaryError
from prober.qemu.scripts import find_programs

_Stat: TypeAlias = tuple[int, int, int, int]

#: Where QEMU's modules are, below the prefix of the binary or below /usr: CONFIG_QEMU_MODDIR is LIBDIR/qemu (QEMU,
#: ``meson.build``), relocated with the binary (``util/cutils.c``, get_relocated_path).
_MODULE_PLACES = tuple(
    dict.fromkeys(("lib/qemu", "lib64/qemu", f"lib/{sysconfig.get_config_var('MULTIARCH') or os.uname().machine}/qemu"))
)
#: Modules of the version before, kept over an upgrade (QEMU, ``util/module.c``, CONFIG_MODULE_UPGRADES).
_UPGRADE_PLACE = "run/qemu"

_KVM_PARAMETERS = {"kvm_intel": ("nested", "tdx"), "kvm_amd": ("nested", "sev", "sev_es", "sev_snp")}

_CPUINFO = {
    "vendor": ("vendor_id", "CPU implementer", "vendor"),
    "family": ("cpu family", "CPU architecture", "uarch"),
    "model": ("model", "CPU part", "machine"),
    "stepping": ("stepping", "CPU revision"),
    "microcode": ("microcode",),
    "flags": ("flags", "Features", "features", "isa"),
}


@cache
def own_version() -> str:
    """This program's version, and a digest of the code that asks and derives: another code, other answers."""
    digest = blake2b(digest_size=6)
    for package in ("qemu", "capabilities"):
        for source in sorted((Path(prober.__file__).parent / package).rglob("*.py")):
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return f"{prober.__version__}+{digest.hexdigest()}"


@dataclass(slots=True)
class _Known:
    """What was found for one path when its file was last new."""

    file: FileMark
    programs: tuple[str, ...]
    directories: tuple[str, ...]
    parts: tuple[object, ...] = ()
    fingerprint: Fingerprint | None = None


@dataclass(slots=True)
class _Directory:
    """One module directory as it was last listed; ``watch`` is None where inotify does not watch it."""

    seen: _Stat | None = None
    watch: int | None = None
    dirty: bool = True
    modules: tuple[ModuleMark, ...] = ()


@dataclass(slots=True)
class _Parameters:
    """KVM's parameters as they were last read, and the state of their directories then."""

    seen: tuple[_Stat | None, ...] = ()
    values: tuple[tuple[str, str], ...] = ()


@dataclass
class Fingerprinter:
    """Takes fingerprints of what is on this host.  Must be closed; for one thread.

    ``root`` is where the host's ``proc``, ``sys``, ``dev`` and ``run`` are, ``module_directories`` are looked into
    besides the usual ones, ``variant`` tells interviews apart that ask in another way (with TCG alone), ``watch``
    is for one that is used more than once.
    """

    root: Path = Path("/")
    module_directories: Iterable[Path] = ()
    variant: str = ""
    watch: bool = True
    _known: dict[str, _Known] = field(default_factory=dict)
    _directories: dict[str, _Directory] = field(default_factory=dict)
    _parameters: _Parameters = field(default_factory=_Parameters)
    _cpu: tuple[bytes | None, CpuMark] | None = None

    def __post_init__(self) -> None:
        self._kernel = os.uname().release
        self._kvm_path = str(self.root / "dev/kvm")
        self._microcode_path = str(self.root / "sys/devices/system/cpu/cpu0/microcode/version")
        modules = self.root / "sys/module"
        self._parameter_paths = tuple(str(modules / name / "parameters") for name in _KVM_PARAMETERS)
        self._inotify: Inotify | None = None
        self._interview = own_version() + (f" {self.variant}" if self.variant else "")
        if self.watch:
            with suppress(OSError):  # Without inotify the modules are listed each time.
                self._inotify = Inotify()

    def __enter__(self) -> Fingerprinter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the watches back.  May be called twice."""
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None
            self._directories.clear()

    def forget(self) -> None:
        """Read everything anew the next time."""
        self._known.clear()
        self._parameters = _Parameters()
        self._cpu = None
        for directory in self._directories.values():
            directory.dirty = True

    def fingerprint(self, path: str) -> Fingerprint:
        """The fingerprint of a binary as it is now; the same object as before where nothing changed.

        Takes about 30 µs where nothing changed: this blocks, and may be called on the event loop all the same, as
        a hop to a thread and back costs twice that.

        :raise UnknownBinaryError: where there is no file of this name, or it cannot be looked at.
        """
        mark, mode = _mark_and_mode(path)
        known = self._known.get(path)
        if known is None or known.file != mark:
            programs = find_programs(mark.path) if stat.S_ISREG(mode) else ()
            known = self._known[path] = _Known(mark, programs, self._find_directories((mark.path, *programs)))
        programs_now = tuple(map(_mark, known.programs))
        modules = self._find_modules(known.directories)
        parts = (programs_now, modules, self._can_open_kvm(), self._read_cpu(), self._read_parameters())
        if known.fingerprint is None or known.parts != parts:
            known.parts = parts
            known.fingerprint = Fingerprint(
                path=path,
                file=mark,
                programs=programs_now,
                modules=tuple(module for group in modules for module in group),
                kvm=parts[2],
                kernel=self._kernel,
                cpu=parts[3],
                kvm_parameters=parts[4],
                interview=self._interview,
            )
        return known.fingerprint

    def recording_fingerprint(self, path: str) -> Fingerprint:
        """The fingerprint of a recording as it is now, as :meth:`fingerprint` gives that of a binary."""
        mark, _ = _mark_and_mode(path)
        known = self._known.get(path)
        if known is None or known.fingerprint is None or known.file != mark:
            fingerprint = Fingerprint(path=path, file=mark, interview=own_version())
            known = self._known[path] = _Known(mark, (), (), (), fingerprint)
        assert known.fingerprint is not None
        return known.fingerprint

    def look(self, found: FoundFile) -> Fingerprint | None:
        """The fingerprint of a binary or a recording as it is now; None where there is no such file."""
        with suppress(UnknownBinaryError):
            return (self.recording_fingerprint if found.kind == "recording" else self.fingerprint)(found.path)
        return None

    def _can_open_kvm(self) -> bool:
        """Really opening it, as a static device node is there even where no KVM module is loaded (ENODEV)."""
        try:
            os.close(os.open(self._kvm_path, os.O_RDWR | os.O_CLOEXEC))
        except OSError:
            return False
        return True

    def _read_cpu(self) -> CpuMark:
        microcode = _read_small(self._microcode_path)
        if self._cpu is None or self._cpu[0] != microcode:
            self._cpu = microcode, _parse_cpuinfo(_read_small(str(self.root / "proc/cpuinfo"), 16384) or b"")
        return self._cpu[1]

    def _read_parameters(self) -> tuple[tuple[str, str], ...]:
        seen = tuple(map(_stat, self._parameter_paths))
        if seen != self._parameters.seen:
            values = tuple(
                (f"{module}.{name}", value.decode(errors="replace").strip())
                for (module, names), directory in zip(_KVM_PARAMETERS.items(), self._parameter_paths, strict=True)
                for name in names
                if (value := _read_small(f"{directory}/{name}")) is not None
            )
            self._parameters = _Parameters(seen, values)
        return self._parameters.values

    def _find_directories(self, programs: tuple[str, ...]) -> tuple[str, ...]:
        prefixes = dict.fromkeys([*(str(Path(program).parent.parent) for program in programs), "/usr"])
        places = [f"{prefix.rstrip('/')}/{place}" for prefix in prefixes for place in _MODULE_PLACES]
        return tuple(dict.fromkeys([*map(str, self.module_directories), *places, str(self.root / _UPGRADE_PLACE)]))

    def _find_modules(self, paths: tuple[str, ...]) -> tuple[tuple[ModuleMark, ...], ...]:
        if self._inotify is not None:
            changed = self._inotify.changed()
            if changed:
                for directory in self._directories.values():
                    directory.dirty |= directory.watch in changed or -1 in changed
        return tuple(map(self._list_directory, paths))

    def _list_directory(self, path: str) -> tuple[ModuleMark, ...]:
        directory = self._directories.get(path)
        if directory is None:
            directory = self._directories[path] = _Directory()
        seen = _stat(path)
        if seen is None:
            directory.seen, directory.modules = None, ()
        elif seen != directory.seen or directory.dirty or directory.watch is None:
            self._watch(path, directory, seen)
            directory.dirty = False
            directory.seen, directory.modules = seen, _list_modules(path)
        return directory.modules

    def _watch(self, path: str, directory: _Directory, seen: _Stat) -> None:
        """Watch before listing, so that a change in between is an event and not a gap."""
        if self._inotify is None:
            return
        if directory.watch is not None and directory.seen is not None and directory.seen[:2] != seen[:2]:
            self._inotify.remove(directory.watch)
        directory.watch = None
        with suppress(OSError):
            directory.watch = self._inotify.add(Path(path))


def _mark_and_mode(path: str) -> tuple[FileMark, int]:
    """The file behind a path, with its real path: one file, even where links change meanwhile."""
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            found = os.fstat(fd)
            real = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 - a third of the time of Path.readlink
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UnknownBinaryError(f"{path}: {reason}") from error
    return FileMark(
        real, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
    ), found.st_mode


def _mark(path: str) -> FileMark:
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat
    except OSError:
        return FileMark(path)
    return FileMark(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _stat(path: str) -> _Stat | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path.stat
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


def _list_modules(path: str) -> tuple[ModuleMark, ...]:
    modules = []
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            with suppress(OSError):  # Removed meanwhile, which is an event or another mtime.
                found = entry.stat()
                modules.append(ModuleMark(entry.path, found.st_size, found.st_mtime_ns))
    return tuple(sorted(modules))


def _read_small(path: str, size: int = 256) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, size)
    except OSError:
        return None
    finally:
        os.close(fd)


def _parse_cpuinfo(text: bytes) -> CpuMark:
    """The first processor of /proc/cpuinfo, whose lines are ``name<tab>: value``."""
    values: dict[str, str] = {}
    for line in text.decode(errors="replace").split("\n\n", 1)[0].splitlines():
        name, _, value = line.partition(":")
        values.setdefault(name.strip(), value.strip())
    return CpuMark(
        **{part: next((values[name] for name in names if name in values), "") for part, names in _CPUINFO.items()}
    )
