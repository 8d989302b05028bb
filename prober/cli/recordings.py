"""The recordings that tell which versions of QEMU have something.

The service's own stand-ins are told to it (``prober serve --fallback-replies``), as a service should serve nothing
that nobody named.  Here they are only compared with, so those that come with prober are found without being named.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.find import CatalogSettings, find_all
from prober.errors import RecordingError
from prober.qemu.bundled import bundled_target, find_bundled
from prober.qemu.decoding import load_recording


def read_recordings(places: Sequence[Path], target: str) -> list[tuple[str, Capabilities]]:
    """Each recording of the bundled ones for this target, and of these files and directories, by its file's name.

    :raise RecordingError: where one cannot be read, or there is none in a place that was named.
    """
    for place in places:
        if not _find((place,)):
            raise RecordingError(f"{place} has no recordings", hint="their names end in .replies or .replies.xz")
    bundled = find_bundled()
    own = [path for path in _find([bundled]) if bundled_target(Path(path)) == target] if bundled else []
    return [(Path(path).name, _read(path)) for path in _find((*map(Path, own), *places))]


def _find(places: Sequence[Path]) -> list[str]:
    settings = CatalogSettings(directories=(), qemu_kvm=None, recordings=tuple(places))
    return [found.path for found in find_all(settings)]


def _read(path: str) -> Capabilities:
    recording = load_recording(path)
    try:
        return Capabilities.from_recording(recording)
    except RecordingError as error:
        raise RecordingError(f"{path}: {error.message}", hint=error.hint) from error
