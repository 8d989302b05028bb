"""Devices of which there may be one, and machines that have no place for a device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from prober.commandline.line import Line
from prober.commandline.machines.family import MachineFamily
from prober.commandline.machines.find import FAMILIES, ON_SYSTEM_BUS
from prober.commandline.refusal import Fault
from prober.commandline.rules.rule import Rule

_IOMMUS = ("intel-iommu", "amd-iommu")


def _once(bases: tuple[str, ...], what: str, line: Line) -> Iterator[Fault]:
    found = [device for device in line.devices if not device.type.lineage.isdisjoint(bases)]
    for device in found[1:]:
        first = found[0].typename
        other = "is one already" if first == device.typename else f"is a {first} already"
        yield Fault(device.place, "driver", f"a machine has one {what}, and there {other}")


def _single(name: str, what: str, bases: tuple[str, ...], source: str, example: str) -> Rule:
    """A rule that there is one of these; ``example`` makes the one."""
    find: Callable[[Line], Iterator[Fault]] = partial(_once, bases, what)
    machine = "-display none -machine q35"
    return Rule(
        f"line/one-{name}",
        f"a machine has one {what}",
        source,
        find,
        about=bases,
        wrong=f"{machine} -device {example} -device {example}",
        right=f"{machine} -device {example}",
    )


def _of_target(line: Line) -> Iterator[MachineFamily]:
    return (family for family in FAMILIES if not family.targets or line.caps.target in family.targets)


def _system_bus(line: Line) -> Iterator[Fault]:
    if line.kind == "other":
        return
    for device in line.devices:
        name = device.typename
        since = line.family.system_bus.get(name)
        if name not in ON_SYSTEM_BUS or name not in (line.caps.types or ()):
            continue
        if since is None:
            homes = [family.kind for family in _of_target(line) if name in family.system_bus]
            message = f"a machine of the kind {line.kind} has no place for {name}"
            yield Fault(device.place, "driver", message, f"it is for {' and '.join(homes)}" if homes else "")
        elif line.caps.version.numbers < since:
            message = f"a machine of the kind {line.kind} has a place for {name} from QEMU {since[0]}.{since[1]} on"
            yield Fault(device.place, "driver", message)


def _mouse(line: Line) -> Iterator[Fault]:
    for device in line.of_type("vmmouse"):
        if "i8042" not in device.values:
            yield Fault(device.place, "i8042", "vmmouse cannot be without i8042", "pc and q35 have a vmmouse already")


RULES = (
    _single(
        "balloon",
        "balloon",
        ("virtio-balloon-pci-base", "virtio-balloon-device"),
        "hw/virtio/virtio-balloon.c, virtio_balloon_device_realize; system/balloon.c, qemu_add_balloon_handler",
        "virtio-balloon-pci",
    ),
    _single("vmcoreinfo", "vmcoreinfo", ("vmcoreinfo",), "hw/misc/vmcoreinfo.c, vmcoreinfo_realize", "vmcoreinfo"),
    _single("vmgenid", "vmgenid", ("vmgenid",), "hw/acpi/vmgenid.c, vmgenid_realize", "vmgenid"),
    _single("ramfb", "ramfb", ("ramfb",), "hw/nvram/fw_cfg.c, fw_cfg_add_file_callback", "ramfb"),
    _single("pvpanic", "pvpanic on ISA", ("pvpanic",), "hw/nvram/fw_cfg.c, fw_cfg_add_file_callback: etc/pvpanic-port",
            "pvpanic"),
    _single("vmbus", "VMBus", ("vmbus-bridge",), "hw/hyperv/vmbus.c, vmbus_bridge_realize", "vmbus-bridge"),
    _single("iommu", "IOMMU", (*_IOMMUS, "virtio-iommu-pci"), "hw/i386/pc.c, pc_machine_device_pre_plug_cb; "
            "hw/i386/x86-iommu.c, x86_iommu_realize", "intel-iommu"),
    Rule(
        "line/system-bus",
        "the machine takes a device of the system bus",
        "system/qdev-monitor.c, qdev_device_add_from_qdict; hw/core/machine.c, device_is_dynamic_sysbus",
        _system_bus,
        about=tuple(sorted(ON_SYSTEM_BUS)),
        wrong="-display none -machine pc -device intel-iommu",
        right="-display none -machine q35 -device intel-iommu",
    ),
    Rule(
        "line/vmmouse",
        "`vmmouse` has an `i8042` (since 7.2)",
        "hw/i386/vmmouse.c, vmmouse_realizefn",
        _mouse,
        about=("vmmouse",),
        wrong="-display none -machine pc -device vmmouse",
        right="-display none -machine pc",
        since=(7, 2, 0),
    ),
)  # fmt: skip
