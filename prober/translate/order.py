"""What the argv has beside the devices, and where: from first to last, in libvirt's order.

libvirt 11.3, ``qemuBuildCommandLine``.  QEMU makes devices as they are listed, so the order is part of what a guest
sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from operator import attrgetter, methodcaller
from typing import NamedTuple

from prober.commandline.options import Option, Raw
from prober.devices.rows import ROWS, row_of
from prober.domain.clock.emit import emit_clock
from prober.domain.domain import Domain
from prober.domain.features.machine import (
    emit_async_teardown,
    emit_tseg,
    emit_vmcoreinfo,
)
from prober.domain.iothreads import emit_iothreads
from prober.domain.launch_security import emit_security
from prober.domain.os.emit import emit_loader, emit_os
from prober.domain.os.flash import emit_flash
from prober.domain.pm import emit_pm
from prober.domain.qemu_namespace import emit_deprecation, emit_passthrough
from prober.domain.shared.device import Device
from prober.domain.shared.devices import kinds_with_own
from prober.domain.shared.kinds import Classes, kinds_of
from prober.domain.shared.secret import with_master_key
from prober.domain.shared.virtio import on_transport
from prober.domain.steps import NOTHING, Emission
from prober.domain.sysinfo import emit_fw_cfg, emit_smbios
from prober.domain.throttle import emit_throttle_groups
from prober.guest.cpu.emit import emit_cpu
from prober.guest.hotplug.options import emit_hotplug
from prober.guest.identity import emit_genid, emit_name, emit_uuid
from prober.guest.lifecycle import emit_lifecycle
from prober.guest.machine import (
    emit_incoming,
    emit_machine,
    emit_machine_name,
    emit_messages,
    emit_monitor,
    emit_no_acpi,
    emit_sandbox,
    emit_startup,
)
from prober.guest.memory.emit import emit_memory
from prober.guest.numa.emit import emit_numa
from prober.guest.overrides import override, settle_settings
from prober.guest.vcpu import emit_plugged, emit_vcpu
from prober.host.target import Target

#: All that is not one device's; devices have their turns in :data:`prober.devices.rows.ROWS`.
EMISSIONS: tuple[Emission, ...] = (
    Emission(10, emit_name),
    Emission(30, lambda domain, target: emit_deprecation(domain.qemu_deprecation, target)),
    Emission(40, lambda domain, target: emit_flash(domain.os, target), field="os.loader"),
    Emission(50, emit_machine),
    Emission(60, lambda domain, _: emit_tseg(domain.features), field="features.smm"),
    Emission(70, emit_cpu),
    Emission(80, lambda domain, _: emit_loader(domain.os), field="os.loader"),
    Emission(90, emit_memory),
    Emission(100, emit_vcpu),
    Emission(110, lambda domain, _: emit_iothreads(domain.threads, domain.default_io_thread)),
    Emission(120, lambda domain, _: emit_throttle_groups(domain.throttle_groups), field="throttle_groups"),
    Emission(130, emit_numa, field="numa"),
    Emission(140, lambda domain, _: emit_uuid(domain)),
    Emission(150, lambda domain, _: emit_smbios(domain.sysinfo, domain.os), field="sysinfo"),
    Emission(160, lambda domain, _: emit_fw_cfg(domain.sysinfo), field="sysinfo"),
    Emission(170, lambda domain, _: emit_genid(domain), field="genid"),
    Emission(180, lambda domain, target: emit_startup(domain.devices, target)),
    Emission(190, lambda _, target: emit_monitor(target)),
    Emission(200, lambda domain, target: emit_clock(domain.clock, target)),
    Emission(210, emit_lifecycle),
    Emission(220, lambda domain, target: emit_no_acpi(domain.features, target)),
    Emission(230, lambda domain, target: emit_pm(domain.pm, target), field="pm"),
    Emission(240, lambda domain, target: emit_os(domain.os, target)),
    Emission(250, emit_hotplug),
    Emission(280, emit_plugged, field="vcpus"),
    Emission(540, lambda _, target: emit_incoming(target)),
    Emission(570, lambda domain, _: emit_vmcoreinfo(domain.features), field="features.vmcoreinfo"),
    Emission(
        580, lambda domain, target: emit_security(domain.launch_security, domain.name, target), field="launch_security"
    ),
    Emission(590, lambda domain, target: emit_passthrough(domain.qemu_commandline, target), field="qemu_commandline"),
    Emission(600, lambda _, target: emit_sandbox(target)),
    Emission(660, lambda domain, target: emit_async_teardown(domain.features, target), field="features.async_teardown"),
    Emission(670, lambda _, target: emit_messages(target)),
)

#: What can be emitted, and so checked, of a domain whose machine is not understood.
OF_ANY_MACHINE: tuple[Emission, ...] = (
    Emission(50, lambda domain, target: emit_machine_name(domain.os.type, target)),
    Emission(250, emit_hotplug),
    Emission(590, lambda domain, target: emit_passthrough(domain.qemu_commandline, target), field="qemu_commandline"),
)

#: Every turn of the argv that is not one device's, of devices' rows too.
_ALL = (*EMISSIONS, *(emission for row in ROWS for emission in row.emissions))


#: The turn of a device among those of its class.
_ARGV_TURN = methodcaller("argv_turn")


def emit(domain: Domain, target: Target) -> list[Option | Raw]:
    """All options of a completed domain."""
    options = override(with_master_key(_emit(domain, target), domain.name, target), domain.qemu_override)
    return options if domain.qemu_commandline is None else settle_settings(options, target.caps)


def _emit(domain: Domain, target: Target) -> list[Option | Raw]:
    options: list[Option | Raw] = []
    if not target.is_understood:
        for emission in OF_ANY_MACHINE:
            options += emission.emit(domain, target)
        return options
    kinds = domain.devices.kinds
    due: dict[int, list[Device]] = {}
    maybe_builtin = kinds_with_own("is_builtin", kinds)
    for device in domain.devices.every:
        if type(device) not in maybe_builtin or not device.is_builtin(target):
            due.setdefault(row_of(type(device)).argv, []).append(device)
    for turn, part, needed in _turns(kinds):
        if part is None:
            devices = due.get(turn, ())
            for device in sorted(devices, key=_ARGV_TURN) if len(devices) > 1 else devices:
                options += on_transport(device.emit(target), device)
        elif needed is None or needed(domain) not in NOTHING:
            options += part(domain, target)
    return options


class _Turn(NamedTuple):
    """A turn of the argv: what is emitted for the domain, or None where devices have it; and the field that has to be
    there, if that is asked."""

    turn: int
    emit: Callable[[Domain, Target], Iterator[Option] | Iterator[Raw]] | None
    needed: Callable[[Domain], object] | None = None


@lru_cache(maxsize=4096)
def _turns(kinds: Classes) -> tuple[_Turn, ...]:
    """All turns of a domain with devices of these classes that may have something to emit."""
    turns = [_Turn(turn, None) for turn in {row_of(kind).argv for kind in kinds}]
    for turn, emit_, about, field in _ALL:
        if not about or kinds_of(about, kinds):
            turns.append(_Turn(turn, emit_, attrgetter(field) if field else None))
    return tuple(sorted(turns, key=lambda one: one.turn))
