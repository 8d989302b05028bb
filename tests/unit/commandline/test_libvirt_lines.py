"""Every command line that libvirt's own tests expect, held against the recording of the version that it is for.

Some of them no QEMU would take: libvirt's tests run without one.  Those are listed here, each with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from prober.capabilities import Capabilities
from prober.commandline.check import check
from prober.commandline.parse import parse_command_line, split_shell
from prober.commandline.refusal import Finding, Kind
from tests.recordings import LIBVIRT, load_capabilities

pytestmark = pytest.mark.libvirt

_NAME = re.compile(r".+\.(\d+\.\d+\.\d+)\.args")

_INVENTED = "the test of <qemu:commandline> invents it"
_NOT_BUILT = "the QEMU that was recorded was built without this audio backend"
_NO_ACPI = "the domain has no <acpi/>, so the machine has no PIIX4_PM, and QEMU would not use the option"

#: Pattern of the finding, reason, and the file names that it is in, without the version.
TRUE: tuple[tuple[str, str, frozenset[str]], ...] = (
    (r"has an option -unknown$", _INVENTED, frozenset({"qemu-ns-alt", "qemu-ns-no-env", "qemu-ns"})),
    (r"has no ide-hd\.prop[1-5]$", _INVENTED, frozenset({"qemu-ns"})),
    (r"'jack', which is not one of its values", _NOT_BUILT, frozenset({"audio-jack-full", "audio-jack-minimal"})),
    (r"'pipewire', which is not one of its", _NOT_BUILT, frozenset({"audio-pipewire-best", "audio-pipewire-full"})),
    (r"'coreaudio', which is not one of its values", _NOT_BUILT, frozenset({"audio-coreaudio-full"})),
    (
        r"has no vhost-vsock-pci-transitional$",
        "QEMU has no such type: vhost-vsock came after virtio 1.0 (hw/virtio/vhost-vsock-pci.c)",
        frozenset({"virtio-transitional"}),
    ),
    (
        r"slot 0x4 function 1 of pcie.0 cannot be had: the device at function 0 has no multifunction=on",
        "the XML asks for multifunction='off' there; QEMU 10.0 says the same of such a line",
        frozenset({"q35-multifunction"}),
    ),
    (
        r"is transitional here$",
        "QEMU makes no transitional device with iommu_platform (hw/virtio/virtio-pci.c, virtio_pci_device_plugged)",
        frozenset({"virtio-options", "virtio-options-fs-iommu", "virtio-options-memballoon-iommu",
                   "virtio-options-net-iommu", "virtio-options-rng-iommu"}),
    ),
    (
        r"(pc-dimm|nvdimm) needs ACPI, which this machine has turned off$",
        "the domain has no <acpi/> (hw/i386/pc.c, pc_memory_pre_plug)",
        frozenset({"hugepages-memaccess", "hugepages-numa-default-dimm", "hugepages-nvdimm", "memfd-memory-numa",
                   "memory-hotplug-dimm", "memory-hotplug-nvdimm-access", "memory-hotplug-nvdimm-overlap",
                   "pages-dimm-discard"}),
    ),
    (
        r"the image '.*' is written to by another already|^this reads the image '.*', which another writes to",
        "QEMU locks images (block/file-posix.c, raw_check_lock_bytes)",
        frozenset({"disk-scsi-disk-split", "disk-slices"}),
    ),
    (
        r"192\.0\.0\.1 is no multicast address",
        "it is none (net/socket.c, net_socket_mcast_create)",
        frozenset({"net-mcast"}),
    ),
    (
        r"ide\.0 has 2 units, and no unit [234]$",
        "an IDE bus has two (hw/ide/ide-dev.c, ide_qdev_realize)",
        frozenset({"disk-blockio", "disk-source-pool", "disk-source-pool-mode"}),
    ),
    (
        r"unit 0 of ide\.0 is taken by 'ARGUMENT', a word without a dash$",
        "such a word is a disk at the first unit, as that of -hda (system/vl.c, qemu_init)",
        frozenset({"qemu-ns-commandline", "qemu-ns-commandline-ns0", "qemu-ns-commandline-ns1",
                   "qemu-ns-domain-commandline"}),
    ),
    (
        r"there is no bus 'ide\.2' when this device is made",
        "pc has two IDE buses (hw/i386/pc_piix.c, pc_init1)",
        frozenset({"disk-snapshot"}),
    ),
    (
        r"discard_granularity is 512 here, not 4096$",
        "an IDE disk takes no other (hw/ide/ide-dev.c, ide_dev_initfn)",
        frozenset({"disk-blockio"}),
    ),
    (
        r"shares the guest's memory with another process, and that memory is not shared$",
        "the other process gets none of it (hw/virtio/vhost-user.c, vhost_user_fill_set_mem_table_msg)",
        frozenset({"virtio-options"}),
    ),
    (
        r"the size of a raw node is a multiple of 512",
        "the slice that the XML asks for is not (block/raw-format.c, raw_apply_options)",
        frozenset({"disk-slices"}),
    ),
)  # fmt: skip


def lines() -> list[Path]:
    return sorted(path for path in (LIBVIRT / "pairs").glob("*.args") if _NAME.fullmatch(path.name))


@cache
def capabilities(version: str) -> Capabilities | None:
    path = LIBVIRT / "replies" / f"qemu-{version}.replies.xz"
    return load_capabilities(path) if path.exists() else None


def bad(path: Path) -> Iterator[Finding]:
    """What the check holds against a line, unless nothing is recorded of its version."""
    match = _NAME.fullmatch(path.name)
    caps = capabilities(match.group(1)) if match else None
    if caps is not None:
        parsed = parse_command_line(split_shell(path.read_text()))
        for finding in [*parsed.findings, *check(parsed.options, caps)]:
            if finding.kind in (Kind.error, Kind.ignored):
                yield finding


def reason(path: Path, finding: Finding) -> str:
    if finding.kind is Kind.ignored and finding.message.endswith(
        "without ACPI has no PIIX4_PM, and QEMU would ignore this"
    ):
        return _NO_ACPI
    stem = path.name.rsplit(".", 4)[0]
    return next((why for pattern, why, stems in TRUE if stem in stems and re.search(pattern, finding.message)), "")


@pytest.mark.slow
def test_only_true_faults_are_found() -> None:
    paths = lines()
    assert sum(path.name.endswith(".10.0.0.args") for path in paths) > 400
    wrong = [f"{path.name}: {finding}" for path in paths for finding in bad(path) if not reason(path, finding)]
    assert wrong == []


@pytest.mark.slow
def test_each_true_fault_is_found() -> None:
    found = [(path, finding.message) for path in lines() for finding in bad(path)]
    for pattern, _, stems in TRUE:
        assert {path.name.rsplit(".", 4)[0] for path, message in found if re.search(pattern, message)} == stems
