"""The table of hot-plug, proven bus by bus: a device is plugged into each bus that a translation tells of."""

from __future__ import annotations

import re
from itertools import product

import pytest

from prober.guest.hotplug.port import PortHotplug
from prober.translate.translation import Translation
from tests.conftest import QemuPlace, aio
from tests.integration.domains import write_domain, write_option
from tests.integration.real_qemu import capabilities_of, machines_of, start_qemu, translate_for
from tests.integration.test_hotplug_live import CONTROLLERS

pytestmark = pytest.mark.slow

#: What QEMU says of a bus that takes nothing, and of a port (5.2); all else is about a slot, or the device.
_NO_HOTPLUG = re.compile(r"Bus '.*' does not support hotplugging|Hot-plug failed: unsupported by the port device '.*'")

#: Rules of a bus that QEMU plugs into, and of which no guest is told.
_UNHEARD = ("so the guest never hears of it", "which does nothing")

CHOICES = (None, True, False)
OPTIONS = [("pc", *choice) for choice in product((True, False), CHOICES, CHOICES)]
OPTIONS += [("q35", acpi, bridge, None) for acpi, bridge in product((True, False), CHOICES)]


def _translate(place: QemuPlace, machine: str, kind: str, choice: tuple[bool, bool | None, bool | None]) -> Translation:
    acpi, bridge, root = choice
    asked = "" if bridge is None else write_option("bridge", "domain", bridge)["acpi_hotplug"]
    asked += "" if root is None else write_option("root", "domain", root)["acpi_hotplug"]
    return translate_for(place, write_domain(machine, acpi=acpi, acpi_hotplug=asked, devices=CONTROLLERS[kind]))


def _is_asked_for_in_vain(place: QemuPlace, kind: str, choice: tuple[bool, bool | None, bool | None]) -> bool:
    """Whether the machine, or this QEMU, has no such option, so that the domain is refused."""
    acpi, bridge, root = choice
    known = capabilities_of(place).has("ICH9-LPC.acpi-pci-hotplug-with-bridge-support")
    return (bridge is not None and not (acpi if kind == "pc" else known)) or (root is not None and not acpi)


async def _plug(place: QemuPlace, translation: Translation) -> dict[str, str]:
    """Of each bus what QEMU says to a device; empty where it takes it."""
    said: dict[str, str] = {}
    async with start_qemu(place, translation.argv) as qemu:
        for number, port in enumerate(translation.hotplug):
            is_port = port.model in ("pcie-root-port", "pcie-switch-downstream-port")
            slot = "0x0" if is_port else "0x1d"
            bus = "pcie.0" if port.model == "pcie-root" else port.controller
            arguments = {"driver": "virtio-rng-pci", "id": f"plugged{number}", "bus": bus, "addr": slot}
            said[port.controller] = await qemu.refuses("device_add", **arguments) or ""
        await qemu.quit()
    return said


def _is_taken(port: PortHotplug) -> bool:
    """Whether QEMU plugs into a bus, by what is told of it."""
    return port.hotplug != "none" or any(text in rule for rule in port.rules for text in _UNHEARD)


@pytest.mark.parametrize("which", range(3), ids=["alias", "newest", "oldest"])
@pytest.mark.parametrize(("kind", "acpi", "bridge", "root"), OPTIONS)
def test_each_bus_takes_what_the_table_says(
    any_qemu: QemuPlace, kind: str, acpi: bool, bridge: bool | None, root: bool | None, which: int, whole: bool
) -> None:
    choice = (acpi, bridge, root)
    if _is_asked_for_in_vain(any_qemu, kind, choice):
        return
    if which and not whole and any_qemu.root is None:
        return  # a part, where all is not asked for
    translation = _translate(any_qemu, machines_of(any_qemu, kind)[which], kind, choice)
    said = aio(_plug(any_qemu, translation), debug=False)
    wrong = {
        port.controller: (port.model, port.hotplug, said[port.controller], port.rules)
        for port in translation.hotplug
        if (_NO_HOTPLUG.fullmatch(said[port.controller]) is None) != _is_taken(port)
    }
    assert wrong == {}
    assert len(said) > 4
    assert not any("not found" in text for text in said.values()), said
