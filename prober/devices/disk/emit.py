"""What a disk becomes: its images' nodes and the device (libvirt 11.3, ``qemuBuildDiskCommandLine``)."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline import options
from prober.commandline.options import Prepared, Property, Value
from prober.devices.disk.model import DiskElement
from prober.domain.shared.chardev import Reconnect
from prober.domain.shared.chardev.sockets import unix_socket
from prober.domain.shared.iothreads import mapping_property
from prober.domain.shared.source.layers import layers
from prober.domain.shared.virtio import virtio_driver
from prober.host.target import Target
from prober.xml.binding import Places

#: The modes of caching in which a write is done once it is in the host's memory.
_WRITE_BACK = {"none": True, "writeback": True, "unsafe": True, "writethrough": False, "directsync": False}


def emit_disk(disk: DiskElement, target: Target) -> Iterator[options.Option]:
    """The image (``-blockdev``, before QEMU 2.9 ``-drive``), then the device."""
    if disk.source is None and disk.given("source"):
        return  # which is refused
    image = disk.image(target)
    if image is not None and not target.caps.has("blockdev-del"):
        yield _drive(disk, f"drive-{disk.id}")
        yield from _devices(disk, target, Property("drive", f"drive-{disk.id}", disk.place("source")))
        return
    if image is not None:
        yield from layers(image, target)
        nodes = _filters(disk, image.top_node)
        yield from nodes
        top = str(nodes[-1].value["node-name"]) if nodes else image.top_node
        yield from _devices(disk, target, Property("drive", top, disk.place("source")))
    elif disk.kind == "vhostuser" and disk.source is not None:
        yield unix_socket(_chardev(disk), disk.source.path or "", disk.place("source"), target, reconnect=_redial(disk))
        yield from _devices(disk, target, Property("chardev", _chardev(disk), disk.place("source")))
    else:
        yield from _devices(disk, target)


def _chardev(disk: DiskElement) -> str:
    return f"chr-vu-{disk.id}"


def _redial(disk: DiskElement) -> Reconnect | None:
    """When the socket of vhost-user is dialled again."""
    source = disk.source
    if source is None or source.reconnect_enabled is None:
        return None
    names = {"enabled": "reconnect_enabled", "timeout": "reconnect_timeout"}
    places = Places(source.place("reconnect_enabled"), source.places_of(names))
    return Reconnect(enabled=source.reconnect_enabled, timeout=source.reconnect_timeout, places=places)


def _filters(disk: DiskElement, below: str) -> list[options.Qapi]:
    """What stands between the image and the device, from the image up."""
    nodes: list[options.Qapi] = []
    if not disk.copy_on_read and not disk.throttle_filters:
        return nodes
    if disk.copy_on_read:
        name = f"libvirt-CoR-{disk.target_dev}"
        value: dict[str, Value] = {"driver": "copy-on-read", "node-name": name, "file": below, "discard": "unmap"}
        nodes.append(options.Qapi("-blockdev", "blockdev-add", "driver", value, disk.place("copy_on_read")))
        below = name
    for item, name in zip(disk.throttle_filters, disk.filter_nodes, strict=True):
        value = {"driver": "throttle", "node-name": name, "throttle-group": f"throttle-{item.group}", "file": below}
        value["discard"] = "unmap"
        nodes.append(options.Qapi("-blockdev", "blockdev-add", "driver", value, item.place()))
        below = name
    return nodes


def _drive(disk: DiskElement, name: str) -> options.Keyval:
    """An image for a QEMU that has no ``-blockdev``."""
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


def _driver(disk: DiskElement) -> str:
    """QEMU's device for it."""
    cdrom = disk.device == "cdrom"
    match disk.bus:
        case "virtio":
            name = "vhost-user-blk-pci" if disk.kind == "vhostuser" else "virtio-blk-pci"
            return virtio_driver(name, "virtio" if disk.model in (None, "default") else str(disk.model))
        case "scsi":
            return "scsi-block" if disk.device == "lun" else "scsi-cd" if cdrom else "scsi-hd"
        case "usb" if not disk.is_behind_bot:
            return "usb-storage"
        case "usb":
            return "scsi-cd" if cdrom else "scsi-hd"
        case "nvme":
            return "nvme-ns"
        case "fdc":
            return "floppy"
        case _:
            return "ide-cd" if cdrom else "ide-hd"


def _devices(disk: DiskElement, target: Target, backend: Property | None = None) -> Iterator[options.DeviceOption]:
    """What the guest sees, on its image or socket."""
    place = disk.address_properties(target)
    if disk.is_behind_bot:
        yield _bot(disk, place)
        own = disk.place("target_bus")
        place = [Property("bus", f"{disk.id}.0", own), Property("scsi-id", 0, own), Property("lun", 0, own)]
    yield _device(disk, target, place, backend)


def _bot(disk: DiskElement, place: list[Property]) -> options.DeviceOption:
    """The bridge from USB to SCSI that a drive is behind (libvirt 12.8, asked)."""
    properties = [Property("id", disk.id, disk.place())]
    if disk.serial is not None:
        properties.append(Property("serial", disk.serial, disk.place("serial")))
    return options.DeviceOption("usb-bot", (*properties, *place), disk.place())


def _device(disk: DiskElement, target: Target, place: list[Property], backend: Property | None) -> options.DeviceOption:
    """The drive itself."""
    own, bus = disk.place(), disk.bus
    properties = _virtio_properties(disk, target) if bus == "virtio" else []
    properties += place
    if bus == "scsi" and disk.device != "lun":
        # What QEMU made up from the name of a -drive, guests have seen ever since.
        properties.append(Property("device_id", disk.serial or f"drive-{disk.id}", disk.place("serial")))
    if disk.shareable:
        properties.append(Property("share-rw", True, disk.place("shareable")))
    if backend is not None:
        properties.append(backend)
    properties.append(Property("id", _id(disk), own))
    if disk.device != "floppy":
        properties += disk.boot_properties()
    properties += _own_properties(disk)
    properties += disk.properties()
    return options.DeviceOption(_driver(disk), tuple(properties), own)


def _id(disk: DiskElement) -> Value:
    """The id, with what is to be done on the monitor."""
    name = f"{disk.id}-device" if disk.is_behind_bot else disk.id
    if not disk.is_tuned_later or disk.is_empty or disk.source is None:
        return name
    device = {"virtio": f"/machine/peripheral/{disk.id}/virtio-backend"}.get(disk.bus, name)
    if disk.bus == "usb" and not disk.is_behind_bot:
        device = f"/machine/peripheral/{disk.id}/{disk.id}.0/legacy[0]"
    needs = tuple(disk.on_monitor(device, disk.source.local_path(disk.kind) or "the image"))
    return Prepared(name, *needs) if needs else name


def _virtio_properties(disk: DiskElement, target: Target) -> list[Property]:
    """What virtio disks alone have."""
    properties = []
    if disk.iothread is not None:
        properties.append(Property("iothread", f"iothread{disk.iothread}", disk.place("iothread")))
    if disk.iothreads:
        properties.append(mapping_property(disk.iothreads, disk.place("iothreads")))
    if disk.kind != "vhostuser" and (disk.device == "lun" or _has_scsi_on(target)):
        properties.append(Property("scsi", disk.device == "lun", disk.place("device")))
    return properties


def _has_scsi_on(target: Target) -> bool:
    """Whether a virtio disk passes SCSI commands on unless it is told not to (until QEMU 2.4's machines)."""
    found = target.caps.property_of("virtio-blk-pci", "scsi")
    return found is not None and found.default_value is True


def _counted(disk: DiskElement) -> Iterator[Property]:
    """Over which spans of time QEMU counts (9.0 on; before, the list was none of one property)."""
    if disk.statistics is not None and disk.statistics.intervals:
        spans: list[Value] = [one.interval for one in disk.statistics.intervals]
        yield Property("stats-intervals", spans, disk.place("statistics"))


def _reserved(disk: DiskElement) -> Iterator[Property]:
    """Whether reservations of the disk go along with a migration (libvirt 12.8, asked; QEMU 11.1)."""
    own = disk.source.reservations if disk.source is not None else None
    if own is not None and own.migration is not None:
        yield Property("migrate-pr", own.migration, own.place("migration"))


def _removable(disk: DiskElement) -> Iterator[Property]:
    """Said of every disk that is ``usb-storage``; what is in a CD drive is anyhow."""
    if disk.bus == "usb" and not disk.is_behind_bot:
        yield Property("removable", bool(disk.removable), disk.place("removable"))
    elif disk.removable is not None and disk.device != "cdrom":
        yield Property("removable", disk.removable, disk.place("removable"))


def _own_properties(disk: DiskElement) -> Iterator[Property]:
    """What is taken over with a condition or in another form."""
    yield from _counted(disk)
    yield from _reserved(disk)
    if disk.wwn is not None:
        yield Property("wwn", int(disk.wwn, 16), disk.place("wwn"))
    if disk.rotation_rate:
        yield Property("rotation_rate", disk.rotation_rate, disk.place("rotation_rate"))
    if disk.product is not None:
        yield Property("product" if disk.bus == "scsi" else "model", disk.product, disk.place("product"))
    yield from _removable(disk)
    if disk.cache_mode is not None and disk.device != "lun":
        yield Property("write-cache", "on" if _WRITE_BACK[disk.cache_mode] else "off", disk.place("cache"))
    if disk.serial is not None and disk.bus != "nvme":
        yield Property("serial", disk.serial.replace(" ", "\\ "), disk.place("serial"))
    writing, reading = disk.error_policies()
    if writing is not None:
        yield Property("werror", writing, disk.place("error_policy"))
    if reading is not None:
        yield Property("rerror", reading, disk.place("rerror_policy"))
