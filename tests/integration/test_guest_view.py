"""What is said beside the argv is what a guest finds: Linux, booted under TCG, names the driver of each slot.

Where the driver is there, a device is plugged into the bus as well, and must appear in the guest.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from prober.translate.translation import Translation
from tests.conftest import QemuPlace, aio
from tests.integration.domains import PC_BRIDGES, Q35_BRIDGES, write_domain, write_option
from tests.integration.real_qemu import (
    RunningQemu,
    capabilities_of,
    into_file,
    shared_directory,
    start_qemu,
    translate_for,
)
from tests.integration.small_guest import find_guest

pytestmark = pytest.mark.timeout(300)

#: Seconds that a guest may take to boot under TCG on a busy machine, or to notice a device.
PATIENCE = 120.0

#: Linux's driver for each kind of hot-plug.
DRIVERS = {"acpi": {"acpiphp"}, "native": {"pciehp"}, "shpc": {"shpchp"}, "none": set[str]()}


@dataclass(frozen=True)
class Case:
    """A machine with bridges, and what is asked of it."""

    kind: str
    acpi: bool = True
    bridge: bool | None = None
    root: bool | None = None

    def __str__(self) -> str:
        asked = {"acpi": self.acpi, "bridge": self.bridge, "root": self.root}
        return " ".join([self.kind, *(f"{name}={value}" for name, value in asked.items() if value is not None)])


CASES = [
    Case("pc", root=False),
    Case("pc", bridge=False),
    pytest.param(Case("pc", acpi=False), marks=pytest.mark.long),
    pytest.param(Case("q35"), marks=pytest.mark.long),
    Case("q35", bridge=False),
]


def _translate(place: QemuPlace, case: Case, there: Path) -> Translation:
    bridge = case.bridge
    if case.kind == "q35" and not capabilities_of(place).has("ICH9-LPC.acpi-pci-hotplug-with-bridge-support"):
        bridge = None  # such a binary never has it, and needs no telling
    asked = "" if bridge is None else write_option("bridge", "domain", bridge)["acpi_hotplug"]
    asked += "" if case.root is None else write_option("root", "domain", case.root)["acpi_hotplug"]
    cmdline = "<cmdline>console=ttyS0 quiet panic=-1 guest.mode=tell</cmdline>"
    xml = write_domain(
        case.kind,
        acpi=case.acpi,
        memory=256,
        os=f"<kernel>{there}/vmlinuz</kernel><initrd>{there}/initrd</initrd>{cmdline}",
        acpi_hotplug=asked,
        devices=f"<serial type='file'><source path='{there}/serial'/></serial>"
        + (PC_BRIDGES if case.kind == "pc" else Q35_BRIDGES),
    )
    return translate_for(place, xml)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_linux_finds_the_hotplug_that_is_foretold(any_qemu: QemuPlace, case: Case) -> None:
    with shared_directory(any_qemu) as (here, there):
        find_guest().copy_to(here, unpacked=True)
        translation = _translate(any_qemu, case, there)
        argv = into_file(translation.argv, there / "serial")
        aio(_look(any_qemu, argv, translation, case, here / "serial"), debug=False)


async def _look(place: QemuPlace, argv: tuple[str, ...], translation: Translation, case: Case, console: Path) -> None:
    async with start_qemu(place, argv, paused=False) as qemu:
        await _read_until(console, r"GUEST devices .* \r?\n")
        slots = _read_slots(console)
        buses = await _number_buses(qemu)
        plugged = []
        for port in translation.hotplug:
            number, occupied = buses[port.controller]
            if occupied and port.model == "pcie-root-port":
                continue  # a bridge in the port's one slot cannot be unplugged by ACPI: Linux has no slot to show
            expected = DRIVERS[port.hotplug]
            if port.hotplug == "shpc" and case.kind == "pc" and case.acpi:
                expected = set()  # QEMU's ACPI tables for pc do not hand the SHPC over, so Linux leaves it alone
            assert slots[number] == expected, (port, slots)
            if expected and not _is_deaf(place, port.hotplug):
                slot = 0 if port.model == "pcie-root-port" else 0x1D
                await qemu.execute("device_add", driver="virtio-rng-pci", bus=port.controller, addr=f"{slot:#x}")
                plugged.append(rf"0000:{number:02x}:{slot:02x}\.0")
        for address in plugged:  # a native one takes the guest five seconds, as if somebody pressed its button
            await _read_until(console, rf"GUEST devices .*{address}")


def _is_deaf(place: QemuPlace, hotplug: str) -> bool:
    """QEMU 5.2's empty root ports report a link, for which Linux 6.1 misses the device that comes (seen)."""
    return hotplug == "native" and capabilities_of(place).version.numbers[:2] == (5, 2)


async def _read_until(console: Path, pattern: str) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            while not (console.exists() and re.search(pattern, console.read_text(errors="replace"))):
                await asyncio.sleep(0.05)
    except TimeoutError:
        told = console.read_text(errors="replace") if console.exists() else "nothing"
        raise AssertionError(f"the guest never says {pattern!r} but: {told[-2000:]}") from None


def _read_slots(console: Path) -> dict[int, set[str]]:
    """The drivers of the slots on each bus, as the guest tells them."""
    slots: dict[int, set[str]] = defaultdict(set)
    for bus, driver in re.findall(r"GUEST slot 0000:(\w\w):\w\w (\w+)", console.read_text(errors="replace")):
        slots[int(bus, 16)].add(driver)
    return slots


async def _number_buses(qemu: RunningQemu) -> dict[str, tuple[int, bool]]:
    """By libvirt's name of each bus: the guest's number for it, and whether anything is on it."""
    root = (await qemu.execute("query-pci"))[0]
    buses = {"pci.0": (0, True), "pcie.0": (0, True)}
    waiting: list[dict[str, Any]] = [*root["devices"]]
    while waiting:
        device = waiting.pop()
        if bridge := device.get("pci_bridge"):
            below = bridge.get("devices", [])
            buses[device["qdev_id"]] = (bridge["bus"]["secondary"], bool(below))
            waiting += below
    return buses
