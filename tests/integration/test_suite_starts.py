"""A second authority on libvirt's domains: the installed QEMU makes each machine, and shows what is in it."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from prober.commandline.parse import split_shell
from prober.commandline.refusal import Kind
from prober.errors import RefusedError
from prober.proof.models import ProofVerdict
from prober.translate.pipeline import translate
from prober.translate.read import read_domain
from prober.translate.translation import Translation
from tests.conformance.suite import suite_host
from tests.conftest import QemuPlace
from tests.integration.proving import prove_translation, prove_words
from tests.integration.real_qemu import capabilities_of
from tests.integration.test_accepted_cases import OF_TCG
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
    # ``block/file-posix.c``, ``raw_check_lock_bytes``
    "disk-scsi-disk-split": ('Failed to get "write" lock', "is written to by another already"),
    # ``net/socket.c``, ``net_socket_mcast_create``
    "net-mcast": ("does not contain a multicast address", "is no multicast address"),
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


def is_accepted(path: Path, place: QemuPlace) -> Translation | None:
    """The translation for this QEMU under TCG, or None where it has not all of it."""
    with suppress(RefusedError):
        return under_tcg(path, place)
    return None


def under_tcg(path: Path, place: QemuPlace) -> Translation:
    """The translation for this QEMU under TCG."""
    domain = read_domain(path.read_bytes()).replace(type="qemu")
    host = suite_host(LIBVIRT / "firmware")
    return translate(domain, capabilities_of(place), binary=place.binary, host=host)


def libvirts_own(path: Path) -> tuple[str, ...]:
    """What libvirt makes of it, under TCG."""
    (line,) = path.parent.glob(f"{path.stem}.10.0.0.args")
    words = ["tcg" if before == "-accel" else word for before, word in pairwise(["", *split_shell(line.read_text())])]
    return tuple(words)


@pytest.mark.parametrize("path", domains(), ids=lambda path: path.stem)
def test_the_machine_is_made(path: Path, qemu_binary: str, whole: Path) -> None:
    make_the_machine(path, qemu_binary, whole)


def make_the_machine(path: Path, qemu_binary: str, whole: Path) -> None:
    """Prove it, where this QEMU has all of it; note it where nothing was left out.

    A proof reads each value back, and finds each device, block node and character device of the argv; its PCI devices
    are where the line puts them, and hot-plug is as it is told.
    """
    place = QemuPlace("installed", qemu_binary)
    translation = is_accepted(path, place)
    if translation is None:
        return
    proof = prove_translation(place, translation)
    assert proof.verdict in (ProofVerdict.proven, ProofVerdict.in_part), (proof.said, proof.reason)
    assert proof.unread == ()
    odd = [one for one in proof.findings if one.kind in (Kind.error, Kind.ignored) and not OF_TCG.search(one.message)]
    assert odd == []
    if not proof.left_out:
        (whole / path.stem).touch()


@pytest.mark.parametrize("name", REFUSED_BY_QEMU)
def test_what_qemu_refuses_is_refused(name: str, qemu_binary: str) -> None:
    place = QemuPlace("installed", qemu_binary)
    path = LIBVIRT / "pairs" / f"{name}.xml"
    theirs_says, ours_says = REFUSED_BY_QEMU[name]
    with pytest.raises(RefusedError, match=ours_says):
        under_tcg(path, place)
    proof = prove_words(place, libvirts_own(path), anyway=True)
    assert (proof.verdict, proof.ground) == (ProofVerdict.refused, "proven")
    assert re.search(theirs_says, proof.said), proof.said


def test_enough_of_them_start_whole(qemu_binary: str, whole: Path) -> None:
    place = QemuPlace("installed", qemu_binary)
    for path in domains():
        if len(list(whole.iterdir())) >= AT_LEAST:
            return
        if not (whole / path.stem).exists() and is_accepted(path, place) is not None:
            make_the_machine(path, qemu_binary, whole)
    assert len(list(whole.iterdir())) >= AT_LEAST
