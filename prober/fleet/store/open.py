"""From the address of a store to the store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prober.errors import StoreError
from prober.fleet.store.protocol import Store
from prober.fleet.store.sqlite import SqliteStore


async def open_store(url: str, credentials: Path | None = None) -> Store:
    """The store of an address: ``sqlite:PATH``, or ``nats://HOST:PORT[,HOST:PORT…]`` (``tls://…``).

    A file is opened, and made where it is missing.  Servers are asked at the first verb, so one that is away is no
    error here.

    :param credentials: the file of an NKey's seed or of a user's JWT and seed (``.creds``), for NATS.
    :raise StoreError: where the address, the file or the credentials are not as they have to be.
    """
    scheme, colon, rest = url.partition(":")
    if scheme == "sqlite" and rest:
        if credentials is not None:
            raise StoreError("a store in a file takes no credentials", hint="leave them out, or name servers: nats://…")
        return await SqliteStore.open(Path(rest))
    if colon and scheme in ("nats", "tls"):
        return await asyncio.to_thread(_over_nats, url, credentials)
    raise StoreError(f"{url[:80]!r} is no address of a store", hint="sqlite:PATH, or nats://HOST:PORT")


def _over_nats(url: str, credentials: Path | None) -> Store:
    with needs_extra():
        from prober.fleet.store.nats import NatsStore
    return NatsStore.open(url, credentials)


@contextmanager
def needs_extra() -> Iterator[None]:
    """For imports of what NATS needs: it is not installed everywhere, as who has a file alone needs nothing of it.

    :raise StoreError: where it is not.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise StoreError(
            f"a store over NATS needs {error.name}, which is not installed",
            hint="pip install 'qemu-prober[fleet]'",
        ) from error
