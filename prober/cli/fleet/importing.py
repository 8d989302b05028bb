"""``prober fleet import``: hosts of a fleet by recordings of their QEMUs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from prober.capabilities.capabilities import Capabilities
from prober.cli import output
from prober.cli.fleet.asking import store_url
from prober.cli.fleet.labels import read_labels
from prober.cli.fleet.options import Credentials, Store
from prober.cli.options import Json
from prober.errors import StoreError, UsageError
from prober.fleet.giving import give_host
from prober.fleet.records import HostRecord
from prober.fleet.store.open import open_store
from prober.qemu.bundled import as_path, named_recording, without_ending
from prober.qemu.files import read_recording


def fleet_import_command(
    recordings: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Recordings, as `prober record` makes.", parser=as_path)
    ],
    store: Store = None,
    credentials: Credentials = None,
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="HOST", help="All of these are QEMUs of this one host; else a file is a host."),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="LABEL=VALUE", help="A label of the hosts. Repeatable.")
    ] = None,
    path: Annotated[
        list[str] | None,
        typer.Option("--path", metavar="PATH", help="Where the QEMU of each recording lies, in their order."),
    ] = None,
    json: Json = False,
) -> None:
    """A host is called after its file, less `.replies`; one of that name that is there already is replaced. A QEMU lies
    at `/usr/bin/qemu-system-TARGET` unless `--path` says otherwise. Into a store over NATS it takes the host's own key;
    without an agent (`prober agent`) the host is silent there.

    Example: `prober fleet import node1.replies.xz node2.replies.xz --label rack=7 --store sqlite:fleet.db`
    """
    labels = read_labels(label or [])
    if path and len(path) != len(recordings):
        raise UsageError(f"{len(recordings)} recordings and {len(path)} paths", hint="--path once for each recording")
    hosts: dict[str, list[tuple[Path, str | None]]] = {}
    for number, file in enumerate(map(named_recording, recordings)):
        hosts.setdefault(name or without_ending(file.name), []).append((file, path[number] if path else None))
    told = asyncio.run(_import(store_url(store), credentials, hosts, labels))
    if json:
        output.write_json([record.model_dump(mode="json") for record in told])
        return
    rows = [(record.name, one.build, one.variant, one.path) for record in told for one in record.builds]
    output.write_table(("HOST", "BUILD", "VARIANT", "PATH"), rows)


async def _import(
    url: str, credentials: Path | None, hosts: dict[str, list[tuple[Path, str | None]]], labels: dict[str, str]
) -> list[HostRecord]:
    store = await open_store(url, credentials)
    told = []
    try:
        with output.ProgressLine() as line:
            for number, (name, files) in enumerate(hosts.items(), 1):
                line.show(f"{number} of {len(hosts)}: {name}")
                qemus = []
                for file, path in files:
                    capabilities = Capabilities.from_recording(await read_recording(file))
                    qemus.append((path or f"/usr/bin/qemu-system-{capabilities.target}", capabilities))
                try:
                    told.append(await give_host(store, name, qemus, labels))
                except StoreError as error:
                    raise StoreError(f"{name} is not in the store: {error.message}", hint=error.hint) from error
    finally:
        await store.close()
    return told
