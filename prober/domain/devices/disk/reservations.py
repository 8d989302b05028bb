"""The helper for reservations of SCSI disks that libvirt runs for a domain."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Need, Object, Option, Prepared, Property
from prober.domain.devices.disk.model import Disk
from prober.domain.domain import Domain
from prober.domain.domain_directory import domain_directory
from prober.domain.shared.source import MANAGED_HELPER
from prober.domain.target import Target


def emit_reservations(domain: Domain, target: Target) -> Iterator[Option]:
    """One ``pr-manager-helper`` for all disks that use it (libvirt 11.3, ``qemuBuildManagedPRCommandLine``)."""
    for disk in domain.devices.of(Disk):
        reservations = disk.source.reservations if disk.source is not None else None
        if disk.source is None or reservations is None or not reservations.managed:
            continue
        place = disk.source.place("reservations")
        need = Need("pr-helper", MANAGED_HELPER, "run qemu-pr-helper, listening on this socket")
        path = Prepared(f"{domain_directory(domain.name, target)}/{MANAGED_HELPER}.sock", need)
        yield Object("pr-manager-helper", MANAGED_HELPER, (Property("path", path, place),), place)
        return
