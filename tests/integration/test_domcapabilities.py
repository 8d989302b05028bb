"""Domain capabilities against libvirt's own schema, and of a QEMU that is asked here and now."""

from __future__ import annotations

import fcntl
import json
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from prober.export.domcapabilities import DomainsAsked, tell_domains
from prober.qemu.launch import find_kvm
from tests.conftest import CHECKOUT, QemuPlace
from tests.integration.packages import find_in_package
from tests.integration.processes import run_prober
from tests.recordings import FIXTURES, load_capabilities
from tests.unit.export.hosts import ENLIGHTENED, nehalem

#: What Debian 12's libvirt (9.0) has no word for yet, and 11.3 has.
_LATER = (
    ".//blockers", "devices/crypto", "devices/interface", "devices/panic", "features/async-teardown", "features/ps2",
    "features/launchSecurity", "features/sev/cpu0Id",
)  # fmt: skip


@cache
def schema() -> etree.RelaxNG:
    """libvirt's schema; taken out of Debian's package where it was not yet."""
    kept = CHECKOUT / "build" / "libvirt-schemas"
    kept.mkdir(parents=True, exist_ok=True)
    with (kept / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the tests run in several processes
        for name in ("basictypes.rng", "cputypes.rng", "domaincaps.rng"):
            member = f"./usr/share/libvirt/schemas/{name}"
            found = find_in_package("PROBER_LIBVIRT_SCHEMA", kept / name, "libvirt", member)
    return etree.RelaxNG(etree.parse(found))


def assert_valid(xml: str) -> None:
    document = etree.fromstring(xml.encode())
    for path in _LATER:
        for node in document.findall(path):
            parent = node.getparent()
            assert parent is not None
            parent.remove(node)
    for model in document.findall("cpu/mode/model[@canonical]"):
        del model.attrib["canonical"]
    rules = schema()
    assert rules.validate(document), rules.error_log.last_error


@pytest.mark.parametrize("machine", ["pc", "q35", "microvm"])
@pytest.mark.parametrize("path", sorted(FIXTURES.glob("qemu-[0-9]*.replies.xz")), ids=lambda path: path.name)
def test_what_is_told_of_a_recording_is_valid(path: Path, machine: str) -> None:
    caps = load_capabilities(path)
    for assume in (False, True):
        assert_valid(tell_domains(caps, DomainsAsked(machine=machine, assume_unknown_present=assume), binary="x").xml)


def test_a_host_with_all_that_there_is_is_valid() -> None:
    sections = [{"node": 0, "size": 1 << 20}, {"node": 1, "size": 1 << 20}]
    caps = nehalem(
        lacking={"Haswell": ("avx2",)},
        hyperv=ENLIGHTENED,
        sev={"cpu0-id": "YWJj"},
        sgx={"sgx": True, "sgx1": True, "sections": sections},
    )
    told = tell_domains(caps, DomainsAsked(machine="q35"), binary="x").xml
    assert "<cpu0Id>" in told
    assert "<section node=" in told
    assert_valid(told)


def test_the_schema_sees_a_fault() -> None:
    with pytest.raises(AssertionError):
        assert_valid("<domainCapabilities><domain>kvm</domain><arch>x86_64</arch><cpu/></domainCapabilities>")


@pytest.fixture(name="recorded", scope="module")
def _recorded(any_qemu: QemuPlace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("told") / "x.replies"
    root = ["--root", any_qemu.root] if any_qemu.root is not None else []
    assert run_prober("record", any_qemu.binary, *root, "-o", path).code == 0
    return path


def test_of_a_binary_that_is_asked_now(any_qemu: QemuPlace, recorded: Path) -> None:
    told = json.loads(run_prober("domcapabilities", "--replies", recorded, "--machine", "q35", "--json").out)
    assert_valid(told["xml"])
    document = etree.fromstring(told["xml"])
    with_kvm = find_kvm(any_qemu.root)
    assert told["virttype"] == ("kvm" if with_kvm else "qemu")
    for mode in ("host-passthrough", "host-model"):
        node = document.find(f"cpu/mode[@name='{mode}']")
        assert node is not None
        assert node.get("supported") == ("yes" if with_kvm or mode == "host-model" else "no")
    assert [value.text for value in document.findall("devices/disk/enum[@name='bus']/value")][-1] == "sata"


def test_labels_of_a_binary_that_is_asked_now(any_qemu: QemuPlace, recorded: Path) -> None:
    lines = run_prober("labels", "--replies", recorded).out.splitlines()
    names = {line.partition("/")[0] for line in lines}
    assert ("host-model-cpu.node.kubevirt.io" in names) is bool(find_kvm(any_qemu.root))
    assert ("prober.dev/kvm=true" in lines) is bool(find_kvm(any_qemu.root))
