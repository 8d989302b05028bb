"""``-machine`` and ``-accel``, and the options that every domain begins and ends with."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from prober.commandline.deeds import MakeDirectory
from prober.commandline.options import Keyval, Need, Object, Option, Plain, Prepared, Property
from prober.commandline.refusal import Refusal
from prober.devices.graphics import Graphics
from prober.devices.iommu import machine_iommu
from prober.devices.sound import speaker_properties
from prober.domain.clock.emit import machine_clock
from prober.domain.domain import Domain
from prober.domain.features import Features
from prober.domain.features.machine import accelerator_features, machine_features
from prober.domain.launch_security import machine_security
from prober.domain.os.emit import machine_os
from prober.domain.os.model import OsType
from prober.domain.shared.devices import Devices
from prober.errors import UsageError
from prober.guest.memory.emit import machine_memory
from prober.guest.numa.emit import machine_numa
from prober.host.target import Target

#: The longest path of a unix socket, in bytes (``sun_path`` less its NUL).
_SOCKET_PATH = 107

#: Where a migration may come from.  ``exec:`` is a shell command, which nobody who asks for a translation may choose.
_INCOMING = re.compile(r"defer|(?:tcp|rdma|vsock|unix|fd|file):[\x20-\x7e]{1,4096}")


def emit_machine(domain: Domain, target: Target) -> Iterator[Option]:
    """The machine; the accelerator with it, before QEMU 2.9 gave it an option of its own."""
    yield Keyval("-machine", target.machine, tuple(_machine(domain, target)), domain.os.type.place("machine"))
    if target.caps.has("-accel"):
        yield Keyval("-accel", target.accel, tuple(_accelerator(domain.features, target)), domain.place("type"))


def _machine(domain: Domain, target: Target) -> Iterator[Property]:
    """Each element's part of it, in libvirt's order (11.3, ``qemuBuildMachineCommandLine``)."""
    if not target.caps.has("-accel"):
        yield Property("accel", target.accel, domain.place("type"))
    yield Property("usb", False, target.place)
    yield from machine_features(domain.features)
    yield from machine_iommu(domain.devices)
    yield from machine_memory(domain, target)
    yield from machine_security(domain.launch_security, target)
    yield from machine_os(domain.os, target)
    yield from machine_numa(domain.numa)
    yield from machine_clock(domain.clock, target)
    yield from speaker_properties(domain.devices)
    if target.entry is not None and target.entry.acpi:
        yield Property("acpi", domain.features.acpi, domain.features.place("acpi"))


def _accelerator(features: Features, target: Target) -> Iterator[Property]:
    """What TCG or KVM is told (libvirt 11.3, ``qemuBuildAccelCommandLine``)."""
    yield from accelerator_features(features, target)
    if features.kvm is not None and target.accel == "kvm":
        yield from features.kvm.accelerator_properties()


def check_pci(devices: Devices, target: Target) -> Iterator[Refusal]:
    """Devices on PCI, where there is none; those that libvirt adds of itself among them."""
    if not target.is_understood or target.has_pci:
        return
    for device in devices.every:
        if device.plug(target) is not None and not device.is_builtin(target):
            place, hint = device.place(), ""
            if device.element == "memballoon":
                hint = "libvirt adds one that is not there: write <memballoon model='none'/>"
            yield Refusal(
                place=place if place.line else target.place,
                message=f"machine {target.machine} has no PCI bus for <{device.element}>",
                hint=hint,
            )


def emit_machine_name(kind: OsType, target: Target) -> Iterator[Option]:
    """The machine alone, of which nothing is understood but whether the binary has it."""
    yield Keyval("-machine", target.machine, (), kind.place("machine"))


def emit_no_acpi(features: Features, target: Target) -> Iterator[Option]:
    """``-no-acpi``, for machines that do not say whether they know ``acpi=`` (before QEMU 8.0)."""
    if target.entry is None and target.caps.accelerator.machines is not None:
        return  # There is no such machine, and of that alone is to be told.
    unsaid = target.entry is None or target.entry.acpi is None
    if unsaid and target.family.has_no_acpi_option and target.is_understood and not features.acpi:
        yield Plain("-no-acpi", None, features.place("acpi"))


def emit_startup(devices: Devices, target: Target) -> Iterator[Option]:
    """No display, if the domain has none; no configuration but this, no devices but these."""
    if not any(devices.of(Graphics)):
        yield Plain("-display", "none", target.place)
    yield Plain("-no-user-config", None, target.place)
    yield Plain("-nodefaults", None, target.place)


def check_monitor(path: str | None) -> None:
    """That a path can be that of a unix socket: absolute, one line, short enough for the kernel (unix(7)).

    :raise UsageError: where it is not.
    """
    if path is None:
        return
    if not path.startswith("/") or not path.isprintable() or len(path.encode()) > _SOCKET_PATH:
        raise UsageError(
            f"{path[:200]!r} cannot be the monitor's socket",
            hint=f"give an absolute path of at most {_SOCKET_PATH} bytes",
        )


def check_incoming(uri: str | None) -> None:
    """That an address of a migration can be one: a scheme that QEMU has (``migration/migration.c``), and one line.

    :raise UsageError: where it is not.
    """
    if uri is None:
        return
    if not _INCOMING.fullmatch(uri):
        raise UsageError(
            f"{uri[:200]!r} is no address that a migration can come from",
            hint="give defer, tcp:HOST:PORT, unix:PATH, fd:NUMBER or file:PATH",
        )


def emit_incoming(target: Target) -> Iterator[Option]:
    """``-incoming``: the guest ran before, and its state comes from elsewhere."""
    if target.incoming is not None:
        yield Plain("-incoming", target.incoming, target.place)


def emit_monitor(target: Target) -> Iterator[Option]:
    """A QMP socket, where one is wanted.

    A monitor is an object where QEMU has it so (11.1, which deprecates ``-mon``), as libvirt 12 writes it.
    """
    if target.monitor is None:
        return
    place = target.place
    need = Need(
        "monitor",
        "charmonitor",
        f"QEMU makes the socket {target.monitor} and speaks QMP on it; the directory must exist",
        MakeDirectory(path=posixpath.dirname(target.monitor)),
    )
    socket = (
        Property("id", "charmonitor", place),
        Property("path", Prepared(target.monitor, need), place),
        Property("server", True, place),
        Property("wait", False, place),
    )
    yield Keyval("-chardev", "socket", socket, place)
    if target.caps.has("object-add.qom-type.monitor-qmp"):
        yield Object("monitor-qmp", "monitor", (Property("chardev", "charmonitor", place),), place)
        return
    control = (
        Property("chardev", "charmonitor", place),
        Property("id", "monitor", place),
        Property("mode", "control", place),
    )
    yield Keyval("-mon", "", control, place)


def emit_sandbox(target: Target) -> Iterator[Option]:
    """Every door that seccomp can close (QEMU 2.11); ``seccomp_sandbox`` of qemu.conf can leave all open."""
    if not target.settings.seccomp_sandbox:
        if target.caps.has("-sandbox"):
            yield Keyval("-sandbox", "off", (), target.place)
    elif target.caps.has("-sandbox.elevateprivileges"):
        pairs = tuple(
            Property(name, "deny", target.place)
            for name in ("obsolete", "elevateprivileges", "spawn", "resourcecontrol")
        )
        yield Keyval("-sandbox", "on", pairs, target.place)


def emit_messages(target: Target) -> Iterator[Option]:
    """Time stamps in the log, unless ``log_timestamp`` of qemu.conf is off."""
    if target.settings.log_timestamp and target.caps.has("-msg.timestamp"):
        yield Keyval("-msg", "", (Property("timestamp", True, target.place),), target.place)
