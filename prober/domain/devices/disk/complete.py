"""Completing disks: their order, their places, the controllers they are on, and what this machine and this QEMU
cannot do."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Refusal
from prober.domain.devices.disk.model import Disk
from prober.domain.domain import Domain
from prober.domain.shared.address import DriveAddress
from prober.domain.shared.twins import twins
from prober.domain.steps import about
from prober.domain.target import Target


@about(Disk)
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


@about(Disk)
def sort_disks(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Disks of one bus by name, buses as they first come and those that are not told apart
    (``virDomainDiskInsert``); their images numbered from the last (``qemuProcessPrepareDomainStorage``)."""
    devices = list(domain.devices.every)
    disks = [device for device in devices if isinstance(device, Disk)]
    for first, disk in twins(disks, lambda disk: disk.target_dev):
        message = f"two disks are called {disk.target_dev}, the first in line {first.place('target_dev').line}"
        refusals.append(Refusal(place=disk.place("target_dev"), message=message))
    buses: dict[str, int] = {}
    for disk in disks:
        buses.setdefault(disk.target_bus or "", len(buses))
    ordered = sorted(disks, key=lambda disk: (buses[disk.target_bus or ""], disk.number))
    numbered = iter(list(_numbered(ordered, target)))
    for position, device in enumerate(devices):
        if isinstance(device, Disk):
            devices[position] = next(numbered)
    return domain.with_devices(devices)


def _numbered(disks: list[Disk], target: Target) -> Iterator[Disk]:
    """The last disk's image gets the first number, then what is behind it, then what limits it."""
    done: list[Disk] = []
    free = 1
    for disk in reversed(disks):
        disk = disk.replace(node=free, host_cdrom=_is_host_cdrom(disk, target))
        images = disk.image_count(target)
        if images:
            free += images
        elif disk.kind not in ("vhostuser", "volume") and not disk.is_left_out:
            free += 1
        disk = disk.replace(first_filter=free)
        free += len(disk.throttle_filters)
        done.append(disk)
    return reversed(done)


def _is_host_cdrom(disk: Disk, target: Target) -> bool:
    """A CD drive of the host is opened otherwise than other block devices (``qemuDomainDetermineDiskChain``)."""
    if disk.device != "cdrom" or disk.kind != "block" or (disk.driver_type or "raw") != "raw" or disk.source is None:
        return False
    return disk.source.dev in target.host.cdroms
