"""A translated domain boots: the argv as it stands, on a real QEMU under TCG, to the guest's own words."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from tests.conftest import QemuPlace, aio
from tests.integration.domains import write_domain
from tests.integration.images import write_image
from tests.integration.real_qemu import into_file, run_qemu, shared_directory, start_qemu, translate_for
from tests.integration.small_guest import find_guest

pytestmark = pytest.mark.timeout(300)

#: Seconds that a guest may take to boot under TCG on a busy machine.
BOOT = 120.0

#: Commas, equals signs and quotes must reach the guest's kernel as they are.
CMDLINE = 'console=ttyS0 panic=-1 guest.words=a,b=c,,d guest.quoted="two words"'

#: The disks' images; a comma in a path must reach QEMU as one.
IMAGES = {"raw,comma.img": "raw", "image.qcow2": "qcow2", "third.img": "raw"}


def _devices(there: Path) -> str:
    """A serial console into a file, disks of each kind, and an interface."""
    return f"""
    <serial type='file'><source path='{there}/serial, of=the guest'/></serial>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='{there}/raw,comma.img'/><target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2'/><source file='{there}/image.qcow2'/><target dev='vdb' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='{there}/third.img'/><target dev='sda' bus='sata'/>
    </disk>
    <interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/></interface>"""


def _prepare(here: Path) -> None:
    find_guest().copy_to(here)
    for name, kind in IMAGES.items():
        write_image(here / name, kind)


def _boot_domain(machine: str, there: Path) -> str:
    cmdline = CMDLINE.replace('"', "&quot;")
    os = f"<kernel>{there}/vmlinuz</kernel><initrd>{there}/initrd</initrd><cmdline>{cmdline}</cmdline>"
    return write_domain(machine, memory=256, os=os, features="<apic/><pae/>", devices=_devices(there))


async def _boot(place: QemuPlace, argv: tuple[str, ...]) -> tuple[int, str]:
    async with run_qemu(place, argv) as process:
        await asyncio.wait({process.exited}, timeout=BOOT)
        assert process.exited.done(), f"the guest is not done after {BOOT:g} s: {process.stderr}"
        return process.exited.result(), process.stderr


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_domain_with_kernel_and_initrd_boots_and_ends(any_qemu: QemuPlace, machine: str) -> None:
    with shared_directory(any_qemu) as (here, there):
        _prepare(here)
        translation = translate_for(any_qemu, _boot_domain(machine, there))
        status, stderr = aio(_boot(any_qemu, into_file(translation.argv, there / "serial, of=the guest")))
        console = (here / "serial, of=the guest").read_text(errors="replace")
    lines = [line for line in console.replace("\r", "").splitlines() if "Linux version" in line]
    assert lines and re.match(r"\[ +0\.000000\] Linux version \d", lines[0]), console[:2000]
    assert f"GUEST cmdline {CMDLINE}" in console, console[-2000:]
    # The guest powers itself off, and on_poweroff is destroy: QEMU ends by itself, and well.
    assert status == 0, stderr


@pytest.mark.parametrize("machine", ["pc", "q35"])
def test_the_devices_of_the_domain_are_there(any_qemu: QemuPlace, machine: str) -> None:
    async def look(argv: tuple[str, ...]) -> tuple[dict[str, int], str, set[str]]:
        async with start_qemu(any_qemu, argv) as qemu:
            blocks = await qemu.execute("query-block")
            images = {block["inserted"]["image"]["filename"]: block["inserted"]["image"] for block in blocks}
            mac = await qemu.get("/machine/peripheral/net0", "mac")
            ids = {entry["name"] for entry in await qemu.execute("qom-list", path="/machine/peripheral")}
            return {name: image["virtual-size"] for name, image in images.items()}, mac, ids

    with shared_directory(any_qemu) as (here, there):
        _prepare(here)
        translation = translate_for(any_qemu, _boot_domain(machine, there))
        sizes, mac, ids = aio(look(into_file(translation.argv, there / "serial, of=the guest")))
        assert sizes == {f"{there}/{name}": 1024 * 1024 for name in IMAGES}
    assert mac == "52:54:00:12:34:56"
    assert {"virtio-disk0", "virtio-disk1", "sata0-0-0", "net0", "serial0", "balloon0", "usb"} <= ids
