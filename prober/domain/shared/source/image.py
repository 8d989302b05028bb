"""One image with the way it is opened, and the names of its block nodes (libvirt 11.3, ``qemu_block.c``)."""

from __future__ import annotations

from dataclasses import dataclass

from prober.commandline.refusal import Place
from prober.domain.shared.secret import secret_id
from prober.domain.shared.source.access import ImageAccess
from prober.domain.shared.source.model import StorageSource
from prober.domain.shared.source.references import Auth, Encryption
from prober.domain.shared.tls import tls_id
from prober.host.target import Target

#: The helper that libvirt runs for all disks whose reservations it manages.
MANAGED_HELPER = "pr-helper0"


@dataclass(slots=True)  # Not frozen, which takes twice as long; chained() completes it.
class Image:
    """An image to be opened.

    ``number`` is libvirt's of the image, in the names of its nodes (``pflash1`` where it has a name); ``kind`` the type
    of the source, ``owner`` whose it is.  ``cdrom`` says that a block device is a CD drive of the host.  ``backing`` is
    what stands behind it; ``ends`` that the XML says that nothing does, so that QEMU does not look.  ``data`` is the
    image that the data is in, if it is in another.  ``first`` says that a guest sees this image, ``has_format`` that
    its format has a node of its own (see :func:`needs_format`).
    """

    kind: str
    source: StorageSource
    format: str
    number: int | str
    read_only: bool
    place: Place
    access: ImageAccess
    owner: str = ""
    format_place: Place | None = None
    cdrom: bool = False
    encryption: Encryption | None = None
    auth: Auth | None = None
    cache_size: int | None = None
    backing: Image | None = None
    ends: bool = False
    data: Image | None = None
    first: bool = True
    has_format: bool = True

    @property
    def count(self) -> int:
        """How many numbers it and all behind it take."""
        return 1 + sum(image.count for image in (self.data, self.backing) if image is not None)

    @property
    def storage_node(self) -> str:
        """The name of the node that reaches the data."""
        return f"libvirt-{self.number}-storage"

    @property
    def slice_node(self) -> str:
        """The name of the node that cuts a part out of the storage."""
        return f"libvirt-{self.number}-slice-sto"

    @property
    def format_node(self) -> str:
        """The name of the node that understands the format."""
        return f"libvirt-{self.number}-format"

    @property
    def vdpa_set(self) -> str:
        """The name of the set of descriptors that a vDPA device is opened through."""
        return f"{self.storage_node}-vdpa"

    @property
    def reservations_id(self) -> str:
        """The id of the helper for reservations."""
        reservations = self.source.reservations
        assert reservations is not None
        return MANAGED_HELPER if reservations.managed else f"pr-helper-{self.storage_node}"

    @property
    def tls_id(self) -> str:
        """The id of the credentials of TLS."""
        return tls_id(self.storage_node)

    @property
    def auth_secret(self) -> str:
        """The id of the secret of the user."""
        return secret_id(self.storage_node, "auth")

    @property
    def cookie_secret(self) -> str:
        """The id of the secret with the cookies."""
        return secret_id(self.storage_node, "httpcookie")

    def encryption_secret(self, number: int) -> str:
        """The id of a passphrase."""
        return secret_id(self._encrypted_node, "encryption", number)

    @property
    def _encrypted_node(self) -> str:
        return self.format_node if self.has_format else self.storage_node

    @property
    def is_luks(self) -> bool:
        """Whether it is a raw image that QEMU decrypts."""
        return _is_luks(self.format, self.encryption)

    def uses_tls(self, target: Target) -> bool:
        """Whether an NBD server is spoken to over TLS."""
        return target.settings.nbd_tls if self.source.tls is None else self.source.tls

    @property
    def top_node(self) -> str:
        """The node that a device, or another image, uses."""
        return self.format_node if self.has_format else self.storage_top

    @property
    def storage_top(self) -> str:
        """The node that the format's uses."""
        return self.slice_node if self.source.slices else self.storage_node


def needs_format(image_format: str, encryption: Encryption | None, target: Target) -> bool:
    """Whether the format has a node of its own (``qemuBlockStorageSourceNeedsFormatLayer``)."""
    return image_format != "raw" or _is_luks(image_format, encryption) or not target.raw_without_format


def _is_luks(image_format: str, encryption: Encryption | None) -> bool:
    return image_format == "raw" and encryption is not None and encryption.engine == "qemu"
