"""What is said that a guest calls its network cards is what udev tells there: Linux, booted under TCG."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from pathlib import Path

import pytest

from prober.translate.translation import Translation
from tests.cards import CardCase, write_cards
from tests.conftest import QemuPlace, aio
from tests.integration.naming_guest import find_naming_guest
from tests.integration.real_qemu import (
    capabilities_of,
    into_file,
    shared_directory,
    start_qemu,
    translate_for,
)

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]

#: Seconds that a guest may take to boot under TCG on a busy machine.
PATIENCE = 150.0

CASES = [
    CardCase("pc"),
    CardCase("pc", root=False),
    CardCase("pc", bridge=False),
    CardCase("pc", bridge=False, root=False),
    CardCase("pc", acpi=False),
    CardCase("q35"),
    CardCase("q35", bridge=False),
]

#: A graphics card at slot 2 of pc's root bus, and a card at slot 2 of the first bridge, which then has its number.
_VIDEO = (
    "<video><model type='vga'/></video><interface type='user'><mac address='52:54:00:00:00:20'/><model type='virtio'/>"
    "<address type='pci' bus='1' slot='2'/></interface>"
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_udev_gives_the_names_that_are_foretold(any_qemu: QemuPlace, case: CardCase) -> None:
    caps = capabilities_of(any_qemu)
    if case.kind == "q35" and case.bridge is not None and not caps.has("ICH9-LPC.acpi-pci-hotplug-with-bridge-support"):
        case = CardCase("q35")  # such a binary never has it, and needs no telling
    with shared_directory(any_qemu) as (here, there):
        find_naming_guest().copy_to(here, unpacked=True)
        boot = (
            f"<kernel>{there}/vmlinuz</kernel><initrd>{there}/initrd</initrd>"
            "<cmdline>console=ttyS0 quiet panic=-1</cmdline>"
        )
        more = f"<serial type='file'><source path='{there}/serial'/></serial>"
        if case.kind == "pc":
            more += _VIDEO
        index = caps.has("virtio-net-pci.acpi-index")
        translation = translate_for(any_qemu, write_cards(case, more, boot, index=index))
        aio(_look(any_qemu, translation, there, here / "serial"), debug=False)


async def _look(place: QemuPlace, translation: Translation, there: Path, console: Path) -> None:
    async with start_qemu(place, into_file(translation.argv, there / "serial"), paused=False):
        async with asyncio.timeout(PATIENCE):
            while not (console.exists() and "GUEST done" in console.read_text(errors="replace")):
                await asyncio.sleep(0.1)
    told: dict[str, dict[str, str]] = defaultdict(dict)
    for mac, kind, name in re.findall(r"GUEST name (\S+) ID_NET_NAME_(\w+)=(\w+)", console.read_text(errors="replace")):
        told[mac][kind] = name
    foretold = [card for card in translation.cards if card.name is not None]
    assert len(foretold) > 10
    for card in foretold:
        names = {"PATH": card.path, "SLOT": card.slot, "ONBOARD": card.onboard}
        assert told[card.mac or ""] == {kind: name for kind, name in names.items() if name is not None}, card
