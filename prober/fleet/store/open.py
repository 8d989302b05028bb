"""From the address of a store to the store."""

from __future__ import annotations

from pathlib import Path

from prober.errors import StoreError, UsageError
from prober.fleet.store.protocol import Store
from prober.fleet.store.sqlite import SqliteStore


async def open_store(url: str, credentials: Path | None = None) -> Store:
    """The store of an address: ``sqlite:PATH``.

    The file is opened, and made where it is missing.

    :param credentials: none for a file.
    :raise UsageError: where the address is none.
    :raise StoreError: where the file or the credentials are not as they have to be.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "sqlite" and rest:
        if credentials is not None:
            raise StoreError("a store in a file takes no credentials", hint="leave them out")
        return await SqliteStore.open(Path(rest))
    raise UsageError(f"{url[:80]!r} is no address of a store", hint="sqlite:PATH")
