"""What is filled into host devices, and what no two of them may share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

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
from prober.domain.shared.twins import twins
from prober.host.target import Target

#: How many units libvirt gives one SCSI controller where none are given (11.3, ``virQEMUDriverDomainDefParserConfig``).
_UNITS = 7


def place_scsi_hostdevs(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Each SCSI unit without an address gets the next that is free (libvirt, ``virDomainHostdevAssignAddress``)."""
    devices = list(domain.devices.every)
    taken = {_drive_key(device) for device in devices if _is_on_scsi(device)}
    small = {device.number for device in domain.devices.of(ScsiController) if device.model == "lsisas1068"}
    for position, device in enumerate(devices):
        if isinstance(device, ScsiHostdev) and device.address is None:
            address = _next_free(taken, small)
            device = devices[position] = device.replace(address=address)
            taken.add(_drive_key(device))
    return domain.with_devices(devices)


def _next_free(taken: Iterable[tuple[int, int, int, int]], small: set[int]) -> DriveAddress:
    """The first unit, of controllers that are there or will be added; an LSI SAS 1068 has two."""
    known = set(taken)
    numbers = ((controller, 2 if controller in small else _UNITS) for controller in range(256))
    places = ((controller, unit) for controller, units in numbers for unit in range(units))
    free = next((place for place in places if (place[0], 0, 0, place[1]) not in known), (255, 0))
    return DriveAddress(controller=free[0], unit=free[1])


def complete_hostdevs(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """Each host device with its number, SCSI units with that of their block node, and the first PCI device with those
    that are taken along for the sake of their group."""
    devices = list(domain.devices.every)
    of_interfaces = [device for device in devices if isinstance(device, Interface) and device.is_hostdev]
    number = sum(device.own_name is None for device in of_interfaces)
    # Their numbers follow those of all disks, with what is behind and before each image.
    node = max((disk.last_number for disk in domain.devices.of(Disk)), default=0)
    unassigned = [device for device in domain.devices.of(PciHostdev) if device.is_unassigned]
    for position, device in enumerate(devices):
        if not isinstance(device, Hostdev):
            continue
        device = device.replace(number=number)
        number += device.own_name is None
        if isinstance(device, ScsiHostdev):
            node += 1
            device = device.replace(node=node)
        if isinstance(device, PciHostdev) and unassigned and not device.is_unassigned:
            companions = tuple(str(other.host_device) for other in unassigned)
            device = device.replace(companions=companions)
            unassigned = []
        devices[position] = device
    for device in unassigned:
        message = "an unassigned device is taken along with another of its group, and there is no other"
        refusals.append(Refusal(place=device.place("address"), message=message))
    return domain.with_devices(devices)


def check_hostdevs(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """What is wrong with several of them together, with this domain, and with this QEMU."""
    devices = list(domain.devices.every)
    refusals += _twice(devices)
    refusals += _shared_units(devices)
    refusals += _targets(devices)
    has_screen = any(device.element == "graphics" for device in devices)
    framebuffers = 0
    for device in devices:
        if not isinstance(device, Hostdev):
            continue
        refusals += [broken.at(device.place, device.element) for broken in device.machine_rules(target)]
        if isinstance(device, Displayed):
            if device.display == "on" and not has_screen:
                message = "display='on' needs a <graphics> that shows it"
                refusals.append(Refusal(place=device.place("display"), message=message))
            framebuffers += device.ramfb == "on"
            if device.ramfb == "on" and framebuffers > 1:
                message = "only one host device can have ramfb='on'"
                refusals.append(Refusal(place=device.place("ramfb"), message=message))
    return domain


def _twice(devices: Iterable[Device]) -> Iterator[Refusal]:
    """One device of the host that is given twice (``virDomainDefHostdevValidate``)."""
    of_host = (device for device in devices if isinstance(device, Hostdev | Interface) and device.source_key)
    for first, device in twins(of_host, lambda device: device.source_key):
        message = f"this device of the host is given twice, first in line {first.place().line}"
        yield Refusal(place=device.place(), message=message)


def _shared_units(devices: Iterable[Device]) -> Iterator[Refusal]:
    """Two on one place of a SCSI controller (``virDomainDefDuplicateDriveAddressesValidate``)."""
    on_scsi = sorted((device for device in devices if _is_on_scsi(device)), key=lambda d: isinstance(d, Hostdev))
    for first, device in twins(on_scsi, _drive_key):
        if isinstance(device, Hostdev):
            what = "another host device" if isinstance(first, Hostdev) else "a disk"
            message = f"this place on the SCSI controller is that of {what}, in line {first.place().line}"
            yield Refusal(place=device.place("address"), message=message)


def _targets(devices: Iterable[Device]) -> Iterator[Refusal]:
    """Adapters whose disks have one number alone know no other target, which libvirt would leave out."""
    narrow = {device.number for device in devices if isinstance(device, ScsiController) and device.model in NARROW}
    for device in devices:
        address = device.address if isinstance(device, ScsiHostdev) else None
        if isinstance(address, DriveAddress) and address.target and address.controller in narrow:
            message = "the target is always 0 on this SCSI controller"
            yield Refusal(place=device.place("address"), message=message)


def _is_on_scsi(device: Device) -> bool:
    if not isinstance(getattr(device, "address", None), DriveAddress):
        return False
    return isinstance(device, ScsiHostdev) or (isinstance(device, Disk) and device.bus == "scsi")


def _drive_key(device: Device) -> tuple[int, int, int, int]:
    address: Address | None = getattr(device, "address", None)
    assert isinstance(address, DriveAddress)
    return address.controller, address.bus, address.target, address.unit
