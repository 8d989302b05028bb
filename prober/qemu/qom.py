"""Questions about QOM, the tree of objects of a running QEMU, and what its lists say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from prober.qemu.questions import Question


def qom_get(path: str, name: str) -> Question:
    """One property of one object."""
    return Question("qom-get", {"path": path, "property": name})


def qom_list(path: str) -> Question:
    """All properties of one object, its children among them; :func:`qom_entries` reads the answer."""
    return Question("qom-list", {"path": path})


def qom_entries(listed: JsonValue) -> Iterator[tuple[str, str]]:
    """Name and type of each property of an answer to ``qom-list``; what is no such entry is left out."""
    for entry in listed if isinstance(listed, list) else []:
        name, kind = (entry.get("name"), entry.get("type")) if isinstance(entry, Mapping) else (None, None)
        if isinstance(name, str) and isinstance(kind, str):
            yield name, kind


def qom_children(listed: JsonValue) -> Iterator[tuple[str, str]]:
    """Name and type of each child of an answer to ``qom-list``."""
    for name, kind in qom_entries(listed):
        if kind.startswith("child<"):
            yield name, kind[6:-1]
