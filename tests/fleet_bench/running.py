"""The server and the reader of a large fleet, each a process of its own that ends with this one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prober.service.client import Client
from tests.fleet.nats_server import SERVER, Keys, Server, free_ports, lay_out

PROBER = str(Path(sys.executable).with_name("prober"))

#: Seconds that anything may take; a fault shows long before.
PATIENCE = 120.0

#: Stands in a user's rights for all hosts.
_EVERY = "every-host"


@dataclass
class Store:
    """A server, whose streams are to be made, with the keys of the hosts (all in one), a reader and a keeper."""

    server: Server
    hosts: Path
    reader: Path
    keeper: Path

    @property
    def url(self) -> str:
        """Its address."""
        return self.server.url

    def start(self, *, syncs_always: bool) -> None:
        """Start it, or start it anew: with each write on the disk before it is acknowledged, or with NATS' default."""
        self.stop()
        storage = self.server.directory / "storage.conf"
        lines = [line for line in storage.read_text().splitlines() if not line.startswith("sync_interval")]
        storage.write_text("\n".join([*lines, *(["sync_interval: always"] if syncs_always else [])]) + "\n")
        self.server.start()

    def stop(self) -> None:
        """End it as it is meant to end, where it runs."""
        if self.server.process is not None:
            self.server.process.send_signal(signal.SIGTERM)
            self.server.process.wait(PATIENCE)
            self.server.process = None

    def size(self) -> float:
        """MiB that the records and builds take on the disk."""
        files = [path for path in (self.server.directory / "data").rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files) / (1 << 20)


def find_server() -> Path | None:
    """The server of this environment, or else the distribution's; None where there is none."""
    found = shutil.which("nats-server", path=os.pathsep.join((str(SERVER.parent), os.environ.get("PATH", ""))))
    return None if found is None else Path(found)


@contextmanager
def laid_out(directory: Path, program: Path = SERVER) -> Iterator[Store]:
    """A server that is not started yet; it is ended at the end."""
    keys = Keys(directory / "keys")
    keys.directory.mkdir()
    hosts = keys.make("host", _EVERY)
    keys.hosts[:] = [user.replace(f".{_EVERY}", ".*") for user in keys.hosts]
    reader, keeper = keys.make("reader", "reader"), keys.make("keeper", "keeper")
    (port,) = free_ports(1)
    lay_out(directory / "server", keys, f'listen: "127.0.0.1:{port}"\nserver_name: one\n')
    store = Store(Server(directory / "server", port, program), hosts, reader, keeper)
    try:
        yield store
    finally:
        store.server.kill()


@dataclass
class Reader:
    """A reader that runs; ``ready_s`` is how long it took from its start to know all that the store has."""

    process: subprocess.Popen[bytes]
    socket: Path
    log: Path
    ready_s: float = 0.0
    _client: Client | None = field(default=None)

    @property
    def client(self) -> Client:
        """A client of it."""
        if self._client is None:
            self._client = Client(self.socket, timeout=PATIENCE)
        return self._client

    def until_ready(self, began: float) -> None:
        """Wait until it knows all that the store has."""
        while not (self.socket.exists() and self.client.get("/readyz").ok):
            assert self.process.poll() is None and time.monotonic() - began < PATIENCE, self.log.read_text()
            time.sleep(0.1)  # Seldom, as answering is a part of what it does meanwhile.
        self.ready_s = time.monotonic() - began

    def cpu_s(self) -> float:
        """The processor time that its threads have had so far (seconds)."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def memory(self) -> dict[str, float]:
        """MiB that it has in memory: ``Rss``, and ``Pss`` (what others share counts in proportion)."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        fields = (line.split() for line in lines[1:])
        return {field[0].rstrip(":"): int(field[1]) / 1024 for field in fields if field[0] in ("Rss:", "Pss:")}


@contextmanager
def reading(store: Store, directory: Path, *options: str) -> Iterator[Reader]:
    """A reader of the store, once it knows all that is there; it is ended at the end."""
    socket, log = directory / "reader.sock", directory / "reader.log"
    command = [PROBER, "fleet", "serve", "--store", store.url, "--credentials", str(store.reader)]
    command += ["--socket", str(socket), "--quiet", *options]
    with log.open("ab") as stream:
        began = time.monotonic()
        process = subprocess.Popen(
            # It dies with this process, however this one ends.
            ["setpriv", "--pdeathsig=KILL", *command],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env={name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"},
        )
    reader = Reader(process, socket, log)
    try:
        reader.until_ready(began)
        yield reader
    finally:
        if reader._client is not None:
            reader._client.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        finally:
            process.kill()
            process.wait()
