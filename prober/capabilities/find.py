"""Finding the QEMU binaries of this host, and the recordings that stand in for some."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from prober.qemu.bundled import RECORDING_ENDS, named_recording, without_ending
from prober.qemu.limits import InterviewLimits

FileKind: TypeAlias = Literal["binary", "recording"]

#: What the binaries are called.
PREFIX = "qemu-system-"
_USUAL = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/libexec")


def name_a_file(value: Any) -> Any:
    """What names a file, or some, as it is.

    :raise PydanticCustomError: where no file can have the name: Linux takes no zero byte in one.
    """
    for name in value if isinstance(value, tuple) else (value,):
        if isinstance(name, str | Path) and "\0" in str(name):
            raise PydanticCustomError("zero_byte", "a name cannot have a zero byte in it")
    return value


def empty_is_none(value: object) -> object:
    """TOML and the environment have no word for nothing."""
    return None if value == "" else value


class CatalogSettings(BaseModel):
    """What the catalog serves, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    #: Directories that are searched for `qemu-system-*`.
    directories: tuple[Path, ...] = (Path("/usr/bin"), Path("/usr/local/bin"))
    #: The one binary that some distributions have elsewhere; empty: not looked for.
    qemu_kvm: Path | None = Path("/usr/libexec/qemu-kvm")
    #: Binaries by any other name, which stay in the catalog even while there is no such file.
    paths: tuple[Path, ...] = ()
    #: Recordings (files, directories of them, or those that come with prober by name: `qemu-7.2`, `bundled` for all)
    #: that are always served.
    recordings: tuple[Path, ...] = ()
    #: Recordings that are served only where no binary is found.
    fallback_recordings: tuple[Path, ...] = ()
    #: Directories of QEMU modules in unusual places.
    module_directories: tuple[Path, ...] = ()
    #: Where answers are kept; empty: nowhere on disk.
    cache_dir: Path | None = None
    limits: InterviewLimits = InterviewLimits()
    #: `auto`: with KVM where it can be had.  `tcg`: never with KVM.
    accel: Literal["auto", "tcg"] = "auto"
    #: How many interviews run at once; one uses two cores.
    max_interviews: int = Field(default=1, gt=0, le=1024)
    #: How long (seconds) after a failure that may pass a binary is asked again; each time twice as long, up to an hour.
    retry_s: float = Field(default=10.0, gt=0)
    #: How often (seconds) the catalog looks for changes before anyone asks.
    poll_s: float = Field(default=2.0, gt=0)

    _names_a_file = field_validator("*", mode="after")(name_a_file)

    _empty_is_none = field_validator("qemu_kvm", "cache_dir", mode="before")(empty_is_none)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file: the path it is known by, its real path, and other paths found for it."""

    path: str
    real_path: str
    kind: FileKind
    aliases: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that means this file."""
        return (self.path, *self.aliases, self.real_path)

    @property
    def name(self) -> str:
        """The last part of the path, without a recording's ending."""
        return without_ending(Path(self.path).name)


def find_all(settings: CatalogSettings) -> list[FoundFile]:
    """Every file that the settings name, in their order, each once however many links lead to it.  Blocks."""
    binaries = _merge(_binaries(settings), "binary", keep=frozenset(map(_absolute, settings.paths)))
    recordings = [*settings.recordings, *(() if binaries else settings.fallback_recordings)]
    return binaries + _merge(_recordings(recordings), "recording")


def find_links(settings: CatalogSettings) -> dict[str, str]:
    """The usual directories for programs, and the configured ones, each with its real path.  Blocks."""
    return {place: os.path.realpath(place) for place in (*_USUAL, *map(_absolute, settings.directories))}


def _binaries(settings: CatalogSettings) -> Iterator[str]:
    yield from map(_absolute, settings.paths)
    for directory in settings.directories:
        yield from filter(_is_program, sorted(_list(directory, PREFIX)))
    if settings.qemu_kvm is not None and _is_program(path := _absolute(settings.qemu_kvm)):
        yield path


def _recordings(places: list[Path]) -> Iterator[str]:
    for place in map(named_recording, places):
        if place.is_dir():
            yield from sorted(name for name in _list(place) if name.endswith(RECORDING_ENDS))
        else:
            yield _absolute(place)


def _list(directory: Path, prefix: str = "") -> list[str]:
    with suppress(OSError):
        found = [path for path in directory.absolute().iterdir() if path.name.startswith(prefix)]
        return [str(path) for path in found if not path.name.startswith(".")]
    return []


def _absolute(path: Path) -> str:
    return str(path.absolute())


def _is_program(path: str) -> bool:
    with suppress(OSError):
        found = Path(path)
        return stat.S_ISREG(found.stat().st_mode) and os.access(path, os.X_OK)
    return False


def _merge(paths: Iterator[str], kind: FileKind, keep: frozenset[str] = frozenset()) -> list[FoundFile]:
    """One entry for each real file; known by a path that was configured, else by the real one where that was found."""
    groups: dict[str, list[str]] = {}
    for path in paths:
        group = groups.setdefault(os.path.realpath(path), [])
        if path not in group:
            group.append(path)
    merged = []
    for real, group in groups.items():
        chosen = group[0] if group[0] in keep or real not in group else real
        merged.append(FoundFile(chosen, real, kind, tuple(path for path in group if path != chosen)))
    return merged
