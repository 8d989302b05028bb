"""Real NATS servers, with the configuration and the rights of packaging/nats; none outlives its test, or us."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prober.fleet.store.nkeys import read_credentials
from prober.fleet.store.users import Role, make_key, user_lines
from tests.recordings import ROOT

SERVER = Path(sys.executable).parent / "nats-server"
PACKAGED = ROOT / "packaging" / "nats"

#: How long (seconds) a server may take to listen, on a busy machine.
PATIENCE = 30


@dataclass
class Keys:
    """Files with keys of users, and what the server is to know of them."""

    directory: Path
    hosts: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def make(self, role: str, name: str, host: str = "") -> Path:
        """The file of a new user's seed.  Servers know it from their next start on."""
        path = self.directory / f"{name}.seed"
        make_key(path)
        lines = user_lines(Role(role), host or name, read_credentials(path).public_key)
        (self.hosts if role == "host" else self.others).append(lines)
        return path


@dataclass
class Server:
    """One server: a directory with its configuration and its data, and a port that it keeps over restarts."""

    directory: Path
    port: int
    program: Path = SERVER
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with (self.directory / "log").open("ab") as log:
            # It dies with this process, however this one ends.
            command = ["setpriv", "--pdeathsig=KILL", str(self.program), "-c", str(self.directory / "nats-server.conf")]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until = time.monotonic() + PATIENCE
        while not _listens(self.port):
            assert self.process.poll() is None and time.monotonic() < until, self.log()
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a loss of power would, and wait until it is gone."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def log(self) -> str:
        """What it said."""
        return (self.directory / "log").read_text()


def lay_out(directory: Path, keys: Keys, listen: str, *, accounts: str = "") -> None:
    """Put the packaged configuration into a directory, with these users, or with other accounts."""
    directory.mkdir(exist_ok=True)
    text = (PACKAGED / "nats-server.conf").read_text()
    if accounts:
        text = text[: text.index("accounts {")] + accounts
    (directory / "nats-server.conf").write_text(text)
    (directory / "listen.conf").write_text(listen)
    storage = (PACKAGED / "storage.conf").read_text()
    (directory / "storage.conf").write_text(storage.replace("/var/lib/nats", str(directory / "data")))
    (directory / "hosts.conf").write_text("users: [\n" + "\n".join(keys.hosts) + "\n]\n")
    (directory / "keepers.conf").write_text("users: [\n" + "\n".join(keys.others) + "\n]\n")


@contextmanager
def start_server(directory: Path, keys: Keys, *, listen: str = "", accounts: str = "") -> Iterator[Server]:
    """One server with JetStream."""
    (port,) = free_ports(1)
    lay_out(directory, keys, f'listen: "127.0.0.1:{port}"\nserver_name: one\n{listen}\n', accounts=accounts)
    server = Server(directory, port)
    with ExitStack() as stack:
        stack.callback(server.kill)
        server.start()
        yield server


@contextmanager
def start_cluster(directory: Path, keys: Keys) -> Iterator[list[Server]]:
    """Three servers that are one store."""
    ports = free_ports(6)
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports[3:])
    servers = []
    with ExitStack() as stack:
        for number, (port, route) in enumerate(zip(ports[:3], ports[3:], strict=True)):
            cluster = f'cluster {{ name: fleet, listen: "127.0.0.1:{route}", routes: [{routes}] }}'
            place = directory / f"server-{number}"
            lay_out(place, keys, f'listen: "127.0.0.1:{port}"\nserver_name: "fleet-{number}"\n{cluster}\n')
            servers.append(Server(place, port))
            stack.callback(servers[-1].kill)
        for server in servers:
            server.start()
        yield servers


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens at."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _listens(port: int) -> bool:
    with socket.socket() as asking:
        asking.settimeout(1)
        return asking.connect_ex(("127.0.0.1", port)) == 0
