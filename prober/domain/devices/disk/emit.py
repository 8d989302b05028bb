"""What a disk becomes: its images' nodes and the device (libvirt 11.3, ``qemuBuildDiskCommandLine``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prober.commandline import options
from prober.commandline.options import Property
from prober.domain.shared.address import DriveAddress, UsbAddress
from prober.domain.shared.virtio import virtio_driver
from prober.domain.target import Target

if TYPE_CHECKING:
    from prober.domain.devices.disk.model import Disk

#: Controllers whose disks have one number alone.
NARROW = ("lsilogic", "ncr53c90", "dc390", "am53c974")

#: The modes of caching in which a write is done once it is in the host's memory.
_WRITE_BACK = {"none": True, "writeback": True, "unsafe": True, "writethrough": False, "directsync": False}


def emit_disk(disk: Disk, target: Target) -> Iterator[options.Option]:
    """The image (``-blockdev``, before QEMU 2.9 ``-drive``), then the device."""
    drive = None
    image = disk.image
    if image is not None and target.caps.has("blockdev-del"):
        yield from image.layers(target)
        drive = image.top_node(target)
    elif image is not None:
        drive = f"drive-{disk.id}"
        yield _drive(disk, drive)
    yield options.Device(_driver(disk), tuple(_properties(disk, drive, target)), disk.place())


def _drive(disk: Disk, name: str) -> options.Keyval:
    assert disk.source is not None
    pairs = [
        Property("file", disk.source.local_path(disk.kind) or "", disk.place("source")),
        Property("format", disk.driver_type or "raw", disk.place("driver_type")),
        Property("if", "none", disk.place()),
        Property("id", name, disk.place()),
    ]
    if disk.is_read_only:
        pairs.append(Property("readonly", True, disk.place("readonly")))
    return options.Keyval("-drive", "", tuple(pairs), disk.place())


def _driver(disk: Disk) -> str:
    """QEMU's device for it."""
    cdrom = disk.device == "cdrom"
    match disk.bus:
        case "virtio":
            return virtio_driver("virtio-blk-pci", "virtio" if disk.model in (None, "default") else str(disk.model))
        case "scsi":
            return "scsi-block" if disk.device == "lun" else "scsi-cd" if cdrom else "scsi-hd"
        case "usb":
            return "usb-storage"
        case "fdc":
            return "floppy"
        case _:
            return "ide-cd" if cdrom else "ide-hd"


def _properties(disk: Disk, drive: str | None, target: Target) -> Iterator[Property]:
    if disk.bus == "virtio" and _has_scsi_on(target):
        yield Property("scsi", disk.device == "lun", disk.place("device"))
    elif disk.bus == "virtio" and disk.device == "lun":
        yield Property("scsi", True, disk.place("device"))
    yield from _place_properties(disk, target)
    if disk.bus == "scsi" and disk.device != "lun":
        # What QEMU made up from the name of a -drive, guests have seen ever since.
        yield Property("device_id", disk.serial or f"drive-{disk.id}", disk.place("serial"))
    if disk.shareable:
        yield Property("share-rw", True, disk.place("shareable"))
    if drive is not None:
        yield Property("drive", drive, disk.place("source"))
    yield Property("id", disk.id, disk.place())
    if disk.device != "floppy":
        yield from disk.boot_properties()
    yield from _own_properties(disk)
    yield from disk.properties()


def _has_scsi_on(target: Target) -> bool:
    """Whether a virtio disk passes SCSI commands on unless it is told not to (until QEMU 2.4's machines)."""
    found = target.caps.property_of("virtio-blk-pci", "scsi")
    return found is not None and found.default_value is True


def _own_properties(disk: Disk) -> Iterator[Property]:
    """What is taken over with a condition or in another form."""
    if disk.wwn is not None:
        yield Property("wwn", int(disk.wwn, 16), disk.place("wwn"))
    if disk.rotation_rate:
        yield Property("rotation_rate", disk.rotation_rate, disk.place("rotation_rate"))
    if disk.product is not None:
        yield Property("product" if disk.bus == "scsi" else "model", disk.product, disk.place("product"))
    if disk.bus == "usb":
        yield Property("removable", bool(disk.removable), disk.place("removable"))
    elif disk.removable is not None:
        yield Property("removable", disk.removable, disk.place("removable"))
    if disk.cache_mode is not None and disk.device != "lun":
        yield Property("write-cache", "on" if _WRITE_BACK[disk.cache_mode] else "off", disk.place("cache"))
    if disk.serial is not None:
        yield Property("serial", disk.serial.replace(" ", "\\ "), disk.place("serial"))
    writing, reading = disk.error_policies()
    if writing is not None:
        yield Property("werror", writing, disk.place("error_policy"))
    if reading is not None:
        yield Property("rerror", reading, disk.place("rerror_policy"))


def _place_properties(disk: Disk, target: Target) -> Iterator[Property]:
    """Where it is plugged in (``qemuBuildDeviceAddresDriveProps``)."""
    place, address = disk.place("address"), disk.address
    if isinstance(address, UsbAddress):
        yield Property("bus", f"{disk.controller_id}.0", place)
        if address.port is not None:
            yield Property("port", address.port, place)
    elif not isinstance(address, DriveAddress):
        yield from disk.pci_properties(target)
    elif disk.bus == "ide":
        yield Property("bus", f"ide.{address.bus}", place)
        yield Property("unit", address.unit, place)
    elif disk.bus == "sata":
        # Each port of an AHCI controller is a bus of its own, with one unit.
        yield Property("bus", f"{disk.controller_id}.{address.unit}", place)
    elif disk.bus == "fdc":
        yield Property("unit", address.unit, place)
    else:
        yield from _scsi_properties(disk, address)


def _scsi_properties(disk: Disk, address: DriveAddress) -> Iterator[Property]:
    place = disk.place("address")
    yield Property("bus", f"{disk.controller_id}.0", place)
    if disk.controller_model in NARROW:
        yield Property("scsi-id", address.unit, place)
    else:
        yield Property("channel", address.bus, place)
        yield Property("scsi-id", address.target, place)
        yield Property("lun", address.unit, place)
