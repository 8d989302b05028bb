"""From a domain as it was written to one with everything filled in: defaults, aliases, addresses.

What cannot be completed is a refusal; all of them are gathered, and the steps after go on with what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from prober.commandline.refusal import Refusal
from prober.domain.addresses import assign_pci, assign_usb, assign_virtio_serial, check_addresses
from prober.domain.aliases import finish_devices
from prober.domain.cpu import settle_cpu
from prober.domain.devices import Device
from prober.domain.devices.audio import add_audio, connect_audio
from prober.domain.devices.channel import invent_sockets
from prober.domain.devices.console import add_consoles
from prober.domain.devices.controller.complete import (
    add_controllers,
    check_controllers,
    number_buses,
    order_controllers,
)
from prober.domain.devices.disk.check import check_disks
from prober.domain.devices.disk.complete import place_disks
from prober.domain.devices.disk.volumes import translate_volumes
from prober.domain.devices.filesystem import settle_filesystems
from prober.domain.devices.graphics import settle_graphics
from prober.domain.devices.hostdev.complete import check_hostdevs, complete_hostdevs, place_scsi_hostdevs
from prober.domain.devices.input import check_inputs
from prober.domain.devices.interface.complete import complete_interfaces
from prober.domain.devices.iommu import complete_iommu
from prober.domain.devices.memballoon import add_memballoon
from prober.domain.devices.panic import check_panics
from prober.domain.devices.parallel import check_parallels
from prober.domain.devices.pstore import complete_pstore
from prober.domain.devices.redirdev import filter_redirdevs
from prober.domain.devices.serial import number_serials
from prober.domain.devices.smartcard import place_smartcards
from prober.domain.devices.sound import check_sounds
from prober.domain.devices.tpm import settle_tpms
from prober.domain.devices.video import check_videos, complete_videos
from prober.domain.devices.vsock import check_vsock
from prober.domain.devices.watchdog import add_watchdog
from prober.domain.domain import Domain
from prober.domain.firmware.choose import choose_firmware
from prober.domain.memory.check import check_memory
from prober.domain.memory.complete import choose_backends, size_memory
from prober.domain.memory.modules import back_modules, place_modules
from prober.domain.numa import complete_numa
from prober.domain.numatune import complete_numatune
from prober.domain.steps import concerns
from prober.domain.sysinfo import adopt_uuid
from prober.domain.target import Target
from prober.domain.throttle import check_throttling

#: One step: the domain as it is so far, its target, and the refusals, which grow by what stands against it.
Completion = Callable[[Domain, Target, list[Refusal]], Domain]

#: The steps in libvirt's order (11.3, ``qemuDomainDefPostParse`` and then ``qemuDomainAssignAddresses``), as each
#: builds on the last.  A step stands in the file of the element that it completes.
STEPS: tuple[Completion, ...] = (
    complete_numa,
    size_memory,
    complete_numatune,
    choose_backends,
    check_memory,
    place_modules,
    adopt_uuid,
    choose_firmware,
    order_controllers,
    settle_cpu,
    translate_volumes,
    place_disks,
    place_scsi_hostdevs,
    number_serials,
    add_consoles,
    check_parallels,
    place_smartcards,
    filter_redirdevs,
    add_controllers,
    check_controllers,
    add_memballoon,
    add_watchdog,
    complete_iommu,
    complete_interfaces,
    complete_hostdevs,
    settle_graphics,
    check_hostdevs,
    complete_videos,
    check_videos,
    add_audio,
    connect_audio,
    check_inputs,
    check_sounds,
    check_panics,
    check_vsock,
    complete_pstore,
    settle_filesystems,
    settle_tpms,
    assign_virtio_serial,
    invent_sockets,
    check_addresses,
    assign_pci,
    number_buses,
    assign_usb,
    finish_devices,
    check_disks,
    check_throttling,
    back_modules,
)


def complete(domain: Domain, target: Target, refusals: list[Refusal]) -> Domain:
    """A completed copy; ``refusals`` grows by what stands against it."""
    domain = domain.with_devices(domain.devices.every)
    # A step may add devices of another class, and with them steps that have something to do.
    kinds, done = domain.devices.kinds, 0
    while True:
        for position, step in _due(kinds, done):
            completed = step(domain, target, refusals)
            if completed is domain:
                continue  # as after most steps
            domain = completed
            if domain.devices.kinds is not kinds:
                kinds, done = domain.devices.kinds, position + 1
                break
        else:
            return domain


@lru_cache(maxsize=4096)
def _due(kinds: frozenset[type[Device]], done: int) -> tuple[tuple[int, Completion], ...]:
    """The steps from ``done`` on that have anything to do in a domain with devices of these classes, with positions."""
    return tuple((at, step) for at, step in enumerate(STEPS) if at >= done and concerns(step, kinds))
