"""``<auth>`` and ``<encryption>``: the secrets that an image needs, by the names that libvirt keeps them under."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prober.commandline.refusal import Broken
from prober.xml.binding import At, Becomes, Checked, Element, Neutral
from prober.xml.values import Line, Uuid


class SecretReference(Checked):
    """Which secret it is: by its UUID or by what it is used for."""

    uuid: Annotated[Uuid | None, At("@uuid"), Becomes("the resource that says which secret it is")] = None
    usage: Annotated[Line | None, At("@usage"), Becomes("the resource that says which secret it is")] = None

    def rules(self) -> Iterator[Broken]:
        """One of the two names (``virSecretLookupParseSecret``)."""
        if (self.uuid is None) == (self.usage is None):
            yield Broken("", "a secret is named by its uuid or by its usage, and by one of them alone")

    def __str__(self) -> str:
        return f"uuid '{self.uuid}'" if self.uuid is not None else f"usage '{self.usage}'"


class AuthSecret(SecretReference):
    """The secret behind a user's name; its type is what libvirt calls its use."""

    type: Annotated[
        Literal["iscsi", "ceph", "volume", "tls", "vtpm"],
        At("@type"),
        Becomes("the resource that says which secret it is"),
    ]


class Auth(Element):
    """``<auth>``: who asks for an image over the network."""

    username: Annotated[Line, At("@username"), Becomes("`user` or `username`")]
    type: Annotated[Literal["chap", "ceph"] | None, At("@type"), Neutral("the type of the secret tells")] = None
    secret: Annotated[AuthSecret, At("secret"), Becomes("`password-secret` or `key-secret`")]


class Passphrase(SecretReference):
    """One passphrase."""

    type: Annotated[Literal["passphrase"], At("@type"), Becomes("the only type of secret that there is")]


class Encryption(Checked):
    """``<encryption>``: QEMU's own of raw and qcow2 images, or Ceph's below QEMU."""

    format: Annotated[Literal["luks", "luks2", "luks-any"], At("@format"), Becomes("`format`, or the driver `luks`")]
    engine: Annotated[Literal["qemu", "librbd"], At("@engine"), Becomes("which block node decrypts")] = "qemu"
    secrets: Annotated[tuple[Passphrase, ...], At("secret"), Becomes("`key-secret`")] = ()

    def rules(self) -> Iterator[Broken]:
        """What each engine can do (libvirt 11.3, ``qemuDomainValidateStorageSource``)."""
        if not self.secrets:
            yield Broken("", "an encrypted image needs a <secret>")
        if self.engine == "qemu" and len(self.secrets) > 1:
            yield Broken("secrets", "QEMU's encryption has one secret; only engine='librbd' has layers")
        if self.engine == "qemu" and self.format != "luks":
            yield Broken("format", f"QEMU's encryption is luks; '{self.format}' is for engine='librbd'")

    def misfits(self, image_format: str, protocol: str | None) -> Iterator[str]:
        """Why it is not for an image of this format, reached by this protocol."""
        if self.engine == "qemu" and image_format not in ("raw", "qcow2"):
            yield "QEMU's encryption is for raw and qcow2 images"
        if self.engine == "librbd" and protocol != "rbd":
            yield "engine='librbd' is for protocol 'rbd'"
