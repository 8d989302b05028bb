"""What of a ``<filesystem>`` goes with which driver (libvirt 11.3, ``qemuValidateDomainDeviceDefFS``)."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Broken
from prober.devices.filesystem.model import FilesystemElement
from prober.domain.shared.address import Address, PciAddress, UsbAddress

#: What is said to a virtiofsd that is started for the domain.
_OF_VIRTIOFSD = (
    "binary",
    "xattr",
    "cache",
    "sandbox",
    "posix_lock",
    "flock",
    "thread_pool",
    "openfiles",
    "uids",
    "gids",
)

_OF_9P = ("model", "fmode", "dmode", "multidevs", "wrpolicy")
_OF_VIRTIO = ("virtio_iommu", "virtio_ats", "virtio_packed", "virtio_page_per_vq")
_NOTHING = (None, 0, (), "default")


def filesystem_rules(fs: FilesystemElement) -> Iterator[Broken]:
    """Every broken rule."""
    yield from _address_rules(fs)
    yield from _source_rules(fs)
    if (fs.fmode or fs.dmode) and fs.accessmode != "mapped":
        yield Broken("fmode" if fs.fmode else "dmode", "fmode and dmode belong to accessmode='mapped' alone")
    if fs.driver != "virtiofs":
        for name in ("socket", "queue", "boot_order", *_OF_VIRTIOFSD):
            if _says(fs, name):
                yield Broken(name, "belongs to <driver type='virtiofs'> alone")
    if fs.driver != "path":
        yield from _not_9p_rules(fs)
    if fs.driver == "mtp":
        for name in _OF_VIRTIO:
            if _says(fs, name):
                yield Broken(name, "MTP is on USB, and has none of virtio's options")


def _not_9p_rules(fs: FilesystemElement) -> Iterator[Broken]:
    """What is 9p's alone.  What is behind a socket is for others to say, and libvirt lets wrpolicy and accessmode be
    there."""
    elsewhere = fs.driver == "virtiofs" and fs.socket is not None
    for name in _OF_9P:
        if _says(fs, name) and not (elsewhere and name == "wrpolicy"):
            yield Broken(name, f"belongs to <driver type='path'> alone, not to {fs.driver}")
    if fs.accessmode not in (None, "passthrough") and not elsewhere:
        yield Broken("accessmode", f"{fs.driver} has accessmode='passthrough' alone")


def _source_rules(fs: FilesystemElement) -> Iterator[Broken]:
    if fs.driver == "virtiofs" and fs.socket is not None:
        for name in ("source", "readonly", *_OF_VIRTIOFSD):
            if _says(fs, name):
                yield Broken(name, "is for whoever starts virtiofsd on the socket to say")
    elif fs.source is None:
        yield Broken("", "needs <source dir=…>")


def _address_rules(fs: FilesystemElement) -> Iterator[Broken]:
    kind: type[Address] = UsbAddress if fs.driver == "mtp" else PciAddress
    if fs.address is not None and not isinstance(fs.address, kind):
        yield Broken("address", f"driver {fs.driver} has no address of this type")


def _says(fs: FilesystemElement, name: str) -> bool:
    value = getattr(fs, name)
    return value is not None and (value is False or value not in _NOTHING) and not (name == "readonly" and not value)
