"""Looking for changes on the disk before anyone asks, without help from what makes the comparison at every use fast."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple

from prober.capabilities.find import CatalogSettings, FoundFile, find_all
from prober.capabilities.fingerprint import Fingerprint
from prober.capabilities.fingerprinter import Fingerprinter

log = logging.getLogger(__name__)


class Survey(NamedTuple):
    """What is there: all files, and the fingerprint of each by its path, None where it has none."""

    found: list[FoundFile]
    fingerprints: dict[str, Fingerprint | None]


def make_fingerprinter(settings: CatalogSettings, *, watch: bool) -> Fingerprinter:
    """One for what these settings find.  Blocks."""
    variant = "" if settings.accel == "auto" else settings.accel
    return Fingerprinter(module_directories=settings.module_directories, variant=variant, watch=watch)


def survey(settings: CatalogSettings) -> Survey:
    """All read anew.  Blocks."""
    found = find_all(settings)
    with make_fingerprinter(settings, watch=False) as fingerprinter:
        return Survey(found, {item.path: fingerprinter.look(item) for item in found})


async def watch(
    settings: CatalogSettings, notice: Callable[[Survey], None], looked: Callable[[], None] = lambda: None
) -> None:
    """Tell what is there every ``poll_s`` seconds, until this is cancelled; ``looked`` is called after each look."""
    while True:
        looked()
        await asyncio.sleep(settings.poll_s)
        try:
            seen = await asyncio.to_thread(survey, settings)
        except Exception:  # The watcher outlives whatever one look meets.
            log.exception("looking for QEMU binaries failed")
            continue
        notice(seen)
