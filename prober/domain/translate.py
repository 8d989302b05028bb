"""The pipeline: a domain and a binary's capabilities in, an argv or refusals out.  Pure throughout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache

from prober.capabilities import Capabilities
from prober.commandline.check import check, check_each
from prober.commandline.options import Option, Raw, is_meant, meant
from prober.commandline.prepared import number_descriptors
from prober.commandline.refusal import Refusal, as_refusals
from prober.commandline.render import render_each
from prober.domain.clock import emit_clock, refuse_clock
from prober.domain.complete import complete
from prober.domain.cpu import emit_cpu
from prober.domain.devices import (
    Audio,
    Channel,
    Console,
    Controller,
    Crypto,
    Device,
    Disk,
    Filesystem,
    Graphics,
    Hostdev,
    Hub,
    Input,
    Interface,
    Iommu,
    Memballoon,
    MemoryModule,
    Panic,
    Parallel,
    Pstore,
    Redirdev,
    Rng,
    Serial,
    Shmem,
    Smartcard,
    Sound,
    Tpm,
    Video,
    Vsock,
    Watchdog,
)
from prober.domain.devices.controller import CcidController
from prober.domain.devices.controller.pci.roots import emit_pci_holes
from prober.domain.devices.disk.floppy import emit_floppy_controllers
from prober.domain.devices.disk.reservations import emit_reservations
from prober.domain.devices.interface.complete import emit_hostdev_interfaces, emit_pooled_interfaces
from prober.domain.devices.watchdog import emit_watchdog_action
from prober.domain.domain import Domain
from prober.domain.features.hyperv import refuse_hyperv
from prober.domain.features.machine import (
    emit_async_teardown,
    emit_tseg,
    emit_vmcoreinfo,
    refuse_features,
)
from prober.domain.firmware.pflash import emit_flash
from prober.domain.host import Host
from prober.domain.hotplug import emit_hotplug, refuse_hotplug, see_hotplug
from prober.domain.identity import emit_genid, emit_name, emit_uuid
from prober.domain.iothreads import emit_iothreads
from prober.domain.launch_security import emit_security, refuse_security
from prober.domain.lifecycle import emit_lifecycle, refuse_lifecycle
from prober.domain.machine import (
    check_incoming,
    check_monitor,
    emit_incoming,
    emit_machine,
    emit_machine_name,
    emit_messages,
    emit_monitor,
    emit_no_acpi,
    emit_sandbox,
    emit_startup,
    refuse_without_pci,
)
from prober.domain.memory.emit import emit_memory
from prober.domain.numa import emit_numa
from prober.domain.os import emit_loader, emit_os, refuse_os
from prober.domain.pm import emit_pm
from prober.domain.qemu_namespace import emit_deprecation, emit_passthrough, find_faults, override, refuse_namespace
from prober.domain.resources import find_environment, find_resources
from prober.domain.shared.chardev import refuse_unseen_characters
from prober.domain.shared.secret import with_master_key
from prober.domain.sysinfo import emit_fw_cfg, emit_smbios, refuse_sysinfo
from prober.domain.target import Target, find_target, refuse_target
from prober.domain.throttle import emit_throttle_groups
from prober.domain.translation import Translation
from prober.domain.tuning import refuse_cpu_tuning
from prober.domain.vcpu import emit_plugged, emit_vcpu, refuse_vcpu
from prober.errors import RefusedError

#: One step of emitting: a function, or a class whose devices have their turn.
Step = Callable[[Domain, Target], Iterator[Option] | Iterator[Raw]] | type[Device]

#: What stands against a domain.
Check = Callable[[Domain, Target], Iterator[Refusal]]

#: The argv, from first to last, in libvirt's order (11.3, ``qemuBuildCommandLine``): QEMU makes devices as
#: they are listed, so the order is part of what a guest sees.
ORDER: tuple[Step, ...] = (
    emit_name,
    emit_reservations,
    emit_deprecation,
    emit_flash,
    emit_machine,
    emit_tseg,
    emit_cpu,
    emit_loader,
    emit_memory,
    emit_vcpu,
    emit_iothreads,
    emit_throttle_groups,
    emit_numa,
    emit_uuid,
    emit_smbios,
    emit_fw_cfg,
    emit_genid,
    emit_startup,
    emit_monitor,
    emit_clock,
    emit_lifecycle,
    emit_no_acpi,
    emit_pm,
    emit_os,
    emit_hotplug,
    Iommu,
    emit_pci_holes,
    emit_plugged,
    Controller,
    MemoryModule,
    Hub,
    CcidController,
    emit_floppy_controllers,
    Disk,
    Filesystem,
    Interface,
    Smartcard,
    Serial,
    Parallel,
    Channel,
    Console,
    Tpm,
    Input,
    Audio,
    Graphics,
    Video,
    Sound,
    Watchdog,
    emit_watchdog_action,
    Redirdev,
    emit_hostdev_interfaces,
    Hostdev,
    emit_pooled_interfaces,
    emit_incoming,
    Memballoon,
    Rng,
    emit_vmcoreinfo,
    emit_security,
    emit_passthrough,
    emit_sandbox,
    Panic,
    Shmem,
    Vsock,
    Crypto,
    Pstore,
    emit_async_teardown,
    emit_messages,
)

#: The classes that have a turn of their own, and not with those of the class they are of.
_APART: tuple[type[Device], ...] = tuple(
    step for step in ORDER if isinstance(step, type) and "element" not in step.__dict__
)

#: What stands against a domain whatever it is completed to, and what is asked of a completed one.
_BEFORE: tuple[Check, ...] = (
    refuse_target,
    refuse_vcpu,
    refuse_hyperv,
    refuse_lifecycle,
    refuse_hotplug,
    refuse_features,
    refuse_clock,
    refuse_sysinfo,
    refuse_security,
    refuse_cpu_tuning,
)
_AFTER: tuple[Check, ...] = (refuse_os, refuse_without_pci, refuse_unseen_characters)

#: What can be emitted, and so checked, of a domain whose machine is not understood.
_OF_ANY_MACHINE: tuple[Step, ...] = (emit_machine_name, emit_hotplug, emit_passthrough)


def translate(
    domain: Domain,
    capabilities: Capabilities,
    *,
    binary: str,
    monitor: str | None = None,
    incoming: str | None = None,
    host: Host | None = None,
    assume_unknown_present: bool = False,
) -> Translation:
    """The argv that makes this domain with this binary.

    ``binary`` becomes ``argv[0]``.  ``monitor`` is the path of a QMP socket that QEMU shall listen on.
    ``incoming`` is where the state of a guest that ran before comes from (``tcp:0:4444``, ``defer``).  ``host``
    has the settings and the firmware; without it they are libvirt's defaults, and none.
    ``assume_unknown_present`` takes what a partial recording does not tell for granted.

    :raise RefusedError: with every reason at once, in the order of the XML.
    :raise UsageError: where ``monitor`` is not the path of a socket, or ``incoming`` no address.
    """
    check_monitor(monitor)
    check_incoming(incoming)
    target = find_target(domain, capabilities, monitor, host or _plain_host(), incoming)
    refusals = [*domain.not_understood, *_refuse(_BEFORE, domain, target)]
    completed = complete(domain, target, refusals)
    refusals += _refuse(_AFTER, completed, target)
    # Refused or not, what there is of the domain is checked, so that all that is wrong is said at once.
    options, needy = number_descriptors(emit(completed, target))
    refusals += refuse_namespace(completed, target, options)
    lines: list[list[str]] = []
    if refusals:
        # Options may be missing that others refer to.
        findings = check_each(meant(options), capabilities, assume_unknown_present=assume_unknown_present)
    else:
        lines = list(render_each(options, capabilities))
        words = [tuple(line) for line, option in zip(lines, options, strict=True) if is_meant(option)]
        findings = check(meant(options), capabilities, assume_unknown_present=assume_unknown_present, written=words)
    findings += find_faults(completed, capabilities)
    refusals += as_refusals(findings, assume_unknown_present=assume_unknown_present)
    if refusals:
        raise RefusedError(in_order(refusals))
    argv, at = [binary], []
    for line in lines:
        at.append(len(argv))
        argv += line
    return Translation(
        binary=binary,
        argv=tuple(argv),
        resources=(*find_environment(domain), *find_resources((options[one], at[one]) for one in needy)),
        hotplug=tuple(see_hotplug(completed, target)),
    )


@cache
def _plain_host() -> Host:
    """libvirt's defaults."""
    return Host()


def _refuse(checks: Iterable[Check], domain: Domain, target: Target) -> Iterator[Refusal]:
    for look in checks:
        yield from look(domain, target)


def emit(domain: Domain, target: Target) -> list[Option | Raw]:
    """All options of a completed domain."""
    return override(with_master_key(_emit(domain, target), domain.name, target), domain)


def _emit(domain: Domain, target: Target) -> list[Option | Raw]:
    # Devices have their turn by class.
    due: dict[Step, list[Device]] = {}
    for device in domain.devices.every:
        for turn in _turns_of(type(device)):
            due.setdefault(turn, []).append(device)
    options: list[Option | Raw] = []
    for step in ORDER if target.is_understood else _OF_ANY_MACHINE:
        if not isinstance(step, type):
            options += step(domain, target)
        elif step in due:
            for device in sorted(due[step], key=_turn):
                if not device.is_builtin(target):
                    options += device.emit(target)
    return options


@cache
def _turns_of(kind: type[Device]) -> tuple[type[Device], ...]:
    """The steps in which devices of a class have their turn."""
    steps = [step for step in ORDER if isinstance(step, type) and issubclass(kind, step)]
    return tuple(step for step in steps if step in _APART or not issubclass(kind, _APART))


def _turn(device: Device) -> tuple[int, int]:
    return device.argv_turn()


def in_order(refusals: list[Refusal]) -> list[Refusal]:
    """As the XML has them; of several at one place for one missing thing, or with one message, the first."""
    kept: dict[tuple[object, ...], Refusal] = {}
    for refusal in sorted(refusals, key=lambda refusal: refusal.place.line):
        kept.setdefault((refusal.place, refusal.qemu_name or refusal.message), refusal)
    return list(kept.values())
