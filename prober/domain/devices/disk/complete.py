"""Completing disks: their order, their places, the controllers they are on, and what this machine and this QEMU
cannot do."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Place, Refusal
from prober.domain.devices.controller import Controller
from prober.domain.devices.disk.model import Disk
from prober.domain.domain import Domain
from prober.domain.shared.address import DriveAddress, UsbAddress
from prober.domain.target import Target


def place_disks(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Each disk on its place at a controller, and no two on one."""
    devices = list(domain.devices.every)
    taken: dict[tuple[str, int, int, int, int], Disk] = {}
    for position, device in enumerate(devices):
        if not isinstance(device, Disk):
            continue
        if device.address is None:
            device = devices[position] = device.replace(address=device.default_address())
        if isinstance(device.address, DriveAddress):
            address = device.address
            spot = (device.bus, address.controller, address.bus, address.target, address.unit)
            first = taken.setdefault(spot, device)
            if first is not device and first.target_dev != device.target_dev:
                line = first.place().line
                message = f"two {device.bus} disks have one address, the first in line {line}"
                refusals.append(Refusal(place=device.place("address"), message=message))
    return domain.with_devices(devices)


def sort_disks(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Disks of one bus by name, buses as they first come (``virDomainDiskInsert``), their images numbered from the
    last (``qemuProcessPrepareDomainStorage``)."""
    devices = list(domain.devices.every)
    disks = [device for device in devices if isinstance(device, Disk)]
    names: dict[str, Disk] = {}
    for disk in disks:
        first = names.setdefault(disk.target_dev, disk)
        if first is not disk:
            line = first.place("target_dev").line
            message = f"two disks are called {disk.target_dev}, the first in line {line}"
            refusals.append(Refusal(place=disk.place("target_dev"), message=message))
    buses: dict[str, int] = {}
    for disk in disks:
        buses.setdefault(disk.bus, len(buses))
    ordered = sorted(disks, key=lambda disk: (buses[disk.bus], disk.number))
    numbered = iter(list(_numbered(ordered, target)))
    for position, device in enumerate(devices):
        if isinstance(device, Disk):
            devices[position] = next(numbered)
    return domain.with_devices(devices)


def _numbered(disks: list[Disk], target: Target) -> Iterator[Disk]:
    for at, disk in enumerate(disks):
        yield disk.replace(node=len(disks) - at, host_cdrom=_is_host_cdrom(disk, target))


def _is_host_cdrom(disk: Disk, target: Target) -> bool:
    """A CD drive of the host is opened otherwise than other block devices (``qemuDomainDetermineDiskChain``)."""
    if disk.device != "cdrom" or disk.kind != "block" or (disk.driver_type or "raw") != "raw" or disk.source is None:
        return False
    return disk.source.dev in target.host.cdroms


def plug_disks(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Each disk with the model, and once it has a name the id, of the controller that it is on."""
    devices = list(domain.devices.every)
    found = {(c.controller_type, c.index): c for c in devices if isinstance(c, Controller)}
    for position, device in enumerate(devices):
        if not isinstance(device, Disk):
            continue
        if isinstance(device.address, DriveAddress):
            key = device.bus, device.address.controller
        elif isinstance(device.address, UsbAddress):
            key = "usb", device.address.bus
        else:
            continue
        controller = found.get(key)
        if controller is not None:
            model = getattr(controller, "model", None)
            devices[position] = device.replace(controller_model=model, controller_id=controller.alias or "")
    return domain.with_devices(devices)


def check_disks(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """What is known to be wrong once all is known."""
    for disk in domain.devices.of(Disk):
        for place, message in [*_source_faults(disk), *_old_faults(disk, target), *_placing_faults(disk)]:
            refusals.append(Refusal(place=place, message=message))
    return domain


def _source_faults(disk: Disk) -> Iterator[tuple[Place, str]]:
    if disk.source is not None:
        for name, sentence in disk.source.misplaced(disk.kind):
            yield disk.source.place(name), sentence


def _placing_faults(disk: Disk) -> Iterator[tuple[Place, str]]:
    address = disk.address
    if disk.bus == "scsi" and isinstance(address, DriveAddress) and not disk.controller_id:
        yield disk.place("target_dev"), f"there is no SCSI controller {address.controller} for it"
    if disk.bus == "usb" and not isinstance(address, UsbAddress):
        yield disk.place("target_bus"), "a disk on USB is not understood without an address of type 'usb'"


def _old_faults(disk: Disk, target: Target) -> Iterator[tuple[Place, str]]:
    """Before ``-blockdev`` (QEMU 2.9) only plain disks are understood."""
    if target.caps.has("blockdev-del"):
        return
    beyond = [name for name in ("cache", "io", "discard", "detect_zeroes") if getattr(disk, name) is not None]
    for name in beyond:
        yield disk.place(name), "this needs a QEMU that has -blockdev (QEMU 2.9)"
    if disk.driver_type not in (None, "raw", "qcow2"):
        yield disk.place("driver_type"), f"format {disk.driver_type} needs a QEMU that has -blockdev (QEMU 2.9)"
    if disk.shareable and not disk.is_read_only:
        yield disk.place("shareable"), "this needs a QEMU that has -blockdev (QEMU 2.9)"
