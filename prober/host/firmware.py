"""Reading the firmware descriptors of a host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from pydantic import ValidationError

from prober.host.descriptor import Descriptor

#: Where descriptors are, from what is installed to what the administrator says (libvirt 11.3,
#: ``qemuInteropFetchConfigs``; a daemon of the system does not look into home directories).
DIRECTORIES = ("usr/share/qemu/firmware", "etc/qemu/firmware")

#: How much is read: bytes of one descriptor, as libvirt does, and files of one directory.
MOST_BYTES, MOST_FILES = 1024 * 1024, 1000


def read_firmware(root: Path = Path("/")) -> tuple[Descriptor, ...]:
    """All firmware of the host whose root is ``root``, in the order in which libvirt tries it: by file name.

    A file hides one of the same name in an earlier directory, and an empty one hides it without taking its place.
    What is not a sound descriptor is left out, as libvirt does.
    """
    files: dict[str, Path] = {}
    for directory in DIRECTORIES:
        files.update((path.name, path) for path in _files(root / directory))
    # As the bytes of the names sort, and not as a locale does.
    read = (_read(path) for _, path in sorted(files.items(), key=lambda item: item[0].encode(errors="surrogateescape")))
    return tuple(descriptor for descriptor in read if descriptor is not None)


def _files(directory: Path) -> Iterator[Path]:
    try:
        found = sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except OSError:
        return
    for path in found[:MOST_FILES]:
        try:
            if S_ISREG(path.stat().st_mode):
                yield path
        except OSError:
            continue


def _read(path: Path) -> Descriptor | None:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError:
        return None
    if not data or len(data) > MOST_BYTES:
        return None
    try:
        descriptor = Descriptor.model_validate_json(data)
    except ValidationError:
        return None
    return descriptor.model_copy(update={"name": path.name}) if descriptor.is_sound else None
