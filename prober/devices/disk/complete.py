"""Completing disks: their order, their places, and the numbers of their images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prober.commandline.refusal import Refusal
from prober.devices.disk.disk import Disk
from prober.domain.domain import Domain
from prober.domain.shared.address import Address, DriveAddress
from prober.domain.shared.twins import twins
from prober.domain.steps import Check, Completion
from prober.host.target import Target


def place_disks(domain: Domain, target: Target) -> Completion:
    """Each disk on its place at a controller, and no two on one; disks of one bus by name, buses as they first come and
    those that are not told apart (``virDomainDiskInsert``); their images numbered from the last
    (``qemuProcessPrepareDomainStorage``)."""
    disks = domain.devices.of(Disk)
    addresses = [disk.default_address() if disk.address is None else disk.address for disk in disks]
    yield from _check_places(disks, addresses)
    for first, disk in twins(disks, lambda disk: disk.target_dev):
        message = f"two disks are called {disk.target_dev}, the first in line {first.place('target_dev').line}"
        yield Refusal(place=disk.place("target_dev"), message=message)
    buses: dict[str, int] = {}
    for disk in disks:
        buses.setdefault(disk.target_bus or "", len(buses))
    placed = list(zip(disks, addresses, strict=True))
    placed.sort(key=lambda item: (buses[item[0].target_bus or ""], item[0].number))
    return domain.with_all(Disk, _numbered(placed, target))


def _check_places(disks: Sequence[Disk], addresses: Sequence[Address | None]) -> Check:
    """No two on one place of a controller."""
    taken: dict[tuple[str, int, int, int, int], Disk] = {}
    for disk, address in zip(disks, addresses, strict=True):
        if isinstance(address, DriveAddress):
            spot = (disk.bus, address.controller, address.bus, address.target, address.unit)
            first = taken.setdefault(spot, disk)
            if first is not disk and first.target_dev != disk.target_dev:
                line = first.place().line
                message = f"two {disk.bus} disks have one address, the first in line {line}"
                yield Refusal(place=disk.place("address"), message=message)


def _numbered(disks: list[tuple[Disk, Address | None]], target: Target) -> Iterator[Disk]:
    """The last disk's image gets the first number, then what is behind it, then what limits it."""
    done: list[Disk] = []
    free = 1
    for disk, address in reversed(disks):
        node = free
        images = disk.image_count(target)
        if images:
            free += images
        elif disk.kind not in ("vhostuser", "volume") and not disk.is_left_out:
            free += 1
        host_cdrom = _is_host_cdrom(disk, target)
        done.append(disk.replace(address=address, node=node, host_cdrom=host_cdrom, first_filter=free))
        free += len(disk.throttle_filters)
    return reversed(done)


def _is_host_cdrom(disk: Disk, target: Target) -> bool:
    """A CD drive of the host is opened otherwise than other block devices (``qemuDomainDetermineDiskChain``)."""
    if disk.device != "cdrom" or disk.kind != "block" or (disk.driver_type or "raw") != "raw" or disk.source is None:
        return False
    return disk.source.dev in target.host.cdroms
