"""The block nodes that an image becomes, with the objects that each needs (libvirt 11.3, ``qemu_block.c``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prober.commandline import options
from prober.commandline.options import Property, Value
from prober.commandline.refusal import Place
from prober.domain.shared.chardev.opened import add_descriptor, file_to_open
from prober.domain.shared.secret import emit_secret, secret_id
from prober.domain.shared.source.attributes import leads_nowhere
from prober.domain.shared.source.formats import FORMATS, WITH_BACKING
from prober.domain.shared.source.image import Image
from prober.domain.shared.source.protocols import storage_members, storage_places
from prober.host.target import Target

#: What a node has that others stand upon.
_BELOW: Mapping[str, Value] = {"auto-read-only": True, "discard": "unmap"}


def layers(image: Image, target: Target) -> Iterator[options.Option]:
    """From what stands behind it to its topmost node, with the objects that each node needs."""
    if leads_nowhere(image.source, image.kind):
        return  # which is refused
    if image.backing is not None:
        yield from layers(image.backing, target)
    if image.data is not None:
        yield from layers(image.data, target)
    yield from _objects(image, target)
    yield _storage(image, target)
    if image.source.slices:
        yield _slice(image)
    if image.has_format:
        yield _format(image)


def _objects(image: Image, target: Target) -> Iterator[options.Option]:
    source = image.source
    reservations = source.reservations
    if reservations is not None and not reservations.managed:
        path = Property("path", reservations.path or "", source.place("reservations"))
        yield options.Object("pr-manager-helper", image.reservations_id, (path,), source.place("reservations"))
    if image.auth is not None:
        kind = "ceph" if source.protocol == "rbd" else "iscsi"
        what = f"the secret of type {kind} with {image.auth.secret}"
        yield from emit_secret(image.auth_secret, what, image.auth.place())
    if source.cookies:
        text = "; ".join(f"{cookie.name}={cookie.value}" for cookie in source.cookies)
        yield from emit_secret(image.cookie_secret, f"the text '{text}'", source.place("cookies"))
    if source.protocol == "nbd" and image.uses_tls(target):
        yield from _tls_objects(image, target)
    if image.encryption is not None:
        for number, secret in enumerate(image.encryption.secrets):
            what = f"the secret of type volume with {secret}"
            yield from emit_secret(image.encryption_secret(number), what, image.encryption.place())
    if image.kind == "vhostvdpa":
        need = file_to_open("vdpa", image.owner, source.dev or "", "read-write")
        yield add_descriptor(image.vdpa_set, need, image.place)


def _storage(image: Image, target: Target) -> options.Qapi:
    top = not (image.has_format or image.source.slices)
    value: dict[str, Value] = dict(storage_members(image, target))
    value["node-name"] = image.storage_node
    if top:
        value["read-only"] = image.read_only
    elif target.caps.has("blockdev-add.auto-read-only"):
        value.update(_BELOW)
    else:
        value["read-only"] = image.read_only
        value["discard"] = "unmap"
    value.update(image.access.common(top=top))
    return _blockdev(image, value, storage_places(image))


def _slice(image: Image) -> options.Qapi:
    part = image.source.slices[0]
    value: dict[str, Value] = {"driver": "raw", "file": image.storage_node}
    value.update({"offset": part.offset, "size": part.size, "node-name": image.slice_node})
    if image.has_format:
        value.update(_BELOW)
    else:
        value["read-only"] = image.read_only
    value.update(image.access.common(top=not image.has_format))
    return _blockdev(image, value, {"offset": part.place("offset"), "size": part.place("size")})


def _format(image: Image) -> options.Qapi:
    value: dict[str, Value] = {"node-name": image.format_node, "read-only": image.read_only}
    value.update(image.access.common(top=True))
    value["driver"] = "luks" if image.is_luks else FORMATS[image.format]
    if image.is_luks:
        value["key-secret"] = image.encryption_secret(0)
    elif image.encryption is not None and image.encryption.engine == "qemu":
        value["encrypt"] = {"format": "luks", "key-secret": image.encryption_secret(0)}
    if image.format == "qcow2":
        value.update(_qcow2(image))
    value["file"] = image.storage_top
    if image.backing is not None:
        value["backing"] = image.backing.top_node
    elif image.ends and image.format in WITH_BACKING:
        value["backing"] = None
    return _blockdev(image, value, {"driver": image.format_place or image.place})


def _qcow2(image: Image) -> Iterator[tuple[str, Value]]:
    if image.cache_size:
        yield "cache-size", image.cache_size
    if image.access.discard_no_unref is not None:
        yield "discard-no-unref", image.access.discard_no_unref
    if image.data is not None:
        yield "data-file", image.data.top_node


def _blockdev(image: Image, value: dict[str, Value], places: dict[str, Place]) -> options.Qapi:
    return options.Qapi("-blockdev", "blockdev-add", "driver", value, image.place, image.access.places.beside(places))


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
