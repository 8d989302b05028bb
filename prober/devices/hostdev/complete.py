"""What is filled into host devices, and what no two of them may share."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, count

from prober.commandline.refusal import Refusal
from prober.devices.controller import ScsiController
from prober.devices.controller.scsi import NARROW
from prober.devices.disk import Disk
from prober.devices.hostdev.base import Displayed, Hostdev
from prober.devices.hostdev.scsi import ScsiHostdev
from prober.devices.hostdev.vfio import PciHostdev
from prober.devices.interface import Interface
from prober.domain.domain import Domain
from prober.domain.shared.address import Address, DriveAddress
from prober.domain.shared.device import Device
from prober.domain.shared.devices import Devices
from prober.domain.shared.twins import twins
from prober.domain.steps import Check, Completion
from prober.host.target import Target

#: How many units libvirt gives one SCSI controller where none are given (11.3, ``virQEMUDriverDomainDefParserConfig``).
_UNITS = 7


def place_scsi_hostdevs(domain: Domain) -> Completion:
    """Each SCSI unit without an address gets the next that is free (libvirt, ``virDomainHostdevAssignAddress``);
    there is always one."""
    yield from ()
    taken = {_drive_key(device) for device in domain.devices.every if _is_on_scsi(device)}
    small = {device.number for device in domain.devices.of(ScsiController) if device.model == "lsisas1068"}

    def placed(unit: ScsiHostdev) -> ScsiHostdev:
        if unit.address is None:
            unit = unit.replace(address=_next_free(taken, small))
            taken.add(_drive_key(unit))
        return unit

    return domain.with_each(ScsiHostdev, placed)


def _next_free(taken: Iterable[tuple[int, int, int, int]], small: set[int]) -> DriveAddress:
    """The first unit, of controllers that are there or will be added; an LSI SAS 1068 has two."""
    known = set(taken)
    numbers = ((controller, 2 if controller in small else _UNITS) for controller in range(256))
    places = ((controller, unit) for controller, units in numbers for unit in range(units))
    free = next((place for place in places if (place[0], 0, 0, place[1]) not in known), (255, 0))
    return DriveAddress(controller=free[0], unit=free[1])


def complete_hostdevs(domain: Domain) -> Completion:
    """Each host device with its number, SCSI units with that of their block node, and the first PCI device with those
    that are taken along for the sake of their group."""
    devices = domain.devices
    hostdevs, on_pci = devices.of(Hostdev), devices.of(PciHostdev)
    unassigned = [device for device in on_pci if device.is_unassigned]
    leader = next((device for device in on_pci if not device.is_unassigned), None)
    if leader is None:
        yield from map(_left_alone, unassigned)
    companions = tuple(str(device.host_device) for device in unassigned)
    # Those of interfaces come first; one that has a name of its own leaves its number to the next.
    of_interfaces = sum(device.is_hostdev and device.own_name is None for device in devices.of(Interface))
    numbers = accumulate((device.own_name is None for device in hostdevs), initial=of_interfaces)
    # Nodes follow those of all disks, with what is behind and before each image.
    nodes = count(1 + max((disk.last_number for disk in devices.of(Disk)), default=0))
    completed: list[Hostdev] = []
    for device, number in zip(hostdevs, numbers, strict=False):
        if isinstance(device, ScsiHostdev):
            completed.append(device.replace(number=number, node=next(nodes)))
        elif device is leader:
            completed.append(device.replace(number=number, companions=companions))
        else:
            completed.append(device.replace(number=number))
    return domain.with_all(Hostdev, completed)


def _left_alone(device: PciHostdev) -> Refusal:
    message = "an unassigned device is taken along with another of its group, and there is no other"
    return Refusal(place=device.place("address"), message=message)


def check_hostdevs(devices: Devices, target: Target) -> Check:
    """What is wrong with several of them together, with this domain, and with this QEMU."""
    yield from _check_sources(devices)
    yield from _check_units(devices)
    yield from _check_scsi_targets(devices)
    has_screen = any(device.element == "graphics" for device in devices.every)
    framebuffers = 0
    for device in devices.of(Hostdev):
        for broken in device.machine_rules(target):
            yield broken.at(device.place, device.element)
        if isinstance(device, Displayed):
            if device.display == "on" and not has_screen:
                message = "display='on' needs a <graphics> that shows it"
                yield Refusal(place=device.place("display"), message=message)
            framebuffers += device.ramfb == "on"
            if device.ramfb == "on" and framebuffers > 1:
                message = "only one host device can have ramfb='on'"
                yield Refusal(place=device.place("ramfb"), message=message)


def _check_sources(devices: Devices) -> Check:
    """One device of the host that is given twice (``virDomainDefHostdevValidate``)."""
    of_host = (device for device in devices.every if isinstance(device, Hostdev | Interface) and device.source_key)
    for first, device in twins(of_host, lambda device: device.source_key):
        message = f"this device of the host is given twice, first in line {first.place().line}"
        yield Refusal(place=device.place(), message=message)


def _check_units(devices: Devices) -> Check:
    """Two on one place of a SCSI controller (``virDomainDefDuplicateDriveAddressesValidate``)."""
    on_scsi = sorted((device for device in devices.every if _is_on_scsi(device)), key=lambda d: isinstance(d, Hostdev))
    for first, device in twins(on_scsi, _drive_key):
        if isinstance(device, Hostdev):
            what = "another host device" if isinstance(first, Hostdev) else "a disk"
            message = f"this place on the SCSI controller is that of {what}, in line {first.place().line}"
            yield Refusal(place=device.place("address"), message=message)


def _check_scsi_targets(devices: Devices) -> Check:
    """Adapters whose disks have one number alone know no other target, which libvirt would leave out."""
    narrow = {controller.number for controller in devices.of(ScsiController) if controller.model in NARROW}
    for unit in devices.of(ScsiHostdev):
        address = unit.address
        if isinstance(address, DriveAddress) and address.target and address.controller in narrow:
            message = "the target is always 0 on this SCSI controller"
            yield Refusal(place=unit.place("address"), message=message)


def _is_on_scsi(device: Device) -> bool:
    if not isinstance(getattr(device, "address", None), DriveAddress):
        return False
    return isinstance(device, ScsiHostdev) or (isinstance(device, Disk) and device.bus == "scsi")


def _drive_key(device: Device) -> tuple[int, int, int, int]:
    address: Address | None = getattr(device, "address", None)
    assert isinstance(address, DriveAddress)
    return address.controller, address.bus, address.target, address.unit
