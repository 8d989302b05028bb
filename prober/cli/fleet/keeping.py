"""``prober fleet init`` and ``key``: what a fleet's keeper does before the first host reports."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from prober.cli import output
from prober.cli.fleet.asking import store_url
from prober.cli.fleet.options import Credentials, Store
from prober.cli.options import Json
from prober.errors import UsageError
from prober.fleet.store.open import needs_extra, open_store

_MIB = 1 << 20

#: A server that was just started listens within a second or two, on a busy machine some more.
_PATIENCE_S = 10.0


def fleet_init_command(
    store: Store = None,
    credentials: Credentials = None,
    replicas: Annotated[
        int | None,
        typer.Option("--replicas", metavar="N", min=1, max=5, help="So many servers have a copy. [default: 1]"),
    ] = None,
    records: Annotated[
        int | None,
        typer.Option("--records-mib", metavar="MIB", min=1, help="So much may hosts' records take. [default: 1024]"),
    ] = None,
    builds: Annotated[
        int | None,
        typer.Option("--builds-mib", metavar="MIB", min=1, help="So much may their builds take. [default: 2048]"),
    ] = None,
    json: Json = False,
) -> None:
    """On NATS these are two streams, and it takes the keeper's key (`prober fleet key NAME --keeper`). What is there
    already gets what it should have and loses nothing; what is not named stays as it is. A store in a file is made as
    well.

    Example: `prober fleet init --store nats://fleet-1:4222 --credentials admin.seed`
    """
    url = store_url(store)
    sizes = (replicas, records, builds)
    if url.startswith("sqlite:"):
        if any(size is not None for size in sizes):
            raise UsageError("a store in a file has one copy, and no bound", hint="leave --replicas and sizes out")
        path = Path(url.removeprefix("sqlite:"))
        done = "there" if path.exists() else "made"
        asyncio.run(_open(url, credentials))
        if json:
            output.write_json([{"file": str(path), "done": done}])
        else:
            output.write_table(("FILE", "DONE"), [(path, done)])
        return
    with needs_extra():
        from prober.fleet.store.keeping import make_streams
    made = asyncio.run(
        make_streams(
            url,
            credentials,
            replicas=replicas,
            records_bytes=None if records is None else records * _MIB,
            builds_bytes=None if builds is None else builds * _MIB,
            patience_s=_PATIENCE_S,
        )
    )
    if json:
        output.write_json([one._asdict() for one in made])
        return
    rows = [(one.stream, one.done, one.replicas, one.most_bytes // _MIB, " ".join(one.changes)) for one in made]
    output.write_table(("STREAM", "DONE", "COPIES", "MIB", "CHANGES"), rows)


async def _open(url: str, credentials: Path | None) -> None:
    await (await open_store(url, credentials)).close()


def fleet_key_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The host, by the name under which it reports.")],
    reader: Annotated[bool, typer.Option("--reader", help="It is no host, but somebody who reads the store.")] = False,
    keeper: Annotated[
        bool, typer.Option("--keeper", help="It is no host, but the fleet's keeper, who makes the streams.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The file for the secret part. [default: NAME.seed]"),
    ] = None,
    server: Annotated[
        Path | None,
        typer.Option(
            "--server",
            metavar="DIR",
            help="Write the lines into the server's configuration in this directory (hosts.conf or keepers.conf).",
        ),
    ] = None,
    existing: Annotated[
        bool, typer.Option("--existing", help="Make no key: tell the lines for the one that the file has.")
    ] = False,
    json: Json = False,
) -> None:
    """The secret part goes into a file of mode 0600, and never over one that is there; it is for the key's owner alone.
    What is printed is public: the lines for the configuration of a NATS server (`packaging/nats`), or, where they are
    written there, the public key.

    Example: `prober fleet key rack7-03 --server /etc/nats`
    """
    if reader and keeper:
        raise UsageError("a key is for a reader or for the keeper", hint="make two")
    with needs_extra():
        from prober.fleet.store.nkeys import read_credentials
        from prober.fleet.store.users import Role, adding_user, make_key, user_lines
    role = Role.reader if reader else Role.keeper if keeper else Role.host
    user_lines(role, name, "")  # Before anything is made for a name that is none.
    path = file or Path(f"{name}.seed")

    def lines_of() -> tuple[str, str]:
        if not existing:
            make_key(path)
        public = read_credentials(path).public_key
        return public, user_lines(role, name, public)

    if server is None:
        public, lines = lines_of()
        where = None
    else:
        where = server / role.file
        with adding_user(server, role, name) as added:
            public, lines = lines_of()
            added.append(lines)
    if json:
        told = {"name": name, "role": role, "public_key": public, "file": str(path), "lines": lines}
        output.write_json({**told, "server": None if where is None else str(where)})
        return
    output.note(f"prober: {path} {'has' if existing else 'is made with'} the key of the {role} {name}: {public}")
    if where is None:
        output.note(f"prober: these lines go into users of the server's {role.file} (--server DIR puts them there)")
        output.write(lines.removesuffix("\n"))
    else:
        output.note(f"prober: {where} names it now; a server that runs has to read it anew (systemctl reload)")
        output.write(public)
