"""Which type of ``<address>`` fits which device, so that none is given that QEMU would never see."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.refusal import Note, Refusal
from prober.domain.domain import Domain
from prober.domain.shared.address import Address, PciAddress, UnassignedAddress, UsbAddress, VirtioMmioAddress
from prober.domain.shared.device import Device
from prober.domain.shared.devices import Devices
from prober.domain.steps import Completion
from prober.host.target import Target


def check_addresses(devices: Devices, target: Target) -> Iterator[Refusal | Note]:
    """Addresses on PCI and USB are for devices that sit there, and those have no others.

    What belongs to the other types is for the elements that have them.
    """
    if not target.is_understood:
        return
    for device in devices.every:
        address: Address | None = getattr(device, "address", None)
        message = _fault(device, address, target) if address is not None else None
        if message is not None and _is_absent(device):
            text = f"a <{device.element}> of model 'none' is nowhere, and its address is for nothing"
            yield Note(place=device.place("address"), message=text)
        elif message is not None:
            yield Refusal(place=device.place("address"), message=message)
        if device.acpi_index is not None and device.is_builtin(target):
            message = f"this <{device.element}> is part of the machine, and has no <acpi index>"
            yield Refusal(place=device.place("acpi_index"), message=message)


def _mmio_fault(device: Device, target: Target) -> str | None:
    if not target.family.has_mmio:
        return f"machine {target.machine} of {target.caps.target} has no virtio-mmio"
    return None if device.may_be_mmio else f"this <{device.element}> has no address of type 'virtio-mmio'"


def place_on_mmio(devices: Devices, target: Target) -> Iterator[Device]:
    """The devices, those of virtio without an address on the machine's own transports where one of them is
    (libvirt 11.3, ``qemuDomainAssignVirtioMMIOAddresses``)."""
    is_used = any(isinstance(getattr(device, "address", None), VirtioMmioAddress) for device in devices.every)
    for device in devices.every:
        is_free = device.may_be_mmio and getattr(device, "address", None) is None
        yield device.replace(address=VirtioMmioAddress()) if is_used and is_free else device


def assign_mmio(domain: Domain, target: Target) -> Completion:
    """The domain with virtio devices where it wants them."""
    yield from ()
    return domain.with_devices([*place_on_mmio(domain.devices, target)]) if target.family.has_mmio else domain


def _is_absent(device: Device) -> bool:
    """Whether it says that there is none of it; libvirt keeps whatever address that has."""
    return getattr(device, "model", None) == "none"


def _fault(device: Device, address: Address, target: Target) -> str | None:
    if isinstance(address, UnassignedAddress):
        return None
    if isinstance(address, VirtioMmioAddress):
        return _mmio_fault(device, target)
    on_pci = device.plug(target) is not None or device.fixed_address(target) is not None
    kind = getattr(address, "type", "")
    for wants, cls, name in ((on_pci, PciAddress, "pci"), (device.is_usb, UsbAddress, "usb")):
        if isinstance(address, cls) and not wants:
            return f"this <{device.element}> is no {name.upper()} device, and has no address of type '{name}'"
        if wants and not isinstance(address, cls):
            return f"this <{device.element}> has an address of type '{name}', not '{kind}'"
    return None
