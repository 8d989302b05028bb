"""The floppy controller: pc has it built in, q35 gets one where a drive needs it
(libvirt 11.3, ``qemuBuildFloppyCommandLineControllerOptions``)."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import DeviceOption, Global, Option, Property
from prober.devices.disk.disk import Disk
from prober.domain.shared.address import DriveAddress
from prober.domain.shared.devices import Devices
from prober.host.target import Target


def emit_floppy_controllers(devices: Devices, target: Target) -> Iterator[Option]:
    """``isa-fdc`` with the turns in booting, which the drives themselves cannot be given."""
    floppies = [disk for disk in devices.of(Disk) if disk.bus == "fdc"]
    if not floppies:
        return
    boot = []
    for disk in floppies:
        second = isinstance(disk.address, DriveAddress) and disk.address.unit > 0
        if disk.bootindex is not None:
            boot.append(Property("bootindexB" if second else "bootindexA", disk.bootindex, disk.place("boot_order")))
    boot.sort(key=lambda setting: setting.name)
    if target.has_pci and not target.family.chipset.floppy:
        yield DeviceOption("isa-fdc", tuple(boot), floppies[0].place())
    else:
        yield from (Global("isa-fdc", setting) for setting in boot)
