"""What hot-plug comes to on each PCI bus, as the guest sees it, from the options, the ports and the machine's defaults.

The rules were read in QEMU's sources (each names its place) and seen on QEMU 5.2, 7.2, 10.0 and 11.1: the
bus's ``hotplug-handler`` over QMP, and what ``device_add`` answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prober.devices.controller.pci import Expander, PciBridge, PciController, PcieRoot, PcieRootPort, PciRoot
from prober.domain.domain import Domain
from prober.guest.hotplug.options import BRIDGE, ROOT, Choice, choose_hotplug
from prober.guest.hotplug.port import Hotplug, PortHotplug
from prober.host.target import Target

_PORT_OFF = "hotplug=off on the port itself (hw/pci/pcie_port.c)"

#: Seen of Linux 6.1 on pc, q35 and ARM's ``virt``.
_UNFOUND = "without ACPI Linux does not find the buses of an expander"

#: Seen on QEMU 5.2, 7.2, 10.0 and 11.1, with either option on and off: the ``hotplug-handler`` of each bus.
_APART = "ACPI hot-plug reaches the machine's own root bus and what is below it alone (hw/acpi/pcihp.c)"


@dataclass(frozen=True, slots=True)
class _Switches:
    """The options as the machine will have them, each with the rule that says so."""

    acpi: bool
    bridge: bool
    bridge_rule: str
    root: bool
    root_rule: str


def find_hotplug(domain: Domain, target: Target) -> Iterator[PortHotplug]:
    """One answer a bus of a completed domain, in the order of the controllers' indexes."""
    switches = _switches(choose_hotplug(domain), target, acpi=domain.features.acpi)
    controllers = sorted(domain.devices.of(PciController), key=lambda c: c.number)
    apart = _below_expanders(controllers)
    for controller in controllers:
        if isinstance(controller, Expander):
            hotplug, rules = _of_expander(switches)
        elif controller.number in apart:
            hotplug, rules = _of_bridge_apart(controller, switches, target)
        else:
            hotplug, rules = _of_bus(controller, switches, target)
        yield PortHotplug(controller=controller.id, model=controller.model, hotplug=hotplug, rules=rules)


def _below_expanders(controllers: list[PciController]) -> set[int]:
    """The numbers of the buses that are reached through a root bus of their own, whatever is between."""
    apart = {controller.number for controller in controllers if isinstance(controller, Expander)}
    found: set[int] = set()
    if not apart:
        return found
    for _ in controllers:  # as deep as there are controllers, at the most
        below = {
            controller.number
            for controller in controllers
            if isinstance(controller, PciBridge)
            and controller.address is not None
            and controller.address.bus in apart | found
            and controller.number not in apart
        }
        if below == found:
            break
        found = below
    return found


def _of_expander(on: _Switches) -> tuple[Hotplug, tuple[str, ...]]:
    rule = "the bus of a pxb has no hot-plug controller of its own (hw/pci-bridge/pci_expander_bridge.c)"
    return "none", (rule, _APART, *_unfound(on))


def _unfound(on: _Switches) -> Iterator[str]:
    if not on.acpi:
        yield _UNFOUND


def _of_bridge_apart(controller: PciController, on: _Switches, target: Target) -> tuple[Hotplug, tuple[str, ...]]:
    if isinstance(controller, PcieRootPort) and controller.hotplug is False:
        return "none", (_PORT_OFF,)
    hotplug, rule = _own_controller(controller, on, target)
    return hotplug, (_APART, rule, *_unfound(on))


def _switches(choice: Choice, target: Target, *, acpi: bool) -> _Switches:
    bridge, bridge_rule = _bridge_default(target)
    if choice.bridge is not None:
        device = target.family.acpi_device
        bridge, bridge_rule = choice.bridge.on, f"{device}.{BRIDGE}={_on_off(choice.bridge.on)} is asked for"
    root, root_rule = True, f"PIIX4_PM.{ROOT} is on in every machine version (hw/acpi/piix4.c)"
    if choice.root is not None:
        root, root_rule = choice.root.on, f"PIIX4_PM.{ROOT}={_on_off(choice.root.on)} is asked for"
    elif not target.caps.has(f"PIIX4_PM.{ROOT}"):
        root_rule = f"without PIIX4_PM.{ROOT} (before QEMU 5.2) the root bus always has it"
    return _Switches(acpi, bridge, bridge_rule, root, root_rule)


def _bridge_default(target: Target) -> tuple[bool, str]:
    version = target.version
    if target.kind == "q35":
        if not target.caps.has(f"ICH9-LPC.{BRIDGE}"):
            return False, f"without ICH9-LPC.{BRIDGE} (before QEMU 6.1) there is none"
        if version is not None and version <= (6, 0):
            return False, f"ICH9-LPC.{BRIDGE} is off up to pc-q35-6.0 (hw/i386/pc.c, pc_compat_6_0)"
        return True, f"ICH9-LPC.{BRIDGE} is on from pc-q35-6.1 (hw/acpi/ich9.c)"
    if version is not None and version <= (1, 7):
        return False, f"PIIX4_PM.{BRIDGE} is off up to pc-i440fx-1.7 (hw/i386/pc.c, pc_compat_1_7)"
    return True, f"PIIX4_PM.{BRIDGE} is on from pc-i440fx-2.0 (hw/acpi/piix4.c)"


def _of_bus(controller: PciController, on: _Switches, target: Target) -> tuple[Hotplug, tuple[str, ...]]:
    if not target.family.acpi_device:
        return _of_own_bus(controller, on, target)
    if isinstance(controller, PciRoot):
        return _of_pci_root(on)
    if isinstance(controller, PcieRoot):
        return "none", ("nothing can be hot-plugged into pcie.0 (hw/acpi/pcihp.c, acpi_pcihp_is_hotpluggable_bus)",)
    if isinstance(controller, PcieRootPort):
        if controller.hotplug is False:
            return "none", (_PORT_OFF,)
        return _of_bridge(controller, on, target)
    return _of_bridge(controller, on, target)


def _of_own_bus(controller: PciController, on: _Switches, target: Target) -> tuple[Hotplug, tuple[str, ...]]:
    """On a machine that has no ACPI controller for PCI: ports and bridges do it themselves, or nobody does.

    ``virt`` of ARM can have one from QEMU 10.1 on (``acpi-pcihp`` of ``-machine``), and has it off by itself.
    """
    if isinstance(controller, PcieRoot):
        return "none", ("nothing can be hot-plugged into pcie.0 (hw/pci/pcie.c, pcie_cap_slot_pre_plug_cb)",)
    if isinstance(controller, PcieRootPort) and controller.hotplug is False:
        return "none", (_PORT_OFF,)
    hotplug, rule = _own_controller(controller, on, target)
    why = (
        "machine virt hands hot-plug of PCI to the ports themselves (hw/pci-host/gpex-acpi.c; without ACPI nobody asks)"
    )
    return hotplug, (why, rule)


def _of_pci_root(on: _Switches) -> tuple[Hotplug, tuple[str, ...]]:
    if not on.acpi:
        return "none", ("without ACPI the machine has no PIIX4_PM, nor another controller (hw/i386/pc_piix.c)",)
    if not on.root:
        return "none", (on.root_rule, "the root bus has no other controller (hw/acpi/pcihp.c)")
    return "acpi", (on.root_rule,)


def _of_bridge(controller: PciController, on: _Switches, target: Target) -> tuple[Hotplug, tuple[str, ...]]:
    if on.bridge and on.acpi:
        return "acpi", (on.bridge_rule,)
    if on.bridge and target.kind == "q35":
        rule = "ICH9-LPC takes hot-plug over even without ACPI tables, so the guest never hears of it (hw/acpi/ich9.c)"
        return "none", (on.bridge_rule, rule)
    why = on.bridge_rule if on.acpi else "without ACPI the machine has no PIIX4_PM (hw/i386/pc_piix.c)"
    hotplug, rule = _own_controller(controller, on, target)
    return hotplug, (why, rule, *_use_by_guests(hotplug, on, target))


def _use_by_guests(hotplug: Hotplug, on: _Switches, target: Target) -> Iterator[str]:
    """What the machine offers and a guest may not take; seen with Linux 6.1 on SeaBIOS, QEMU 5.2 to 11.1."""
    if hotplug == "shpc" and target.kind == "pc" and on.acpi:
        yield 'Linux leaves this SHPC alone, as the ACPI tables of pc do not hand it over ("Cannot get control")'
    if hotplug in ("native", "shpc") and target.kind == "q35" and not on.acpi:
        yield (
            "SeaBIOS has ACPI tables of its own, which do not hand hot-plug over: Linux uses it with acpi=off on its "
            "command line, root ports with pcie_ports=native as well"
        )


def _own_controller(controller: PciController, on: _Switches, target: Target) -> tuple[Hotplug, str]:
    """What a bridge or port has by itself."""
    match controller.model:
        case "pcie-root-port" | "pcie-switch-downstream-port":
            return "native", "the port has PCI Express hot-plug of its own (hw/pci/pcie.c)"
        case "pcie-switch-upstream-port":
            return "none", "an x3130-upstream has no hot-plug controller (hw/pci-bridge/xio3130_upstream.c)"
        case "dmi-to-pci-bridge":
            return "none", "an i82801b11-bridge has no hot-plug controller (hw/pci-bridge/i82801b11.c)"
        case "pcie-to-pci-bridge":
            return "shpc", "the bridge has an SHPC (hw/pci-bridge/pcie_pci_bridge.c)"
    if target.kind == "pc" and on.acpi and not on.root and (5, 2) <= target.caps.version.numbers[:2] < (8, 0):
        rule = (
            "QEMU 5.2 to 7.2 with both options off hands the bridge to PIIX4_PM, which does nothing (hw/acpi/piix4.c)"
        )
        return "none", rule
    if not _has_shpc(target):
        return "none", "pci-bridge.shpc is off in machine version 2.9 (hw/core/machine.c, hw_compat_2_9)"
    return "shpc", "the bridge has an SHPC (hw/pci-bridge/pci_bridge_dev.c)"


def _has_shpc(target: Target) -> bool:
    """Machine version 2.9 is the only one whose bridges have none (QEMU 2.9.0 to 2.10, ``shpc``)."""
    return target.version != (2, 9)


def _on_off(on: bool) -> str:
    return "on" if on else "off"
