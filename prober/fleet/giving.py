"""Putting a host into a store: its record, and the builds and variants that nobody has given yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress

from prober.capabilities.capabilities import Capabilities
from prober.errors import FleetError
from prober.fleet.blobs import pack_part
from prober.fleet.parts import split
from prober.fleet.records import HostBuild, HostRecord, dump_record, load_record, make_record
from prober.fleet.store.protocol import HOSTS, Store


async def give_host(
    store: Store, name: str, qemus: Iterable[tuple[str, Capabilities]], labels: Mapping[str, str], *, time_s: int = 0
) -> HostRecord:
    """Store a host with these QEMUs (path and capabilities); what was there of it is replaced.

    Builds and variants are there before the record is that names them.  ``time_s`` is when what is given was true
    (seconds since 1970; 0: now).

    :raise UsageError: where a name is none.
    :raise FleetError: where the store cannot be reached, or the host is more than it keeps.
    """
    make_record(name, seq=0, time=0, labels=labels, builds=())  # Before anything is stored of it.
    builds = []
    for path, capabilities in qemus:
        build, _ = await give_qemu(store, name, path, capabilities)
        builds.append(build)
    held = await store.get(f"{HOSTS}{name}")
    seq = 0
    if held is not None:
        with suppress(FleetError):  # A damaged record tells no number, and is replaced.
            seq = load_record(name, held.value).seq + 1
    record = make_record(name, seq=seq, time=time_s or int(time.time()), labels=labels, builds=builds)
    await store.put(f"{HOSTS}{name}", dump_record(record), after=0 if held is None else held.revision)
    return record


async def give_qemu(store: Store, host: str, path: str, capabilities: Capabilities) -> tuple[HostBuild, int]:
    """Store the build and the variant of a host's QEMU where nobody has given them yet; how many that were.

    :raise FleetError: where the store cannot be reached, or they are more than it keeps.
    """
    packed = await asyncio.to_thread(lambda: [pack_part(part) for part in split(capabilities)])
    given = 0
    for name, blob in packed:
        if await store.blob(name) is None:
            await store.blob(name, blob, host=host)
            given += 1
    (build, _), (variant, _) = packed
    return HostBuild(build, variant, path), given
