"""Taking a fingerprint from the host, fast enough to be taken at every use.

What costs (looking at modules and at all that a QEMU has mapped, reading ``/proc/cpuinfo`` and KVM's parameters) is
kept for as long as the kernel says that it cannot have changed, which takes a tenth of the time; and when nothing at
all changed the very same :class:`Fingerprint` object is returned.

- The binary, the programs of a wrapper script and ``/dev/kvm`` are looked at each time.
- Modules and mapped files are looked at again when their directory's own ``stat`` differs or when inotify has an event
  for one of them; where there is no inotify, each time (:mod:`prober.capabilities.directories`).  A change that
  neither can see is found by whoever takes fingerprints with a new :class:`Fingerprinter` now and then, as the
  catalog's watcher does.
- KVM's parameters cannot be written while the module is loaded; a module that was loaded again has a new directory
  in sysfs, with another inode.
- The kernel release is fixed while this process lives, unless that is moved to another host; of the CPU only the
  microcode can change, which is looked at each time where the kernel gives it a file, and taken from ``/proc/cpuinfo``
  where not.
"""

from __future__ import annotations

import os
import stat
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from pathlib import Path

import prober
from prober.capabilities.directories import Directories, FileGroup
from prober.capabilities.find import PREFIX, FoundFile
from prober.capabilities.fingerprint import CpuMark, FileMark, Fingerprint
from prober.capabilities.inotify import NAMES
from prober.capabilities.marks import Stat, links_of, mark_and_mode, mark_of, read_small, stat_of
from prober.errors import UnknownBinaryError
from prober.qemu.scripts import find_programs

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
    """What was found for one path when its file was last new.

    ``seen`` is what its programs were.  ``group`` are the files that a QEMU has mapped, of which the ``fingerprint`` of
    an answer told (``of``).
    """

    file: FileMark
    programs: tuple[str, ...]
    directories: tuple[str, ...]
    seen: tuple[FileMark, ...] = ()
    group: FileGroup | None = None
    of: tuple[FileMark, ...] = ()
    parts: tuple[object, ...] = ()
    fingerprint: Fingerprint | None = None


@dataclass(slots=True)
class _Parameters:
    """KVM's parameters as they were last read, and the state of their directories then."""

    seen: tuple[Stat | None, ...] = ()
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
    _parameters: _Parameters = field(default_factory=_Parameters)
    _cpu: tuple[bytes | None, CpuMark] | None = None

    def __post_init__(self) -> None:
        self._osrelease_path = str(self.root / "proc/sys/kernel/osrelease")
        self._kernel = ""
        self._kvm_path = str(self.root / "dev/kvm")
        self._microcode_path = str(self.root / "sys/devices/system/cpu/cpu0/microcode/version")
        modules = self.root / "sys/module"
        self._parameter_paths = tuple(str(modules / name / "parameters") for name in _KVM_PARAMETERS)
        self._interview = own_version() + (f" {self.variant}" if self.variant else "")
        self.directories = Directories(watch=self.watch)

    def __enter__(self) -> Fingerprinter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the watches back.  May be called twice."""
        self.directories.close()
        self._known.clear()

    def forget(self) -> None:
        """Read everything anew the next time."""
        self._known.clear()
        self._kernel = ""
        self._parameters = _Parameters()
        self._cpu = None
        self.directories.forget()

    def watch_places(self, directories: Iterable[Path], paths: Iterable[Path] = ()) -> None:
        """Have :attr:`directories` tell also of binaries that come and go in these, or at ``paths``, and of KVM.

        Of a directory that is not there it is told when it comes.
        """
        named = [(str(path.absolute().parent), [path.name]) for path in paths]
        for place, names in [*((str(directory.absolute()), []) for directory in directories), *named]:
            self.directories.watch(place, names=names, prefix="" if names else PREFIX)
            while stat_of(place) is None and place != "/":
                place, _, name = place.rpartition("/")
                place = place or "/"
                self.directories.watch(place, names=[name], mask=NAMES)
        self.directories.watch(str(self.root / "dev"), names=["kvm"], mask=NAMES)

    def fingerprint(self, path: str, files: tuple[FileMark, ...] = ()) -> Fingerprint:
        """The fingerprint of a binary as it is now; the same object as before where nothing changed.

        ``files`` is what a process of it was seen to run: these paths are looked at, as they are now.
        Takes about 30 µs where nothing changed: this blocks, and may be called on the event loop all the same, as
        a hop to a thread and back costs twice that.

        :raise UnknownBinaryError: where there is no file of this name, or it cannot be looked at.
        """
        self.directories.absorb()
        mark, mode = mark_and_mode(path)
        known = self._known.get(path)
        if known is None or known.file != mark:
            known = self._known[path] = self._find(path, mark, mode)
        if known.of is not files:
            if known.group is None or known.group.paths != tuple([one.path for one in files]):
                known.group = self.directories.group([one.path for one in files])
            known.of = files
        programs_now = tuple(map(mark_of, known.programs))
        if programs_now != known.seen:  # One of them may lead elsewhere now.
            known.programs, known.directories = self._find_around(mark, mode)
            programs_now = known.seen = tuple(map(mark_of, known.programs))
        modules = tuple(map(self.directories.listing, known.directories))
        files_now = self.directories.marks(known.group) if known.group is not None else ()
        parts = (programs_now, modules, files_now, self._can_open_kvm(), self._read_cpu(), self._read_parameters())
        if known.fingerprint is None or known.parts != parts:
            known.parts = parts
            known.fingerprint = Fingerprint(
                path=path,
                file=mark,
                programs=programs_now,
                modules=tuple(module for group in modules for module in group),
                files=files_now,
                kvm=parts[3],
                kernel=self._read_kernel(),
                cpu=parts[4],
                kvm_parameters=parts[5],
                interview=self._interview,
            )
            known.of = known.fingerprint.files
        return known.fingerprint

    def recording_fingerprint(self, path: str) -> Fingerprint:
        """The fingerprint of a recording as it is now, as :meth:`fingerprint` gives that of a binary."""
        mark, _ = mark_and_mode(path)
        known = self._known.get(path)
        if known is None or known.fingerprint is None or known.file != mark:
            fingerprint = Fingerprint(path=path, file=mark, interview=own_version())
            known = self._known[path] = _Known(mark, (), (), fingerprint=fingerprint)
        assert known.fingerprint is not None
        return known.fingerprint

    def look(self, found: FoundFile, files: tuple[FileMark, ...] = ()) -> Fingerprint | None:
        """The fingerprint of a binary or a recording as it is now; None where there is no such file.

        ``files`` as :meth:`fingerprint` has it.
        """
        with suppress(UnknownBinaryError):
            if found.kind == "recording":
                return self.recording_fingerprint(found.path)
            return self.fingerprint(found.path, files)
        return None

    def has_looked(self, found: FoundFile, files: tuple[FileMark, ...] = ()) -> bool:
        """Whether it has looked at just these already, so that :meth:`look` takes little time now."""
        known = self._known.get(found.path)
        return known is not None and known.of is files

    def prepare(self, files: Iterable[FileMark]) -> Iterator[None]:
        """What :meth:`look` would do with files of which nothing is known yet, a part of a millisecond a step."""
        return self.directories.prepare([file.path for file in files])

    def _find(self, path: str, mark: FileMark, mode: int) -> _Known:
        """What the file at a path has to do with, now that it is new."""
        self._watch_files(links_of(path))
        programs, directories = self._find_around(mark, mode)
        return _Known(mark, programs, directories, seen=tuple(map(mark_of, programs)))

    def _find_around(self, mark: FileMark, mode: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The programs that a script leads to, and the directories of modules that it and these may have."""
        programs = find_programs(mark.path) if stat.S_ISREG(mode) else ()
        self._watch_files(programs)
        return programs, self._find_directories((mark.path, *programs))

    def _watch_files(self, paths: Iterable[str]) -> None:
        if self.watch:
            for path in paths:
                place, _, name = path.rpartition("/")
                self.directories.watch(place or "/", names=[name])

    def _can_open_kvm(self) -> bool:
        """Really opening it, as a static device node is there even where no KVM module is loaded (ENODEV)."""
        try:
            os.close(os.open(self._kvm_path, os.O_RDWR | os.O_CLOEXEC))
        except OSError:
            return False
        return True

    def _read_kernel(self) -> str:
        if not self._kernel:
            release = read_small(self._osrelease_path)
            self._kernel = os.uname().release if release is None else release.decode(errors="replace").strip()
        return self._kernel

    def _read_cpu(self) -> CpuMark:
        microcode = read_small(self._microcode_path)
        if self._cpu is None or self._cpu[0] != microcode:
            self._cpu = microcode, parse_cpuinfo(read_small(str(self.root / "proc/cpuinfo"), 16384) or b"")
        return self._cpu[1]

    def _read_parameters(self) -> tuple[tuple[str, str], ...]:
        seen = tuple(map(stat_of, self._parameter_paths))
        if seen != self._parameters.seen:
            values = tuple(
                (f"{module}.{name}", value.decode(errors="replace").strip())
                for (module, names), directory in zip(_KVM_PARAMETERS.items(), self._parameter_paths, strict=True)
                for name in names
                if (value := read_small(f"{directory}/{name}")) is not None
            )
            self._parameters = _Parameters(seen, values)
        return self._parameters.values

    def _find_directories(self, programs: tuple[str, ...]) -> tuple[str, ...]:
        prefixes = dict.fromkeys([*(str(Path(program).parent.parent) for program in programs), "/usr"])
        places = [f"{prefix.rstrip('/')}/{place}" for prefix in prefixes for place in _MODULE_PLACES]
        return tuple(dict.fromkeys([*map(str, self.module_directories), *places, str(self.root / _UPGRADE_PLACE)]))


def parse_cpuinfo(text: bytes) -> CpuMark:
    """The first processor of /proc/cpuinfo, whose lines are ``name<tab>: value``."""
    values: dict[str, str] = {}
    for line in text.decode(errors="replace").split("\n\n", 1)[0].splitlines():
        name, _, value = line.partition(":")
        values.setdefault(name.strip(), value.strip())
    return CpuMark(
        **{part: next((values[name] for name in names if name in values), "") for part, names in _CPUINFO.items()}
    )
