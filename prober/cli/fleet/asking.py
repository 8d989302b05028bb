"""Asking a fleet: what the store has is read, and the question answered by it."""

from __future__ import annotations

import asyncio
import time

from prober.cli import output
from prober.cli.files import read_xml_file, with_place
from prober.errors import UnreadableDomainError, UsageError
from prober.fleet.judging import FleetQuestion
from prober.fleet.known import Fleet
from prober.fleet.reader import StoreReader
from prober.fleet.store.open import open_store

_SCHEMES = ("sqlite", "nats", "tls")


def store_url(url: str | None) -> str:
    """The address of the store that is meant.

    :raise UsageError: where none is named, or it is no address of a store.
    """
    if url:
        scheme, _, rest = url.partition(":")
        if scheme not in _SCHEMES or not rest:
            raise UsageError(f"{url[:80]!r} is no address of a store", hint="sqlite:PATH, or nats://HOST:PORT")
        return url
    raise UsageError(
        "no fleet is named", hint="--store sqlite:PATH, or PROBER_FLEET_STORE; `prober fleet import` makes one"
    )


def read_fleet(url: str | None) -> Fleet:
    """All that a store has.  What of it is damaged is told on stderr, and counts for nothing.

    :raise UsageError: where no store is named.
    :raise StoreError: where it cannot be read.
    """
    fleet = Fleet()

    async def read() -> StoreReader:
        store = await open_store(store_url(url))
        try:
            reader = StoreReader(store, fleet)
            await reader.catch_up()
            return reader
        finally:
            await store.close()

    reader = asyncio.run(read())
    for words in reader.damaged.values():
        output.note(f"prober: left out: {words}")
    return fleet


def read_question(path: str, *, any_emulator: bool, assume_unknown_present: bool) -> FleetQuestion:
    """The domain in a file, as a question.

    :raise UnreadableDomainError: where there is none.
    """
    xml = read_xml_file(path)
    try:
        return FleetQuestion(xml, any_emulator, assume_unknown_present)
    except UnreadableDomainError as error:
        raise with_place(error, path) from error


def as_of(seconds: float) -> str:
    """``as of 2026-11-29 21:00:07``."""
    return f"as of {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(seconds))}"


def in_pages(following: str | None, of: str) -> None:
    """Say how to get the next page, where there is one."""
    if following is not None:
        output.note(f"more {of}: --after {following}")
