"""TLS of QEMU's own sockets: certificates on the host, and the objects that stand for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prober.commandline import options
from prober.commandline.options import Property
from prober.commandline.refusal import Place
from prober.domain.shared.secret import emit_secret, secret_id
from prober.host.target import Target


@dataclass(frozen=True, slots=True)
class TlsService:
    """What sockets are used for, by the word that its settings in ``qemu.conf`` begin with.

    ``verifies`` is whether a server asks its clients for a certificate where no setting says so.
    """

    prefix: str
    verifies: bool

    def directory(self, target: Target) -> str:
        """Where the certificates are."""
        own: str | None = getattr(target.settings, f"{self.prefix}_tls_x509_cert_dir")
        return own or target.settings.default_tls_x509_cert_dir

    def verifies_peer(self, target: Target) -> bool:
        """Whether a server asks its clients for a certificate."""
        own: bool | None = getattr(target.settings, f"{self.prefix}_tls_x509_verify")
        default = target.settings.default_tls_x509_verify
        if own is not None:
            return own
        return self.verifies if default is None else default

    def secret_uuid(self, target: Target) -> str | None:
        """The secret that the key of the certificate is encrypted with; the default one belongs to the default
        certificates."""
        settings = target.settings
        own: str | None = getattr(settings, f"{self.prefix}_tls_x509_secret_uuid")
        if own is not None or getattr(settings, f"{self.prefix}_tls_x509_cert_dir") is not None:
            return own
        return settings.default_tls_x509_secret_uuid


def tls_id(owner: str) -> str:
    """The ``id`` of the credentials of a socket (libvirt, ``qemuAliasTLSObjFromSrcAlias``)."""
    return f"obj{owner}_tls0"


def emit_tls(
    service: TlsService, owner: str, place: Place, target: Target, *, listens: bool
) -> Iterator[options.Option]:
    """The credentials of one socket, and the secret that opens them; a client always looks at the server's
    certificate."""
    properties = [
        Property("dir", service.directory(target), place),
        Property("endpoint", "server" if listens else "client", place),
        Property("verify-peer", service.verifies_peer(target) if listens else True, place),
    ]
    uuid = service.secret_uuid(target)
    if uuid is not None:
        yield from emit_secret(secret_id(owner), f"the secret {uuid}", place)
        properties.append(Property("passwordid", secret_id(owner), place))
    yield options.Object("tls-creds-x509", tls_id(owner), tuple(properties), place)
