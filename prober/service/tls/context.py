"""The two sides of TLS: certificates and keys, read from their files.

It is TLS 1.3 alone: there is nothing older on either side.  No session is taken up again, so each connection shows its
certificate.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NoReturn

from prober.errors import ServiceError
from prober.fleet.private import why_not_private


class _EncryptedKeyError(Exception):
    """The key asks for a password, for which nobody is there."""


def server_context(cert: Path, key: Path | None, ca: Path) -> ssl.SSLContext:
    """The side that is asked, which asks each client for a certificate by one of the authorities in ``ca``.  Blocks.

    :raise ServiceError: where a file cannot be read, or others may read the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    return _loaded(context, cert, key, ca)


def client_context(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """The side that asks: it has the other's name and authority checked, by the system's list without ``ca``.  Blocks.

    :raise ServiceError: where a file cannot be read, or others may read the key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is None:
        context.load_default_certs()
    return _loaded(context, cert, key, ca)


def _loaded(context: ssl.SSLContext, cert: Path | None, key: Path | None, ca: Path | None) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if cert is not None:
        _load_own(context, cert, cert if key is None else key)
    if ca is not None:
        try:
            context.load_verify_locations(cafile=ca)
        except (OSError, ValueError) as error:
            raise _unreadable(ca, error, "it has to hold the certificates of authorities (PEM)") from error
    return context


def _load_own(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    try:
        why = why_not_private(key, key.stat())
    except OSError as error:
        raise _unreadable(key, error, "") from error
    if why is not None:
        raise ServiceError(why.message, hint=why.hint)
    try:
        context.load_cert_chain(cert, key, password=_refuse_password)
    except _EncryptedKeyError as error:
        raise ServiceError(
            f"the key in {key} is encrypted", hint="openssl pkey -in FILE -out NEW, with mode 0600"
        ) from error
    except (OSError, ValueError) as error:
        hint = f"{cert} has to hold a certificate (PEM), and {key} its key"
        raise _unreadable(cert, error, hint) from error


def _refuse_password() -> NoReturn:
    """OpenSSL would ask on the terminal."""
    raise _EncryptedKeyError


def _unreadable(path: Path, error: Exception, hint: str) -> ServiceError:
    # OpenSSL's errors have a reason of their own; those of the system name the file, or not.
    said = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
    return ServiceError(f"{path} cannot be used for TLS: {said or error}", hint=hint or "see its path and its rights")
