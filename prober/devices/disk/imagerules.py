"""What the image of a disk may not be (libvirt 11.3, ``qemuDomainValidateStorageSource``,
``virDomainDiskVhostUserValidate`` and ``qemuValidateDomainDeviceDefDiskTransient``)."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Broken
from prober.devices.disk.model import DiskElement
from prober.devices.disk.tuning import Transient
from prober.domain.shared.source import Auth, Encryption
from prober.domain.shared.source.backing import format_rules

#: What libvirt takes of a disk that another process serves over vhost-user, beside the virtio options.
_NOT_OF_VHOST_USER = (
    "cache", "error_policy", "rerror_policy", "io", "ioeventfd", "copy_on_read", "discard", "iothread",
    "detect_zeroes", "max_size", "io_tune", "backing", "encryption", "readonly", "shareable", "transient", "serial",
    "wwn", "vendor", "product", "auth", "cylinders", "heads", "sectors", "translation", "logical_block_size",
    "physical_block_size", "discard_granularity", "throttle_filters", "discard_no_unref", "iothreads",
)  # fmt: skip


#: Protocols that know no users.
_WITHOUT_USERS = ("nbd", "gluster", "nfs")

#: What libvirt calls the use of the secret of a protocol.
_SECRETS = {"iscsi": "iscsi", "rbd": "ceph"}


def image_rules(disk: DiskElement) -> Iterator[Broken]:
    """Every broken rule."""
    yield from _format_rules(disk)
    yield from _secret_rules(disk)
    if disk.transient is not None:
        yield from _transient_rules(disk, disk.transient)
    yield from _type_rules(disk)
    if disk.io == "native" and disk.cache not in ("none", "directsync"):
        yield Broken("io", "io='native' needs cache='none' or cache='directsync'")
    if disk.io is not None and disk.kind not in ("file", "block", "volume"):
        yield Broken("io", "io is for images in files and on block devices")
    if disk.shareable and not disk.is_read_only and (disk.format != "raw" or _encryption(disk) is not None):
        yield Broken("shareable", "only a raw image can be written by several guests at once")


def _format_rules(disk: DiskElement) -> Iterator[Broken]:
    data = disk.source.data_store if disk.source is not None else None
    if disk.backing is not None or data is not None:
        yield from format_rules(disk.format, disk.backing, data, "backing", "source")
    if disk.driver_type == "fat" and disk.kind not in ("dir", "volume"):
        yield Broken("driver_type", "format 'fat' is for sources of type 'dir'")
    if disk.max_size is not None and disk.format != "qcow2":
        yield Broken("max_size", "only qcow2 images have a cache of metadata to set")
    if disk.discard_no_unref is not None:
        if disk.format != "qcow2":
            yield Broken("discard_no_unref", "discard_no_unref is for qcow2 images alone")
        if disk.discard_no_unref and disk.is_read_only:
            yield Broken("discard_no_unref", "discard_no_unref is for disks that are written to")


def _encryption(disk: DiskElement) -> Encryption | None:
    return disk.encryption or (disk.source.encryption if disk.source is not None else None)


def _secret_rules(disk: DiskElement) -> Iterator[Broken]:
    for name in ("auth", "encryption") if disk.source is not None else ():
        if getattr(disk, name) is not None and getattr(disk.source, name) is not None:
            yield Broken(name, f"<{name}> is given twice, once in <source>")
    if disk.auth is not None:
        yield from _auth_rules(disk, disk.auth)
    encryption = _encryption(disk)
    if encryption is not None:
        yield from _encryption_rules(disk, encryption)


def _auth_rules(disk: DiskElement, auth: Auth) -> Iterator[Broken]:
    """Which sources know users, and what their secrets are called."""
    if disk.kind not in ("network", "volume"):
        yield Broken("auth", "<auth> is for sources on the network")
        return
    protocol = disk.source.protocol if disk.source is not None else None
    if protocol in _WITHOUT_USERS:
        yield Broken("auth", f"protocol '{protocol}' knows no users")
    elif auth.secret.type != _SECRETS.get(protocol or "", auth.secret.type):
        yield Broken("auth", f"'{auth.secret.type}' is not the type of the secret of protocol '{protocol}'")


def _encryption_rules(disk: DiskElement, encryption: Encryption) -> Iterator[Broken]:
    where = "encryption" if disk.encryption is not None else "source"
    for sentence in encryption.misfits(disk.format, disk.source.protocol if disk.source is not None else None):
        yield Broken(where, sentence)
    if disk.is_empty:
        yield Broken(where, "an empty drive has nothing to decrypt")


def _transient_rules(disk: DiskElement, transient: Transient) -> Iterator[Broken]:
    if disk.kind != "file" or disk.is_empty or disk.is_read_only or disk.device != "disk":
        yield Broken("transient", "only a hard disk in a file that is written to can be transient")
    if transient.share_backing:
        sentence = "a transient disk that shares its image is not understood: it is plugged in once QEMU runs"
        yield Broken("transient", sentence)


def _type_rules(disk: DiskElement) -> Iterator[Broken]:
    source = disk.source
    if source is None:
        return
    if disk.kind == "dir":
        if disk.driver_type != "fat":
            yield Broken("type", "a source of type 'dir' needs <driver type='fat'>")
        if not disk.is_read_only:
            yield Broken("type", "a directory cannot be written to through the disk: add <readonly/>")
    if source.startup_policy == "requisite" and disk.device not in ("cdrom", "floppy"):
        yield Broken("source", "startupPolicy='requisite' is for CD and floppy drives")
    if disk.kind in ("vhostuser", "vhostvdpa"):
        yield from _vhost_rules(disk)


def _vhost_rules(disk: DiskElement) -> Iterator[Broken]:
    if disk.kind == "vhostuser":
        if disk.bus != "virtio":
            yield Broken("type", "a disk over vhost-user is on the bus virtio")
        if disk.snapshot not in (None, "no"):
            yield Broken("snapshot", "a disk over vhost-user has no snapshots")
        for name in _NOT_OF_VHOST_USER:
            if disk.given(name):
                yield Broken(name, "the process that serves a disk over vhost-user decides on this")
    if disk.kind == "vhostvdpa" and disk.cache not in ("none", "directsync"):
        yield Broken("type", "a vDPA disk needs cache='none' or cache='directsync'")
