"""The helper for reservations of SCSI disks that libvirt runs for a domain."""

from __future__ import annotations

from collections.abc import Iterator

from prober.commandline.options import Need, Object, Option, Prepared, Property
from prober.devices.disk.disk import Disk
from prober.domain.domain import Domain
from prober.domain.shared.source.backing import sources_of
from prober.domain.shared.source.image import MANAGED_HELPER
from prober.host.directories import domain_directory
from prober.host.target import Target


def emit_reservations(domain: Domain, target: Target) -> Iterator[Option]:
    """One ``pr-manager-helper`` for all disks that use it, with its socket in the domain's directory
    (libvirt 11.3, ``qemuBuildManagedPRCommandLine``)."""
    for disk in domain.devices.of(Disk):
        for source in sources_of(disk.source, disk.backing):
            if source.reservations is None or not source.reservations.managed:
                continue
            place = source.place("reservations")
            need = Need("pr-helper", MANAGED_HELPER, "run qemu-pr-helper, listening on this socket")
            path = Prepared(f"{domain_directory(domain.name, target)}/{MANAGED_HELPER}.sock", need)
            yield Object("pr-manager-helper", MANAGED_HELPER, (Property("path", path, place),), place)
            return
