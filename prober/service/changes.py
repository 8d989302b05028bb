"""What differs between two sets of settings, and what of it a running service cannot change."""

from __future__ import annotations

from typing import Any

from prober.service.settings import ServiceSettings

#: What a service has once it is started: its socket, and where it keeps what it learns.
FIXED = ("socket", "mode", "group", "catalog.cache_dir")


def keep_fixed(old: ServiceSettings, new: ServiceSettings) -> tuple[ServiceSettings, list[str]]:
    """The new settings with what cannot be changed as it was, and the names of what would have been changed of it."""
    fixed = [name for name in changes_between(old, new) if name in FIXED]
    catalog = new.catalog.model_copy(update={"cache_dir": old.catalog.cache_dir})
    same = {name: getattr(old, name) for name in FIXED if "." not in name}
    return new.model_copy(update={**same, "catalog": catalog}), fixed


def changes_between(old: ServiceSettings, new: ServiceSettings) -> list[str]:
    """The keys that differ: ``max_body``, ``catalog.paths``."""
    return list(_differing(old.model_dump(), new.model_dump(), ""))


def _differing(old: dict[str, Any], new: dict[str, Any], above: str) -> list[str]:
    found: list[str] = []
    for name, was in old.items():
        if isinstance(was, dict):
            found += _differing(was, new[name], f"{above}{name}.")
        elif was != new[name]:
            found.append(above + name)
    return found
