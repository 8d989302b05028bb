"""The reader that is asked: on a unix socket, or over TCP."""

from __future__ import annotations

from prober.service.client import Client


def client_of(reader: str) -> Client:
    """A client of the reader on this socket, or at this address (``https://HOST:PORT?…``).

    :raise ProberError: where the address, or a file that it names, cannot be used.
    """
    if "://" not in reader:
        return Client(reader)
    # Imported late: a question over a socket takes no TLS.
    from prober.service.tls.client import TlsClient

    return TlsClient(reader)
