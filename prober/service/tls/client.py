"""A client of a reader over TCP: TLS, with a certificate on both sides."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from prober.errors import ServiceError, UsageError
from prober.service.client import TIMEOUT_S, Client, left_until
from prober.service.tls.context import client_context

#: How a reader over TCP is named.
SCHEME = "https://"

_FORM = "https://HOST:PORT?ca=FILE&cert=FILE&key=FILE"
_OPTIONS = frozenset(("ca", "cert", "key"))

#: What a reader says that does not take a certificate: OpenSSL's names for the alerts of TLS.
_ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": ("it asks for a certificate, and got none", "name one: ?cert=FILE&key=FILE"),
    "TLSV1_ALERT_UNKNOWN_CA": ("it does not know the authority of the certificate", "its setting fleet.ca names those"),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": ("the certificate has expired, or is not valid yet", "get a new one"),
    "SSLV3_ALERT_BAD_CERTIFICATE": ("the certificate is not as it has to be", ""),
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": ("the certificate is not one of a client", "its usage has to be clientAuth"),
}


class ReaderAddress(NamedTuple):
    """Where a reader is, the authority of its certificate (None: the system's), and the certificate to show it."""

    host: str
    port: int
    ca: Path | None
    cert: Path | None
    key: Path | None


def read_reader_address(url: str) -> ReaderAddress:
    """What ``https://HOST:PORT?ca=FILE&cert=FILE&key=FILE`` names; the key may stand in the file of the certificate.

    :raise UsageError: where it is no such address.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise UsageError(f"{url[:80]!r} is no address of a reader", hint=_FORM) from error
    options = {name: Path(value) for name, value in pairs}
    is_strange = parts.scheme != "https" or "@" in parts.netloc or parts.path.strip("/") or parts.fragment
    if is_strange or not host or not port:
        raise UsageError(f"{url[:80]!r} is no address of a reader", hint=_FORM)
    if unknown := options.keys() - _OPTIONS:
        raise UsageError(f"the address of a reader has no option {sorted(unknown)[0][:40]!r}", hint=_FORM)
    return ReaderAddress(host, port, options.get("ca"), options.get("cert"), options.get("key"))


class TlsClient(Client):
    """Asks a reader over TCP.

    :raise UsageError: where ``url`` is no address of one.
    :raise ServiceError: where a file that it names cannot be used.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT_S) -> None:
        told = read_reader_address(url)
        host = f"[{told.host}]" if ":" in told.host else told.host
        super().__init__(f"{SCHEME}{host}:{told.port}", timeout=timeout)
        self._host = f"{host}:{told.port}"
        self._address = told.host, told.port
        self._context = client_context(told.ca, told.cert, told.key)

    def _connect(self, deadline: float) -> socket.socket:
        made = socket.create_connection(self._address, timeout=left_until(deadline))
        try:
            made.settimeout(left_until(deadline))
            return self._context.wrap_socket(made, server_hostname=self._address[0])
        except BaseException:
            made.close()
            raise

    def _send(self, target: socket.socket, request: bytes) -> None:
        # Why the reader has closed already is said by what there is to read.
        with suppress(BrokenPipeError, ssl.SSLEOFError):
            target.sendall(request)

    def _explain(self, error: OSError) -> ServiceError:
        where = self.socket_path
        if isinstance(error, ssl.SSLCertVerificationError):
            hint = "the authority of its certificate is named by ?ca=FILE, and its name has to be in it"
            return ServiceError(f"{where} is not trusted: {error.verify_message}", hint=hint)
        if isinstance(error, ssl.SSLError):
            said, hint = _ALERTS.get(error.reason or "", (error.reason or str(error), "is a reader there?"))
            return ServiceError(f"{where} does not talk to us: {said}", hint=hint)
        if isinstance(error, TimeoutError):
            return ServiceError(f"no answer from {where} within {self._timeout:g} seconds")
        if isinstance(error, ConnectionRefusedError):
            return ServiceError(f"nobody answers at {where}", hint="is the reader running (`prober fleet serve`)?")
        return ServiceError(f"asking {where} failed: {error.strerror or error}", hint="is the address right?")
