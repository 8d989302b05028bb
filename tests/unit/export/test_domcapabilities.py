"""Domain capabilities: what is told, what is left out, and on what grounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.evidence import Verdict
from prober.capabilities.models import Accelerator, CpuModel, Machine, Version
from prober.errors import UnknownNameError, UsageError
from prober.export.domcapabilities import DomainCapabilities, DomainsAsked, tell_domains
from prober.export.rows import DEVICES, FEATURES, LAUNCH_SECURITY, MEMORY_BACKING
from prober.host.descriptor import Descriptor
from prober.host.host import Host
from tests.recordings import load_capabilities, without_lists
from tests.unit.export.hosts import ENLIGHTENED, RECORDED, nehalem

FIXED = load_capabilities(RECORDED["10.0.13"])


def tell(caps: Capabilities, host: Host | None = None, **asked: Any) -> etree._Element:
    told = tell_domains(caps, DomainsAsked(**asked), binary="x", host=host)
    return etree.fromstring(told.xml.encode())


def values(document: etree._Element, place: str, enum: str) -> list[str | None]:
    return [value.text for value in document.findall(f"{place}/enum[@name='{enum}']/value")]


def supported(document: etree._Element, place: str) -> str | None:
    node = document.find(place)
    return None if node is None else node.get("supported")


def row(told: DomainCapabilities, name: str) -> tuple[Verdict, str]:
    return next((one.verdict, one.because) for one in told.told if one.name == name)


def test_what_is_unknown_is_left_out_and_said_to_be_unknown() -> None:
    caps = without_lists(FIXED)
    assert values(tell(FIXED), "devices/graphics", "type") == ["vnc"]
    assert values(tell(caps), "devices/graphics", "type") == ["vnc"]
    for one, verdict in ((FIXED, Verdict.absent), (caps, Verdict.unknown)):
        assert row(tell_domains(one, DomainsAsked(), binary="x"), "egl-headless")[0] is verdict
    old = without_lists(load_capabilities(RECORDED["5.2.0"]))
    assert row(tell_domains(old, DomainsAsked(), binary="x"), "dbus")[0] is Verdict.absent  # as its schema says
    empty = Capabilities(version=Version(major=10, minor=0, micro=0), target="x86_64", accelerators={"tcg": MACHINES})
    document = tell(empty)
    assert document.find("devices/rng") is None
    assert document.find("features/vmcoreinfo") is None
    assert document.find("iothreads") is None
    assert supported(tell(empty, assume_unknown_present=True), "devices/rng") == "yes"
    told = tell_domains(empty, DomainsAsked(assume_unknown_present=True), binary="x")
    assert "--assume-unknown-present" in row(told, "vmcoreinfo")[1]


MACHINES = Accelerator(machines={"pc": Machine(name="pc", is_default=True, cpu_max=3)})


def test_every_row_says_why() -> None:
    told = tell_domains(FIXED, DomainsAsked(), binary="qemu", path="/opt/qemu")
    assert (told.binary, told.path, told.virttype, told.machine) == ("qemu", "/opt/qemu", "qemu", "pc-i440fx-10.0")
    assert all(one.because for one in told.told)
    groups = (MEMORY_BACKING, *DEVICES, LAUNCH_SECURITY)
    rows = sum(len(values.values) for group in groups for values in group.enums) + len(FEATURES)
    assert len(told.told) > rows
    assert row(told, "memfd") == (Verdict.present, "qom-list-types lists this type")


def test_rows_are_named_once() -> None:
    for group in (MEMORY_BACKING, *DEVICES, LAUNCH_SECURITY):
        assert group.decides in {one.name for one in group.enums}
        for one in group.enums:
            assert len({name for name, _ in one.values}) == len(one.values), (group.name, one.name)


def test_ide_is_of_pc_alone_and_a_name_or_alias_will_do() -> None:
    assert "ide" in values(tell(FIXED, machine="pc"), "devices/disk", "bus")
    for machine in ("q35", "pc-q35-10.0"):
        document = tell(FIXED, machine=machine)
        assert document.findtext("machine") == "pc-q35-10.0"
        assert "ide" not in values(document, "devices/disk", "bus")
        assert "sata" in values(document, "devices/disk", "bus")
    assert supported(tell(FIXED, machine="microvm"), "features/ps2") == "no"


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"machine": "q36"}, UnknownNameError, "has no machine 'q36'"),
        ({"virttype": "kvm"}, UsageError, "not asked for domains of type kvm"),
        ({"virttype": "xen"}, UsageError, "no domain has type 'xen'"),
        ({"arch": "aarch64"}, UsageError, "runs no guests of 'aarch64'"),
    ],
)
def test_what_it_cannot_tell_of(asked: dict[str, Any], error: type[UsageError], words: str) -> None:
    with pytest.raises(error, match=words) as raised:
        tell(FIXED, **asked)
    assert raised.value.hint


def test_the_smaller_architecture_is_told_too() -> None:
    assert tell(FIXED, arch="i686").findtext("arch") == "i686"


def test_without_any_accelerator_or_machine_it_says_so() -> None:
    bare = Capabilities(version=Version(major=10, minor=0, micro=0), target="x86_64")
    with pytest.raises(UsageError, match="not asked for domains"):
        tell(bare)
    none = Capabilities(version=bare.version, target="x86_64", accelerators={"tcg": Accelerator()})
    with pytest.raises(UnknownNameError, match="no machine by default"):
        tell(none)


def test_the_hosts_cpu_is_a_named_model_with_what_differs() -> None:
    document = tell(nehalem(besides=("vmx",), unmigratable=("invtsc",)))
    mode = document.find("cpu/mode[@name='host-model']")
    assert mode is not None
    assert (mode.findtext("model"), mode.findtext("vendor")) == ("Nehalem", "Intel")
    assert {one.get("name"): one.get("policy") for one in mode.findall("feature")} == {
        "vmx": "require",
        "invtsc": "require",  # it keeps a guest from being migrated, and libvirt tells of it all the same
    }
    assert values(document, "cpu/mode[@name='host-passthrough']", "hostPassthroughMigratable") == ["on", "off"]


def test_what_keeps_a_model_from_running_is_told_once_and_in_order() -> None:
    document = tell(nehalem(lacking={"Haswell": ("pclmulqdq", "avx2", "avx2"), "Penryn": None}))
    usable = {one.text: one.get("usable") for one in document.findall("cpu/mode[@name='custom']/model")}
    assert (usable["Haswell"], usable["Penryn"], usable["Nehalem"]) == ("no", "unknown", "yes")
    blockers = document.findall("cpu/mode[@name='custom']/blockers")
    assert [(one.get("model"), [feature.get("name") for feature in one]) for one in blockers] == [
        ("Haswell", ["avx2", "pclmuldq"])
    ]


def test_enlightenments_are_what_the_host_has_and_of_kvm_alone() -> None:
    caps = nehalem(hyperv=ENLIGHTENED)
    found = ["relaxed", "vapic", "spinlocks", "vpindex", "vendor_id"]
    assert values(tell(caps), "features/hyperv", "features") == found
    assert supported(tell(caps, virttype="qemu"), "features/hyperv") == "no"
    assert tell(nehalem(hyperv={})).find("features/hyperv") is None  # an old QEMU expands none


def test_protection_is_of_kvm_alone_and_as_the_host_says() -> None:
    assert supported(tell(nehalem()), "features/sev") == "no"
    assert supported(tell(nehalem()), "features/launchSecurity") == "no"
    caps = nehalem(sev={"cbitpos": 51, "reduced-phys-bits": 1, "cpu0-id": "YWJj"})
    assert tell(caps).findtext("features/sev/cpu0Id") == "YWJj"
    assert values(tell(caps), "features/launchSecurity", "sectype") == ["sev", "sev-snp"]
    assert supported(tell(caps, virttype="qemu"), "features/sev") == "no"
    assert supported(tell(FIXED), "features/sev") == "no"


def test_sgx_is_told_with_its_sections_or_the_old_total() -> None:
    caps = nehalem(sgx={"sgx": True, "sgx1": True, "sections": [{"node": 1, "size": 2048}, {"node": 2, "size": 1024}]})
    sgx = tell(caps).find("features/sgx")
    assert sgx is not None
    assert [(one.tag, one.text) for one in sgx][:4] == [
        ("flc", "no"), ("sgx1", "yes"), ("sgx2", "no"), ("section_size", "3"),
    ]  # fmt: skip
    assert [(one.get("node"), one.get("size")) for one in sgx.findall("sections/section")] == [("1", "2"), ("2", "1")]
    old = tell(nehalem(sgx={"sgx": True, "section-size": 4096}))
    assert old.findtext("features/sgx/section_size") == "4"
    assert supported(tell(nehalem(sgx={"sgx": False})), "features/sgx") == "no"


@pytest.mark.parametrize("sections", [None, 1, "ab", {"size": 1024}, [None, "ab"]])
def test_sections_of_sgx_that_are_none_count_for_nothing(sections: Any) -> None:
    document = tell(nehalem(sgx={"sgx": True, "sections": sections, "section-size": 4096}))
    assert document.findtext("features/sgx/section_size") == "4"
    assert document.find("features/sgx/sections") is None


def firmware(machines: str, *features: str, kind: str = "uefi", file: str = "/fw") -> Descriptor:
    return Descriptor.model_validate(
        {
            "interface-types": [kind],
            "mapping": {"device": "memory", "filename": file},
            "targets": [{"architecture": "x86_64", "machines": [machines]}],
            "features": list(features),
        }
    )


def test_the_firmware_is_what_fits_the_machine() -> None:
    fitting = firmware("pc-q35-*", "requires-smm"), firmware("pc-q35-*", kind="bios"), firmware("virt-*", file="/no")
    document = tell(FIXED, Host(firmware=fitting), machine="q35")
    assert values(document, "os", "firmware") == ["bios", "efi"]
    assert [one.text for one in document.findall("os/loader/value")] == ["/fw"]
    assert values(document, "os/loader", "secure") == ["yes", "no"]
    assert values(tell(FIXED, Host(firmware=fitting)), "os", "firmware") == []


@pytest.mark.slow
@given(
    names=st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True),
    cpus=st.lists(st.text(max_size=8), max_size=4, unique=True),
    target=st.sampled_from(["aarch64", "riscv64"]),
)
def test_whatever_names_a_qemu_has_the_document_can_be_read(names: list[str], cpus: list[str], target: str) -> None:
    machines = {name: Machine(name=name, is_default=True, cpu_max=1) for name in names}
    models = {name: CpuModel(name=name, unavailable_features=(name,)) for name in cpus}
    caps = Capabilities(
        version=Version(major=9, minor=0, micro=0),
        target=target,
        accelerators={"kvm": Accelerator(machines=machines, cpu_models=models)},
    )
    document = tell(caps)
    told = document.findall("cpu/mode[@name='custom']/model")
    assert len(told) == len(set(cpus) - {"host"})


def test_where_it_lies_is_told_as_it_is() -> None:
    told = tell_domains(FIXED, DomainsAsked(), binary="x", path=str(Path("/a&b/<'\"> c")))
    assert etree.fromstring(told.xml.encode()).findtext("path") == "/a&b/<'\"> c"
