"""The QEMU binaries: which were found, which failed and why, and what the interviews met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from prober.capabilities.entry import Entry
from prober.capabilities.find import CatalogSettings
from prober.service.doctor.observed import Observation, listed, observe

#: So many types that kill a QEMU are named.
_MOST_TYPES = 5


_found = partial(observe, "binaries")


def look_at_binaries(settings: CatalogSettings, entries: Iterable[Entry]) -> list[Observation]:
    """What the catalog has, and what it should have by its settings.  Blocks for a moment."""
    known = list(entries)
    found = [one for entry in known for one in _of_entry(entry)]
    if not any(entry.kind == "binary" for entry in known):
        places = ", ".join(map(str, (*settings.directories, *settings.paths))) or "nowhere"
        why = "nothing can be asked" if not known else "recordings stand in, which are not this host's"
        todo = "install QEMU (qemu-system-x86), or name where it is in catalog.directories or catalog.paths"
        found.insert(0, _found("problem", f"no QEMU binary was found; looked in {places}", "", why, todo))
    return [*found, *_places(settings)]


def _of_entry(entry: Entry) -> Iterator[Observation]:
    if entry.state == "failed":
        why = "nothing can be said about it, nor translated for it"
        yield _found("problem", entry.error or "it could not be asked", entry.path, why, entry.hint or _RUN_IT)
        return
    if entry.state != "ready":
        yield _found("ok", "it is being interviewed just now", entry.path)
        return
    targets = ", ".join(entry.targets)
    accelerators = f", with {' and '.join(entry.accelerators)}" if entry.accelerators else ""
    said = f"QEMU {entry.version} for {targets} answers{accelerators}"
    if entry.kind == "recording":
        said = f"a recording of QEMU {entry.version} for {targets}"
    yield _found("ok", said, entry.path)
    if entry.confinement == "none":
        why = f"it is interviewed as this user, with all that this user may: {' '.join(entry.unconfined)}".rstrip(": ")
        todo = "see what is said of the confinement; a wrapper script may use files that a box does not show"
        yield _found("notice", "it was interviewed without a box of its own", entry.path, why, todo)
    elif entry.unconfined:
        yield _found("ok", f"in its box ({entry.confinement}): {' '.join(entry.unconfined)}", entry.path)
    if entry.crashing_types:
        why = "what properties these types have is unknown, and what needs them is refused"
        said = f"these types kill it when they are asked: {listed(sorted(entry.crashing_types), _MOST_TYPES)}"
        yield _found("ok", said, entry.path, why, "a newer QEMU may survive it")


_RUN_IT = "start it by hand with --version: what it says tells more"


def _places(settings: CatalogSettings) -> Iterator[Observation]:
    """What the settings name and is not there."""
    usual = CatalogSettings().directories
    for place in settings.directories:
        if place not in usual and not place.is_dir():
            yield _missing(place, "catalog.directories")
    for place in (*settings.recordings, *settings.fallback_recordings):
        if not place.exists():
            yield _missing(place, "catalog.recordings")


def _missing(place: Path, key: str) -> Observation:
    todo = f"make it, or take it out of {key}"
    return _found("notice", f"{key} names what is not there", place, "nothing is found there", todo)
