"""What a disk may not say, whatever the machine (libvirt 11.3, ``virDomainDiskDefValidate`` and
``qemuValidateDomainDeviceDefDiskFrontend``)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from prober.commandline.refusal import Broken
from prober.devices.disk.imagerules import image_rules
from prober.devices.disk.model import DiskElement
from prober.devices.disk.names import NAMESPACES, UNITS, index_of, namespace_of, prefix_of
from prober.domain.shared.address import DriveAddress, PciAddress, UsbAddress, VirtioMmioAddress
from prober.domain.shared.iothreads import mapping_rules

#: Characters that a serial number may have (libvirt, ``QEMU_SERIAL_PARAM_ACCEPTED_CHARS``).
_SERIAL = re.compile(r"[A-Za-z0-9\-_ .+]*")
_WWN = re.compile(r"(0x)?[0-9a-fA-F]{16}")
_PRINTABLE = re.compile(r"[ -~]*")

#: What virtio disks alone have.
_OF_VIRTIO = (
    "queues", "queue_size", "ioeventfd", "event_idx",
    "virtio_iommu", "virtio_ats", "virtio_packed", "virtio_page_per_vq",
)  # fmt: skip

#: The highest index of a controller.
_LAST_INDEX = 255

#: The models that USB disks alone have.
_OF_USB = ("usb-storage", "usb-bot")

#: What the names of hard disks may begin with.
_HARD_DISKS = ("hd", "sd", "vd", "xvd", "ubd", "nvme")


class _Places(NamedTuple):
    """The highest numbers that an address of type ``drive`` may have, and what is said of one above them."""

    controller: int
    bus: int
    unit: int
    sentence: str


#: Above the numbers of all addresses: there may be any.
_ANY = 2**32

#: The buses whose disks have an address of type ``drive``.
_ON_DRIVE: Mapping[str, _Places] = MappingProxyType(
    {
        "ide": _Places(_ANY, 1, 1, "an IDE controller has buses 0 and 1 with units 0 and 1"),
        "sata": _Places(_ANY, 0, 5, "a SATA controller has bus 0 with units 0 to 5"),
        "fdc": _Places(0, 0, 1, "the machine has one floppy controller, with bus 0 and units 0 and 1"),
        "nvme": _Places(_ANY, 0, NAMESPACES - 1, "an NVMe controller has bus 0 with units 0 to 255"),
        "scsi": _Places(_ANY, 0, _ANY, "a SCSI controller has bus 0 alone"),
    }
)


#: What most disks say, and none of the rules that follow ``says_more`` is about: the others need not be asked of a disk
#: that says no more.
_ORDINARY = frozenset(
    (
        *("type", "device", "source", "backing", "target_dev", "target_bus", "address", "boot_order", "user_alias"),
        *("driver_name", "driver_type", "cache", "io", "discard", "detect_zeroes", "error_policy"),
    )
)


def disk_rules(disk: DiskElement) -> Iterator[Broken]:
    """Every broken rule."""
    says_more = not disk.places.fields.keys() <= _ORDINARY
    yield from _name_rules(disk)
    yield from _bus_rules(disk)
    yield from _empty_rules(disk)
    if says_more:
        yield from _drive_rules(disk)
    yield from _address_rules(disk)
    if says_more:
        yield from _virtio_rules(disk)
        yield from _thread_rules(disk)
        yield from _filter_rules(disk)
        yield from _identity_rules(disk)
    yield from _lun_rules(disk) if disk.device == "lun" else _rules_but_of_lun(disk)
    if says_more:
        yield from _geometry_rules(disk)
    yield from image_rules(disk)


def _name_rules(disk: DiskElement) -> Iterator[Broken]:
    name, prefix = disk.target_dev, prefix_of(disk.target_dev)
    if index_of(name) < 0:
        yield Broken("target_dev", f"'{name}' is not a disk name like vda, hda or sda")
    elif disk.device == "floppy" and prefix != "fd":
        yield Broken("target_dev", f"a floppy drive has a name like fda, not '{name}'")
    elif disk.device in ("disk", "lun") and prefix not in _HARD_DISKS:
        yield Broken("target_dev", f"a hard disk has a name like vda, hda or sda, not '{name}'")


def lacks_source(disk: DiskElement) -> bool:
    """Whether it is empty, and not because its source was refused."""
    return disk.is_empty and (disk.source is not None or not disk.given("source"))


def _bus_rules(disk: DiskElement) -> Iterator[Broken]:
    bus, device = disk.bus, disk.device
    if bus in ("xen", "uml"):
        yield Broken("target_dev", f"'{disk.target_dev}' is a disk of another hypervisor; say which bus it is on")
    if (device == "floppy") != (bus == "fdc"):
        yield Broken("target_bus", "a floppy drive is on the bus fdc, and nothing else is")
    if device == "cdrom" and bus == "virtio":
        yield Broken("target_bus", "a virtio disk has no media to eject, so it cannot be a cdrom")


def _empty_rules(disk: DiskElement) -> Iterator[Broken]:
    """Which drives cannot be without an image."""
    if disk.device in ("disk", "lun") and lacks_source(disk):
        sentence = f"<source> is missing, and only a CD or floppy drive may be empty ({disk.target_dev})"
        yield Broken("source", sentence)
    elif disk.bus == "nvme" and lacks_source(disk):
        yield Broken("source", "an NVMe disk is none without an image")
    elif disk.model == "usb-storage" and lacks_source(disk):
        yield Broken("source", "usb-storage is no drive without an image", "write model='usb-bot'")


def _drive_rules(disk: DiskElement) -> Iterator[Broken]:
    """What some kinds of drives have, and others have not."""
    bus, device = disk.bus, disk.device
    if device == "disk" and disk.readonly and bus in ("ide", "sata"):
        yield Broken("readonly", "an IDE or SATA hard disk cannot be read-only in QEMU")
    yield from _removable_rules(disk)
    if disk.dpofua is not None and bus != "scsi":
        yield Broken("dpofua", "dpofua is for SCSI disks")
    if disk.statistics is not None and bus in ("fdc", "nvme"):
        yield Broken("statistics", "floppy drives and NVMe disks keep no statistics")
    if disk.tray is not None and device not in ("cdrom", "floppy"):
        yield Broken("tray", "only a CD or floppy drive has a tray")
    if disk.rotation_rate is not None and (bus not in ("scsi", "ide", "sata") or device != "disk"):
        yield Broken("rotation_rate", "rotation_rate is for hard disks on SCSI, IDE or SATA")


def _removable_rules(disk: DiskElement) -> Iterator[Broken]:
    """Whose medium can be said to be removable, or not."""
    if disk.removable is None:
        return
    if disk.bus != "usb" and (disk.bus != "scsi" or disk.device != "disk"):
        yield Broken("removable", "removable is for USB and SCSI disks")
    elif not disk.removable and disk.is_behind_bot and disk.device == "cdrom":
        yield Broken("removable", "what is in a CD drive can be taken out", "write model='usb-storage' for a disk")


def _address_rules(disk: DiskElement) -> Iterator[Broken]:
    address, bus = disk.address, disk.bus
    if address is None:
        if bus == "nvme":
            yield from _namespace_rules(disk)
            return
        most = 0 if bus == "fdc" else _LAST_INDEX
        if index_of(disk.target_dev) // UNITS.get(bus, 2**31) > most:
            yield Broken("target_dev", f"'{disk.target_dev}' is on a controller that there cannot be")
        return
    if bus in _ON_DRIVE:
        if isinstance(address, DriveAddress):
            yield from _place_rules(bus, address)
        else:
            yield Broken("address", f"a disk on {bus} has an address of type 'drive'")
    elif bus == "virtio" and not isinstance(address, PciAddress | VirtioMmioAddress):
        yield Broken("address", "a virtio disk has an address of type 'pci'")
    elif bus == "usb" and not isinstance(address, UsbAddress):
        yield Broken("address", "a USB disk has an address of type 'usb'")


def _namespace_rules(disk: DiskElement) -> Iterator[Broken]:
    """A namespace that there can be."""
    controller, unit = namespace_of(disk.target_dev) or (0, index_of(disk.target_dev))
    if controller > _LAST_INDEX or unit >= NAMESPACES:
        yield Broken("target_dev", f"'{disk.target_dev}' is a namespace that no NVMe controller has")


def _place_rules(bus: str, address: DriveAddress) -> Iterator[Broken]:
    """A place that there is on a controller of this bus."""
    most = _ON_DRIVE[bus]
    if bus != "scsi" and address.target:
        yield Broken("address", "target is always 0 on IDE, SATA, NVMe and floppy controllers")
    if address.controller > most.controller or address.bus > most.bus or address.unit > most.unit:
        yield Broken("address", most.sentence)


def _virtio_rules(disk: DiskElement) -> Iterator[Broken]:
    if disk.model in _OF_USB and disk.bus != "usb":
        yield Broken("model", f"model '{disk.model}' is for USB disks alone")
    if disk.bus == "virtio":
        return
    for name in _OF_VIRTIO:
        if getattr(disk, name) is not None:
            yield Broken(name, "this is for virtio disks alone")
    if disk.model not in (None, "default", *_OF_USB):
        yield Broken("model", f"model '{disk.model}' is for virtio disks alone")


def _thread_rules(disk: DiskElement) -> Iterator[Broken]:
    """Which I/O threads serve it."""
    if disk.iothread is not None and disk.iothreads:
        yield Broken("iothreads", "iothread and <iothreads> cannot be set together")
    if disk.bus != "virtio":
        for name in ("iothread", "iothreads"):
            if getattr(disk, name):
                yield Broken(name, f"disks on {disk.bus} have no thread of their own")
    if disk.iothreads:
        yield from mapping_rules(disk.iothreads, disk.queues, "iothreads")


def _filter_rules(disk: DiskElement) -> Iterator[Broken]:
    """What stands between its image and the device."""
    if disk.copy_on_read and (disk.is_read_only or disk.device != "disk"):
        yield Broken("copy_on_read", "only a hard disk that is written to copies what it reads")
    if disk.throttle_filters:
        if disk.io_tune is not None:
            yield Broken("throttle_filters", "<throttlefilters> and <iotune> cannot be set together")
        if disk.device == "cdrom":
            yield Broken("throttle_filters", "a CD drive has no <throttlefilters>")
        if len({item.group for item in disk.throttle_filters}) < len(disk.throttle_filters):
            yield Broken("throttle_filters", "a disk is in a throttle group twice")


def _identity_rules(disk: DiskElement) -> Iterator[Broken]:
    if disk.serial is not None and not _SERIAL.fullmatch(disk.serial):
        yield Broken("serial", "a serial number has letters, digits, spaces and -_.+ alone")
    if disk.wwn is not None:
        if not _WWN.fullmatch(disk.wwn):
            yield Broken("wwn", "a world wide name has 16 hexadecimal digits")
        if disk.bus not in ("ide", "scsi"):
            yield Broken("wwn", "only IDE and SCSI disks have a world wide name")
    for name, value, most, buses in (
        ("vendor", disk.vendor, 8, ("scsi",)),
        ("product", disk.product, 16 if disk.bus == "scsi" else 40, ("ide", "sata", "scsi")),
    ):
        if value is None:
            continue
        if disk.bus not in buses:
            yield Broken(name, f"only disks on {' or '.join(buses)} have a {name}")
        if len(value) > most or not _PRINTABLE.fullmatch(value):
            yield Broken(name, f"a {name} has at most {most} printable ASCII characters")


def _rules_but_of_lun(disk: DiskElement) -> Iterator[Broken]:
    """What only a disk has whose guest speaks to the host's own."""
    if disk.rawio is not None:
        yield Broken("rawio", "rawio is for device='lun' alone")
    if disk.sgio is not None:
        yield Broken("sgio", "sgio is for device='lun' alone")
    if disk.source is not None and disk.source.reservations is not None:
        yield Broken("source", "<reservations> are for device='lun' alone")


def _lun_rules(disk: DiskElement) -> Iterator[Broken]:
    """What a disk cannot be whose guest speaks to the host's own."""
    if disk.bus not in ("scsi", "virtio"):
        yield Broken("device", f"device='lun' is not for bus {disk.bus}")
    iscsi = disk.kind == "network" and disk.source is not None and disk.source.protocol == "iscsi"
    if disk.kind not in ("block", "volume") and not iscsi:
        yield Broken("device", "device='lun' needs a block device or an iSCSI unit as its source")
    if disk.format != "raw":
        yield Broken("driver_type", "device='lun' is always raw")
    if disk.source is not None and (disk.source.slices or disk.source.encryption):
        yield Broken("source", "device='lun' has neither a slice nor encryption")
    if disk.encryption is not None:
        yield Broken("encryption", "device='lun' has no encryption")
    shown = ["wwn", "vendor", "product", *(["serial"] if disk.bus == "scsi" else [])]
    for name in shown:
        if getattr(disk, name) is not None:
            yield Broken(name, "device='lun' shows what the host's own disk says of itself")


def _geometry_rules(disk: DiskElement) -> Iterator[Broken]:
    shape = (disk.cylinders, disk.heads, disk.sectors)
    if 0 < shape.count(None) < len(shape):
        yield Broken("", "<geometry> needs cyls, heads and secs")
    if shape[0] is not None and disk.bus in ("usb", "fdc"):
        yield Broken("cylinders", f"a disk on {disk.bus} has no geometry to set")
    if disk.translation is not None and disk.bus != "ide":
        yield Broken("translation", "a mode of translation is for IDE disks alone")
