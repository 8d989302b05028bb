"""The helper for reservations of SCSI disks that libvirt runs for a domain."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Need, Object, Option, Prepared, Property
from prober.devices.disk.disk import Disk
from prober.domain.shared.devices import Devices
from prober.domain.shared.source.backing import sources_of
from prober.domain.shared.source.image import MANAGED_HELPER


def emit_reservations(devices: Devices, directory: str) -> Iterator[Option]:
    """One ``pr-manager-helper`` for all disks that use it, with its socket in the domain's directory
    (libvirt 11.3, ``qemuBuildManagedPRCommandLine``)."""
    sources = (source for disk in devices.of(Disk) for source in sources_of(disk.source, disk.backing))
    for source in sources:
        if source.reservations is None or not source.reservations.managed:
            continue
        place = source.place("reservations")
        need = Need("pr-helper", MANAGED_HELPER, "run qemu-pr-helper, listening on this socket")
        path = Prepared(f"{directory}/{MANAGED_HELPER}.sock", need)
        yield Object("pr-manager-helper", MANAGED_HELPER, (Property("path", path, place),), place)
        return
