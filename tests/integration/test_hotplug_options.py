"""The hot-plug options reach the live machine: each value of each is read back from the running QEMU."""

from __future__ import annotations

from itertools import product

import pytest

from prober.guest.hotplug.port import PortHotplug
from prober.translate.translation import Translation
from tests.conftest import QemuPlace, aio
from tests.integration.domains import PC_BRIDGES, Q35_BRIDGES, SPELLINGS, Option, write_domain, write_option
from tests.integration.real_qemu import RunningQemu, capabilities_of, machines_of, start_qemu, translate_for

BRIDGE = "acpi-pci-hotplug-with-bridge-support"
ROOT = "acpi-root-pci-hotplug"
NAMES: dict[Option, str] = {"bridge": BRIDGE, "root": ROOT}
DEVICES = {"pc": "PIIX4_PM", "q35": "ICH9-LPC"}

#: Every option with every machine that it is accepted for, in every spelling.
ACCEPTED = [("pc", option, spelling) for option, spellings in SPELLINGS.items() for spelling in spellings]
ACCEPTED += [("q35", "bridge", spelling) for spelling in SPELLINGS["bridge"]]

CHOICES: list[bool | None] = [None, True, False]


def _has(place: QemuPlace, kind: str, option: Option) -> bool:
    return capabilities_of(place).has(f"{DEVICES[kind]}.{NAMES[option]}")


@pytest.mark.parametrize(("kind", "option", "spelling"), ACCEPTED)
@pytest.mark.parametrize("which", range(3), ids=["alias", "newest", "oldest"])
def test_each_value_is_read_back_from_the_live_device(
    any_qemu: QemuPlace, kind: str, option: Option, spelling: str, which: int
) -> None:
    machine = machines_of(any_qemu, kind)[which]
    if not _has(any_qemu, kind, option):
        # That such a binary refuses the option is in test_ignored.py; here its live device is seen to lack it.
        assert "not found" in aio(
            _why_unreadable(any_qemu, translate_for(any_qemu, write_domain(machine)), kind, option), debug=False
        )
        return
    for on in (True, False):
        translation = translate_for(any_qemu, write_domain(machine, **write_option(option, spelling, on)))
        assert sum(NAMES[option] in word for word in translation.argv) == 1
        assert aio(_read_back(any_qemu, translation, kind, option), debug=False) is on


async def _read_back(place: QemuPlace, translation: Translation, kind: str, option: Option) -> bool:
    async with start_qemu(place, translation.argv) as qemu:
        value: bool = await qemu.get(await qemu.find_device(DEVICES[kind]), NAMES[option])
        assert "not used" not in (await qemu.quit()).stderr
        return value


async def _why_unreadable(place: QemuPlace, translation: Translation, kind: str, option: Option) -> str:
    async with start_qemu(place, translation.argv) as qemu:
        live = await qemu.find_device(DEVICES[kind])
        return await qemu.refuses("qom-get", path=live, property=NAMES[option]) or "it can be read"


def test_both_options_of_pc_go_together(any_qemu: QemuPlace) -> None:
    async def read_back(argv: tuple[str, ...]) -> list[bool]:
        async with start_qemu(any_qemu, argv) as qemu:
            live = await qemu.find_device("PIIX4_PM")
            return [await qemu.get(live, name) for name in (BRIDGE, ROOT)]

    for bridge, root in product((True, False), repeat=2):
        both = write_option("bridge", "pm", bridge)["pm"] + write_option("root", "pm", root)["pm"]
        translation = translate_for(any_qemu, write_domain("pc", pm=both))
        assert aio(read_back(translation.argv), debug=False) == [bridge, root]


def _domain(kind: str, machine: str, acpi: bool, bridge: bool | None, root: bool | None) -> str:
    asked = "" if bridge is None else write_option("bridge", "domain", bridge)["acpi_hotplug"]
    asked += "" if root is None else write_option("root", "domain", root)["acpi_hotplug"]
    bridges = PC_BRIDGES if kind == "pc" else Q35_BRIDGES
    return write_domain(machine, acpi=acpi, acpi_hotplug=asked, devices=bridges)


def _combinations(place: QemuPlace, kind: str) -> list[tuple[bool, bool | None, bool | None]]:
    """``<acpi/>``, bridge and root, as far as they are accepted together."""
    roots = CHOICES if kind == "pc" else [None]
    bridges = CHOICES if _has(place, kind, "bridge") else [None]
    combinations = [(True, bridge, root) for bridge, root in product(bridges, roots)]
    without_acpi = [(False, bridge, None) for bridge in (bridges if kind == "q35" else [None])]
    return combinations + without_acpi


@pytest.mark.parametrize("which", range(3), ids=["alias", "newest", "oldest"])
@pytest.mark.parametrize("kind", ["pc", "q35"])
def test_what_the_guest_will_see_agrees_with_the_live_buses(any_qemu: QemuPlace, kind: str, which: int) -> None:
    async def compare(translation: Translation, context: str) -> None:
        async with start_qemu(any_qemu, translation.argv) as qemu:
            buses = {path.rsplit("/", 1)[1]: path for path in await qemu.find("PCI", "PCIE")}
            assert buses.keys() == {port.controller for port in translation.hotplug}
            for port in translation.hotplug:
                await _compare(qemu, buses[port.controller], port, f"{context}: {port}")

    machine = machines_of(any_qemu, kind)[which]
    for acpi, bridge, root in _combinations(any_qemu, kind):
        translation = translate_for(any_qemu, _domain(kind, machine, acpi, bridge, root))
        assert len(translation.hotplug) == {"pc": 3, "q35": 8}[kind]
        aio(compare(translation, f"{machine} acpi={acpi} bridge={bridge} root={root}"), debug=False)


async def _compare(qemu: RunningQemu, bus: str, port: PortHotplug, context: str) -> None:
    """Who handles hot-plug on this bus, and whether QEMU takes a device there."""
    handler = str(await qemu.get(bus, "hotplug-handler"))
    # A bridge that handles its own bus is the bus's parent; what handles them all is part of the chipset.
    by_itself = handler == bus.rsplit("/", 1)[0]
    refusal = None
    if port.model != "pcie-root-port":
        refusal = await qemu.refuses("device_add", driver="virtio-rng-pci", bus=port.controller, addr="0x1d")
    elif not await _is_occupied(qemu, bus):
        refusal = await qemu.refuses("device_add", driver="virtio-rng-pci", bus=port.controller, addr="0x0")
    match port.hotplug:
        case "acpi":
            assert handler and not by_itself and refusal is None, (context, handler, refusal)
        case "native" | "shpc":
            assert by_itself and refusal is None, (context, handler, refusal)
        case "none":
            # Either QEMU refuses, or it hands the device to an ACPI that this machine does not have.
            assert refusal is not None or not by_itself, (context, handler, refusal)
        case _:
            raise AssertionError(context)


async def _is_occupied(qemu: RunningQemu, bus: str) -> bool:
    """Whether the one slot of a port is taken, so that nothing can be learned by plugging into it."""
    return any(entry["name"].startswith("child[") for entry in await qemu.execute("qom-list", path=bus))
