"""Reads the address of a store on NATS, and who one is to it."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from prober.errors import StoreError
from prober.fleet.store.client import StoreAddress
from prober.fleet.store.nkeys import check_private, read_credentials

_HINT = "nats://HOST:PORT[,HOST:PORT…], or tls://…?ca=FILE&cert=FILE&key=FILE"

_MOST_SERVERS = 32


def read_address(url: str, credentials: Path | None = None) -> StoreAddress:
    """Where the servers are, who one is to them, and how the connection is kept from others' eyes.

    ``tls://HOST:PORT[,…]`` demands TLS, checked by the system's authorities or those of ``?ca=FILE``; ``cert=`` and
    ``key=`` name a certificate of one's own, where the server asks for one.  Files are read here and now.

    :raise StoreError: where the address cannot be read, or a file of secrets is missing or open to others.
    """
    # Python reads no list of servers where one is in brackets (3.14), so that is taken out for it.
    scheme, told_servers, rest = _parts(url)
    parts, servers = urlsplit(f"//host{rest}"), told_servers.split(",")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if scheme not in ("nats", "tls") or parts.path.strip("/") or parts.fragment or len(servers) > _MOST_SERVERS:
        raise StoreError(f"{url[:80]!r} is no address of a store", hint=_HINT)
    if "@" in told_servers:
        raise StoreError(
            "an address has no user and no password", hint="put a key into a file of its own, with mode 0600"
        )
    if unknown := options.keys() - {"ca", "cert", "key"}:
        raise StoreError(f"an address of a store has no option {sorted(unknown)[0][:40]!r}", hint=_HINT)
    if options and scheme != "tls":
        raise StoreError("certificates are for tls://", hint=_HINT)
    told = tuple(f"{scheme}://{_server(server, url)}" for server in servers)
    tls = _context(options) if scheme == "tls" else None
    return StoreAddress(told, None if credentials is None else read_credentials(credentials), tls)


def _parts(url: str) -> tuple[str, str, str]:
    """Scheme, servers, and what stands behind these."""
    scheme, colon, behind = url.partition("://")
    end = next((at for at, sign in enumerate(behind) if sign in "/?#"), len(behind))
    return (scheme.lower() if colon else "", behind[:end], behind[end:])


def _server(server: str, url: str) -> str:
    try:
        parts = urlsplit(f"//{server}")
        host, port = parts.hostname, parts.port or 4222
    except ValueError:
        host, port = None, 0
    if not host:
        raise StoreError(f"{url[:80]!r} is no address of a store", hint=_HINT)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _context(options: dict[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.get("ca"))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if "cert" in options:
            key = Path(options.get("key", options["cert"]))
            check_private(key, key.stat())
            context.load_cert_chain(options["cert"], key)
    except (OSError, ValueError) as error:
        raise StoreError(f"the certificates of the store cannot be read: {error}", hint=_HINT) from error
    return context
