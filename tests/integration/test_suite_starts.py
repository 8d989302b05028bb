"""A second authority on libvirt's domains: the installed QEMU makes each machine, and shows what is in it."""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from prober.commandline.parse import split_shell
from prober.errors import RefusedError
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from tests.conformance.suite import suite_host
from tests.conftest import QemuPlace, aio
from tests.integration.adapting import Adapted, adapt_argv
from tests.integration.real_qemu import EndedEarlyError, RunningQemu, capabilities_of, shared_directory, start_qemu
from tests.integration.test_accepted_cases import ids_in
from tests.recordings import LIBVIRT

pytestmark = pytest.mark.libvirt

#: No fewer of the domains may start with all of their devices.
AT_LEAST = 60

#: Domains of which libvirt makes a command line that QEMU does not take, by what QEMU says, and what prober does.
REFUSED_BY_QEMU = {
    # On a conventional bus without disable-legacy=on (``hw/virtio/virtio-pci.c``, ``virtio_pci_device_plugged``).
    **dict.fromkeys(
        (
            "virtio-options",
            "virtio-options-fs-iommu",
            "virtio-options-memballoon-iommu",
            "virtio-options-net-iommu",
            "virtio-options-rng-iommu",
        ),
        ("VIRTIO_F_IOMMU_PLATFORM was supported by neither", "is transitional here"),
    ),
    # More memory to plug than the 40 bits of the CPU's addresses reach (``hw/i386/pc.c``, ``pc_memory_init``).  QEMU
    # ends there; it would not take a DIMM on a machine without <acpi/> either.
    **dict.fromkeys(
        (
            "hugepages-numa-default-dimm",
            "hugepages-nvdimm",
            "memfd-memory-numa",
            "memory-hotplug-dimm",
            "memory-hotplug-nvdimm-access",
            "memory-hotplug-nvdimm-overlap",
        ),
        (r"Address space limit 0xffffffffff < 0x\w+ phys-bits too low \(40\)", "more than 40 bits of addresses reach"),
    ),
    # A DIMM on a machine without <acpi/> (``hw/i386/pc.c``, ``pc_memory_pre_plug``).
    "hugepages-memaccess": ("memory hotplug is not enabled: missing acpi device or acpi disabled", "needs ACPI"),
    # ``block/raw-format.c``, ``raw_apply_options``
    "disk-slices": ("Specified size is not multiple of 512", "a multiple of 512"),
    # Under TCG, which stands in for KVM here (``hw/i386/x86.c``, ``x86_cpus_init``, before QEMU 9.0).
    "intel-iommu-eim": ("requires kernel irqchip and X2APIC", "for more than 255 CPUs"),
}


def domains() -> list[Path]:
    """Every domain of the suite that libvirt makes a command line of."""
    lines = (LIBVIRT / "pairs").glob("*.args")
    return sorted({path.parent / (re.sub(r"\.\d+\.\d+\.\d+\.args$", "", path.name) + ".xml") for path in lines})


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an empty file for each domain that started with nothing left out, whichever process saw it."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "started-whole"
    place.mkdir(exist_ok=True)
    return place


def is_accepted(path: Path, place: QemuPlace) -> tuple[str, ...] | None:
    """The argv for this QEMU under TCG, or None where it has not all of it."""
    with suppress(RefusedError):
        return under_tcg(path, place)
    return None


def under_tcg(path: Path, place: QemuPlace) -> tuple[str, ...]:
    """The argv for this QEMU under TCG."""
    domain = read_domain(path.read_bytes()).replace(type="qemu")
    host = suite_host(LIBVIRT / "firmware")
    return translate(domain, capabilities_of(place), binary=place.binary, host=host).argv


def libvirts_own(path: Path) -> tuple[str, ...]:
    """What libvirt makes of it, under TCG."""
    (line,) = path.parent.glob(f"{path.stem}.10.0.0.args")
    words = ["tcg" if before == "-accel" else word for before, word in pairwise(["", *split_shell(line.read_text())])]
    return tuple(words)


@pytest.mark.parametrize("path", domains(), ids=lambda path: path.stem)
def test_the_machine_is_made(path: Path, qemu_binary: str, whole: Path) -> None:
    make_the_machine(path, qemu_binary, whole)


def make_the_machine(path: Path, qemu_binary: str, whole: Path) -> None:
    """Start it and look at it, where this QEMU has all of it; note it where nothing was left out."""
    place = QemuPlace("installed", qemu_binary)
    argv = is_accepted(path, place)
    if argv is None:
        return
    with shared_directory(place) as (ours, theirs):
        adapted = adapt_argv(argv, ours, theirs)
        aio(look(place, adapted), debug=False)
    if not adapted.left_out:
        (whole / path.stem).touch()


@pytest.mark.parametrize("name", REFUSED_BY_QEMU)
def test_what_qemu_refuses_is_refused(name: str, qemu_binary: str) -> None:
    place = QemuPlace("installed", qemu_binary)
    path = LIBVIRT / "pairs" / f"{name}.xml"
    theirs_says, ours_says = REFUSED_BY_QEMU[name]
    with pytest.raises(RefusedError, match=ours_says):
        under_tcg(path, place)
    with shared_directory(place) as (ours, theirs):
        adapted = adapt_argv((qemu_binary, *libvirts_own(path)[1:]), ours, theirs)
        with pytest.raises(EndedEarlyError, match=theirs_says):
            aio(look(place, adapted), debug=False)


def test_enough_of_them_start_whole(qemu_binary: str, whole: Path) -> None:
    place = QemuPlace("installed", qemu_binary)
    for path in domains():
        if len(list(whole.iterdir())) >= AT_LEAST:
            return
        if not (whole / path.stem).exists() and is_accepted(path, place) is not None:
            make_the_machine(path, qemu_binary, whole)
    assert len(list(whole.iterdir())) >= AT_LEAST


async def look(place: QemuPlace, adapted: Adapted) -> None:
    """Start it, and find every device, disk and character device of the argv."""
    async with start_qemu(place, adapted.argv) as qemu:
        children = {entry["name"] for entry in await qemu.execute("qom-list", path="/machine/peripheral")}
        assert ids_in(adapted.argv) <= children
        # One for each host bridge (a pxb is one), and none where the machine has no PCI.
        root_buses = await qemu.execute("query-pci")
        assert on_root_bus(adapted.argv) <= {device["qdev_id"] for bus in root_buses for device in bus["devices"]}
        nodes = {node["node-name"] for node in await qemu.execute("query-named-block-nodes")}
        assert {node["node-name"] for node in trees(adapted.argv, "-blockdev")} <= nodes
        await look_at_disks(qemu, adapted.argv)
        labels = {entry["label"] for entry in await qemu.execute("query-chardev")}
        assert {chardev_id(value) for value in values(adapted.argv, "-chardev")} <= labels
        ended = await qemu.quit()
    assert ended.status == 0, ended.stderr
    assert "not used" not in ended.stderr


async def look_at_disks(qemu: RunningQemu, argv: tuple[str, ...]) -> None:
    """Every device with a drive is in ``query-block``, with that drive in it."""
    found = {}
    for entry in await qemu.execute("query-block"):
        name = entry.get("qdev", "").removeprefix("/machine/peripheral/").partition("/")[0]
        found[name] = entry.get("inserted", {}).get("node-name")
    for device in trees(argv, "-device"):
        if "drive" in device:
            assert found.get(device["id"]) == device["drive"], device


def values(argv: tuple[str, ...], flag: str) -> list[str]:
    """The value of every option of this name."""
    return [value for word, value in pairwise(argv) if word == flag]


def trees(argv: tuple[str, ...], flag: str) -> list[dict[str, Any]]:
    """Every JSON value of an option."""
    return [json.loads(value) for value in values(argv, flag) if value.startswith("{")]


def chardev_id(value: str) -> str:
    """The id in a ``-chardev``."""
    match = re.search(r"(?:^|,)id=([^,]*)", value)
    assert match is not None, value
    return match.group(1)


def on_root_bus(argv: tuple[str, ...]) -> set[str]:
    """The ids of the devices on the root bus; what is behind a bridge is seen once firmware has numbered the buses."""
    roots = ("pci.0", "pcie.0")
    devices = [device for device in trees(argv, "-device") if device.get("bus") in roots and "addr" in device]
    return {device["id"] for device in devices if "id" in device}
