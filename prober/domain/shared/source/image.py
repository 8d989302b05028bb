"""One image with the way it is opened: the block nodes that it becomes (libvirt 11.3, ``qemu_block.c``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prober.commandline import options
from prober.commandline.options import Need, Property, Value
from prober.commandline.refusal import Place
from prober.domain.shared.chardev.opened import add_descriptor
from prober.domain.shared.secret import emit_secret, secret_id
from prober.domain.shared.source.access import Access
from prober.domain.shared.source.formats import FORMATS, WITH_BACKING
from prober.domain.shared.source.model import Source
from prober.domain.shared.source.protocols import storage_members, storage_places
from prober.domain.shared.source.references import Auth, Encryption
from prober.domain.shared.tls import tls_id
from prober.domain.target import Target

#: The helper that libvirt runs for all disks whose reservations it manages.
MANAGED_HELPER = "pr-helper0"


#: What a node has that others stand upon.
_BELOW: Mapping[str, Value] = {"auto-read-only": True, "discard": "unmap"}


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
    source: Source
    format: str
    number: int | str
    read_only: bool
    place: Place
    access: Access
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

    def layers(self, target: Target) -> Iterator[options.Option]:
        """From what stands behind it to its topmost node, with the objects that each node needs."""
        if self.source.leads_nowhere(self.kind):
            return  # which is refused
        if self.backing is not None:
            yield from self.backing.layers(target)
        if self.data is not None:
            yield from self.data.layers(target)
        yield from self._objects(target)
        yield self._storage(target)
        if self.source.slices:
            yield self._slice()
        if self.has_format:
            yield self._format()

    def _objects(self, target: Target) -> Iterator[options.Option]:
        source = self.source
        reservations = source.reservations
        if reservations is not None and not reservations.managed:
            path = Property("path", reservations.path or "", source.place("reservations"))
            yield options.Object("pr-manager-helper", self.reservations_id, (path,), source.place("reservations"))
        if self.auth is not None:
            kind = "ceph" if source.protocol == "rbd" else "iscsi"
            what = f"the secret of type {kind} with {self.auth.secret}"
            yield from emit_secret(self.auth_secret, what, self.auth.place())
        if source.cookies:
            text = "; ".join(f"{cookie.name}={cookie.value}" for cookie in source.cookies)
            yield from emit_secret(self.cookie_secret, f"the text '{text}'", source.place("cookies"))
        if source.protocol == "nbd" and self.uses_tls(target):
            yield from _tls_objects(self, target)
        if self.encryption is not None:
            for number, secret in enumerate(self.encryption.secrets):
                what = f"the secret of type volume with {secret}"
                yield from emit_secret(self.encryption_secret(number), what, self.encryption.place())
        if self.kind == "vhostvdpa":
            need = Need("vdpa", self.owner, f"open {source.dev} for reading and writing, and pass the descriptor")
            yield add_descriptor(self.vdpa_set, need, self.place)

    def _storage(self, target: Target) -> options.Qapi:
        top = not (self.has_format or self.source.slices)
        value: dict[str, Value] = dict(storage_members(self, target))
        value["node-name"] = self.storage_node
        if top:
            value["read-only"] = self.read_only
        elif target.caps.has("blockdev-add.auto-read-only"):
            value.update(_BELOW)
        else:
            value["read-only"] = self.read_only
            value["discard"] = "unmap"
        value.update(self.access.common(top=top, first=self.first))
        return self._blockdev(value, storage_places(self))

    def _slice(self) -> options.Qapi:
        part = self.source.slices[0]
        value: dict[str, Value] = {"driver": "raw", "file": self.storage_node}
        value.update({"offset": part.offset, "size": part.size, "node-name": self.slice_node})
        if self.has_format:
            value.update(_BELOW)
        else:
            value["read-only"] = self.read_only
        value.update(self.access.common(top=not self.has_format, first=self.first))
        return self._blockdev(value, {"offset": part.place("offset"), "size": part.place("size")})

    def _format(self) -> options.Qapi:
        value: dict[str, Value] = {"node-name": self.format_node, "read-only": self.read_only}
        value.update(self.access.common(top=True, first=self.first))
        value["driver"] = "luks" if self.is_luks else FORMATS[self.format]
        if self.is_luks:
            value["key-secret"] = self.encryption_secret(0)
        elif self.encryption is not None and self.encryption.engine == "qemu":
            value["encrypt"] = {"format": "luks", "key-secret": self.encryption_secret(0)}
        if self.format == "qcow2":
            value.update(self._qcow2())
        value["file"] = self.storage_top
        if self.backing is not None:
            value["backing"] = self.backing.top_node
        elif self.ends and self.format in WITH_BACKING:
            value["backing"] = None
        return self._blockdev(value, {"driver": self.format_place or self.place})

    def _qcow2(self) -> Iterator[tuple[str, Value]]:
        if self.cache_size:
            yield "cache-size", self.cache_size
        if self.access.discard_no_unref is not None:
            yield "discard-no-unref", self.access.discard_no_unref
        if self.data is not None:
            yield "data-file", self.data.top_node

    def _blockdev(self, value: dict[str, Value], places: dict[str, Place]) -> options.Qapi:
        return options.Qapi("-blockdev", "blockdev-add", "driver", value, self.place, {**self.access.places, **places})


def _tls_objects(image: Image, target: Target) -> Iterator[options.Option]:
    """The certificates for NBD, and the secret that their key is encrypted with, where there is one."""
    place, settings = image.source.place("tls"), target.settings
    uuid = settings.nbd_tls_x509_secret_uuid or settings.default_tls_x509_secret_uuid
    properties = [
        Property("dir", settings.nbd_tls_x509_cert_dir or settings.default_tls_x509_cert_dir, place),
        Property("endpoint", "client", place),
        Property("verify-peer", True, place),
    ]
    if uuid is not None:
        password = secret_id(image.tls_id)
        yield from emit_secret(password, f"the secret of type tls with uuid '{uuid}'", place)
        properties.append(Property("passwordid", password, place))
    yield options.Object("tls-creds-x509", image.tls_id, tuple(properties), place)


def needs_format(image_format: str, encryption: Encryption | None, target: Target) -> bool:
    """Whether the format has a node of its own (``qemuBlockStorageSourceNeedsFormatLayer``)."""
    return image_format != "raw" or _is_luks(image_format, encryption) or not target.raw_without_format


def _is_luks(image_format: str, encryption: Encryption | None) -> bool:
    return image_format == "raw" and encryption is not None and encryption.engine == "qemu"
