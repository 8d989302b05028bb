"""`prober fleet serve` over TCP as a process, and the command that asks it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from prober.errors import ServiceError
from prober.service.client import Client
from prober.service.tls.client import TlsClient
from tests.fleet.certificates import Pair
from tests.fleet.nats_server import free_ports
from tests.fleet.over_tcp import make_party
from tests.fleet.reading import PATIENCE, until
from tests.integration.processes import PROBER, run_prober
from tests.unit.fleet.fleets import recorded
from tests.unit.service.test_fleet_reader import give

pytestmark = pytest.mark.needs("openssl")


def test_the_command_asks_a_reader_over_tcp_which_reads_its_certificates_anew(tmp_path: Path) -> None:
    """A process, on its own event loop: SIGHUP has it go on by another list and other certificates, or as it was."""
    party, store = make_party(tmp_path / "tls"), f"sqlite:{tmp_path / 'fleet.db'}"
    give(store, {"a": recorded("7.2.22")})
    (port,) = free_ports(1)
    url, ca = f"https://127.0.0.1:{port}", party.own.ca
    cert, key, config = tmp_path / "cert", tmp_path / "key", tmp_path / "prober.toml"
    expired = party.own.sign("expired-reader", "IP:127.0.0.1", days=-1)

    def write(pair: Pair, *allowed: str, more: str = "") -> None:
        cert.write_bytes(pair.cert.read_bytes())
        key.touch(0o600)
        key.write_bytes(pair.key.read_bytes())
        names = ", ".join(f'"{name}"' for name in allowed)
        text = f'[fleet]\nlisten = "127.0.0.1:{port}"\ncert = "{cert}"\nkey = "{key}"\nallow = [{names}]\n{more}'
        config.write_text(text)

    def ask(who: str) -> int:
        with TlsClient(party.clients[who].asking(url, ca), timeout=PATIENCE) as client:
            return client.get("/healthz").status

    write(expired, "console")
    command: list[str | Path] = [PROBER, "fleet", "serve", "--store", store, "--socket", tmp_path / "r.sock"]
    command += ["--config", config, "--ca", ca]
    environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}
    with (
        bound_datagrams(tmp_path / "notify") as systemd,
        subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, start_new_session=True) as process,
    ):
        try:

            def reload() -> str:
                process.send_signal(signal.SIGHUP)
                while not systemd.recv(65536).startswith(b"RELOADING=1"):
                    pass
                return systemd.recv(65536).decode()

            with Client(tmp_path / "r.sock", timeout=PATIENCE) as client:
                until(lambda: _answers(client))
            with pytest.raises(ServiceError, match="is not trusted: certificate has expired"):
                ask("dns")
            write(party.server, "console")
            assert "The certificates were read anew" in reload()
            assert (ask("dns"), ask("cn")) == (200, 403)
            with TlsClient(party.clients["dns"].asking(url, ca), timeout=PATIENCE) as kept:
                assert kept.get("/healthz").ok
                open_connection = kept._socket
                write(party.server, "plain", more='max_head = "x"\n')
                assert "The settings are as they were" in reload()
                cert.write_text("no certificate")
                config.write_text(config.read_text().replace('max_head = "x"\n', ""))
                assert "The settings are as they were" in reload()
                assert kept.get("/healthz").ok
                assert kept._socket is open_connection
                write(party.server, "plain")
                assert "The certificates were read anew" in reload()
                assert kept.get("/healthz").status == 403  # on a new connection: the old one was closed
            ended = run_prober("fleet", "hosts", "--reader", party.clients["cn"].asking(url, ca))
            assert (ended.code, ended.err) == (0, ""), ended
            ended = run_prober("fleet", "watch", "--reader", party.clients["dns"].asking(url, ca))
            assert (ended.code, "DNS console, who may not ask here" in ended.err) == (5, True), ended
            strange = party.clients["cn"].key.with_name("open.key")
            strange.write_bytes(party.clients["cn"].key.read_bytes())
            strange.chmod(0o644)
            ended = run_prober(
                "fleet", "hosts", "--reader", f"{url}?ca={ca}&cert={party.clients['cn'].cert}&key={strange}"
            )
            assert (ended.code, "chmod 0600" in ended.err) == (5, True), ended
        finally:
            process.send_signal(signal.SIGTERM)
            _, printed = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, printed
    assert b"Traceback" not in printed


@contextmanager
def bound_datagrams(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.settimeout(PATIENCE)
        made.bind(str(path))
        yield made


def _answers(client: Client) -> bool:
    with suppress(ServiceError):
        return client.get("/readyz").ok
    return False
