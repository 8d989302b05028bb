"""The serial number that an NVMe controller and its disks have in common."""

from __future__ import annotations

from prober.commandline.refusal import Refusal
from prober.devices.controller import NvmeController
from prober.devices.disk.disk import Disk
from prober.domain.domain import Domain
from prober.domain.steps import Completion


def settle_nvme(domain: Domain) -> Completion:
    """Each controller with its own serial number, or that of its disks (libvirt 12.8, asked)."""
    serials = {controller.number: controller.serial for controller in domain.devices.of(NvmeController)}
    for disk in domain.devices.of(Disk):
        kind, number = disk.plugs_into or ("", 0)
        if kind != "nvme" or disk.serial is None:
            continue
        first = serials.get(number)
        if first is not None and first != disk.serial:
            message = f"NVMe controller {number} has the serial number {first!r}, which is that of all disks on it"
            yield Refusal(place=disk.place("serial"), message=message)
        serials.setdefault(number, None)
        serials[number] = first or disk.serial
    for controller in domain.devices.of(NvmeController):
        if serials[controller.number] is None:
            message = f"NVMe controller {controller.number} needs a serial number"
            hint = "write <serial> into the controller, or into a disk on it"
            yield Refusal(place=controller.place(), message=message, hint=hint)
    return domain.with_each(NvmeController, lambda one: one.replace(serial=serials[one.number]))
