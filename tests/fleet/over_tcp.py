"""A reader over TCP to test with, and clients that may ask it and that may not."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prober.service.client import Client
from prober.service.fleet.server import ReaderSettings
from prober.service.settings import FleetSettings, ServiceSettings
from tests.fleet.certificates import Authority, Pair
from tests.fleet.nats_server import free_ports
from tests.fleet.reading import PATIENCE, running_reader, until_ready

ALLOWED = ("Console", "spiffe://fleet/scheduler", "plain")


@dataclass(frozen=True)
class Party:
    """An authority, a reader's certificate, and clients' by their names here."""

    own: Authority
    server: Pair
    clients: dict[str, Pair]


def make_party(directory: Path) -> Party:
    """All of them."""
    own, other = Authority(directory / "own"), Authority(directory / "other")
    clients = {
        "dns": own.sign("dns", "DNS:somebody,DNS:console", common="x"),
        "uri": own.sign("uri", "URI:spiffe://fleet/scheduler"),
        "cn": own.sign("cn", common="plain"),
        "host": own.sign("host", "DNS:rack7-03", common="plain"),
        "star": own.sign("star", "DNS:*"),
        "uri of dns": own.sign("uri of dns", "URI:console"),
        "capital": own.sign("capital", common="PLAIN"),
        "nobody": own.sign("nobody", "IP:127.0.0.1"),
        "other": other.sign("other", "DNS:console"),
        "expired": own.sign("expired", "DNS:console", days=-1),
        "server": own.sign("server", "DNS:console", usage="serverAuth"),
    }
    return Party(own, own.sign("reader", "IP:127.0.0.1"), clients)


@dataclass(frozen=True)
class Reading:
    """A reader that runs: a client on its socket, and its address."""

    client: Client
    url: str
    party: Party

    def asking(self, who: str) -> str:
        """The address, with the certificate of a client."""
        return self.party.clients[who].asking(self.url, self.party.own.ca)

    def handshaken(self, who: str) -> ssl.SSLSocket:
        """A connection with TLS on it and nothing said."""
        context = ssl.create_default_context(cafile=str(self.party.own.ca))
        context.load_cert_chain(self.party.clients[who].cert, self.party.clients[who].key)
        return context.wrap_socket(self.connected(), server_hostname="127.0.0.1")

    def connected(self) -> socket.socket:
        """A connection, and nothing on it."""
        return socket.create_connection(("127.0.0.1", int(self.url.rpartition(":")[2])), timeout=PATIENCE)

    def count(self, kind: str) -> int:
        """How many were refused for this."""
        _, text = self.client.fetch("/metrics")
        line = next(
            one for one in text.decode().splitlines() if one.startswith(f'prober_refusals_total{{kind="{kind}"')
        )
        return int(float(line.split()[-1]))


def told(party: Party, port: int, **limits: Any) -> ServiceSettings:
    """What the settings say."""
    listen = f"127.0.0.1:{port}"
    pair = party.server
    return ServiceSettings(
        fleet=FleetSettings(listen=listen, cert=pair.cert, key=pair.key, ca=party.own.ca, allow=ALLOWED), **limits
    )


@contextmanager
def reading(party: Party, store: str, directory: Path, **limits: Any) -> Iterator[Reading]:
    """A reader of a store, in a thread of the test."""
    (port,) = free_ports(1)
    settings = ReaderSettings(store=store, socket=directory / "r.sock", told=told(party, port, **limits))
    with running_reader(settings) as client:
        until_ready(client)
        yield Reading(client, f"https://127.0.0.1:{port}", party)
