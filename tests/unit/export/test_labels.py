"""Labels: each that is told Kubernetes takes, each has its grounds, and what is unknown has none."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.models import Accelerator, CpuExpansion, CpuModel, Machine, Version
from prober.errors import UsageError
from prober.export.feature_file import MOST_BYTES, feature_file
from prober.export.label_rows import HYPERV_NAMES, KUBEVIRT, OBSOLETE, PROBER
from prober.export.labels import hex_of, is_label, labels_of
from prober.export.rows import HYPERV
from prober.fleet.blobs import pack_part
from prober.fleet.parts import split
from prober.guest.cpu.map import cpu_map
from tests.recordings import load_capabilities
from tests.unit.export.hosts import ENLIGHTENED, RECORDED, nehalem

#: Kubernetes' own words for it: ``a valid label must be an empty string or consist of alphanumeric characters, '-', '_'
#: or '.', and must start and end with an alphanumeric character``, at most 63 of them.
VALUE = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")


def may_be(name: str, value: str) -> bool:
    """The same in other words than the program's."""
    prefix, slash, own = name.rpartition("/")
    parts = prefix.split(".") if slash else []
    if len(prefix) > 253 or not all(re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", part) for part in parts):
        return False
    return all(
        len(text) <= 63 and text.isascii() and VALUE.fullmatch(text) is not None
        for text in (own, *([value] * bool(value)))
    )


def named(caps: Capabilities) -> dict[str, str]:
    return {label.name: label.value for label in labels_of(caps)}


NAMES = st.text("aZ9-_./ =\n\u00e9", max_size=6) | st.sampled_from(["a" * 63, "a" * 64, "-a", "a.", "q35"])


@pytest.mark.slow
@given(
    st.one_of(NAMES, st.builds("{}/{}".format, NAMES, NAMES), st.builds("{}.dev/{}".format, NAMES, NAMES)),
    NAMES,
)
def test_what_a_label_may_be(name: str, value: str) -> None:
    assert is_label(name, value) is may_be(name, value)


@pytest.mark.slow
@given(st.lists(NAMES, max_size=4), st.lists(NAMES, max_size=4), NAMES, st.integers(0, 99))
def test_whatever_a_qemu_says_kubernetes_takes_each_label(
    machines: list[str], aliases: list[str], vendor: str, number: int
) -> None:
    listed = {
        name: Machine(name=name, alias=alias) for name, alias in zip(machines, [*aliases, *[None] * 4], strict=False)
    }
    models = {name: CpuModel(name=name, unavailable_features=()) for name in (*machines, "Nehalem", "EPYC")}
    expansion = CpuExpansion(type="static", model="host", props={"vendor": vendor, "family": number, "sse2": True})
    caps = Capabilities(
        version=Version(major=number, minor=number, micro=number),
        target=vendor,
        accelerators={"kvm": Accelerator(machines=listed, cpu_models=models, cpu_expansions=(expansion,))},
    )
    for target in (vendor, "x86_64"):
        labels = labels_of(caps.model_copy(update={"target": target}))
        assert [label for label in labels if not may_be(label.name, label.value)] == []
        assert len({label.name for label in labels}) == len({(label.name, label.value) for label in labels})
        text = feature_file((label.name, label.value) for label in labels)
        assert dict(line.split("=", 1) for line in text.splitlines()) == {one.name: one.value for one in labels}


def test_every_row_is_a_label_that_may_be() -> None:
    rows = (*KUBEVIRT, *PROBER)
    assert all(may_be(row.name, row.value) for row in rows)
    assert len({row.name for row in rows}) == len(rows)
    assert set(HYPERV_NAMES.values()) <= set(HYPERV)
    assert set(cpu_map().models) >= OBSOLETE


@pytest.mark.parametrize("version", RECORDED)
def test_without_kvm_nothing_is_said_of_the_host(version: str) -> None:
    found = named(load_capabilities(RECORDED[version]))
    assert {name.partition("/")[0] for name in found} == {"machine-type.node.kubevirt.io", "prober.dev"}
    assert "prober.dev/kvm" not in found
    assert found["machine-type.node.kubevirt.io/q35"] == "true"
    assert "machine-type.node.kubevirt.io/none" not in found


def test_the_hosts_cpu_and_the_models_that_it_runs() -> None:
    lacking = {"Penryn": None, "Penryn-v1": ("sse4.1",)}
    found = named(nehalem(besides=("vmx",), unmigratable=("invtsc",), lacking=lacking))
    assert found["host-model-cpu.node.kubevirt.io/Nehalem"] == "true"
    assert found["cpu-vendor.node.kubevirt.io/Intel"] == "true"
    required = {name.partition("/")[2] for name in found if name.startswith("host-model-required")}
    assert required == {"vmx", "invtsc"}
    features = {name.partition("/")[2] for name in found if name.startswith("cpu-feature")}
    known = cpu_map()
    assert features == {*known.names_of(known.models["Nehalem"].bits), "vmx", "invtsc"}
    models = {name.partition("/")[2] for name in found if name.startswith("cpu-model.")}
    # Haswell runs by what QEMU says, but the host has not what libvirt says of it; Conroe is obsolete; of Penryn
    # nothing is known.
    assert models == {"Nehalem", "Nehalem-v1"}
    assert {name.partition("/")[2] for name in found if name.startswith("cpu-model-migration")} == models


def test_a_host_whose_own_model_does_not_run_is_migrated_to_all_the_same() -> None:
    names = [name for name in cpu_map().models if name.startswith("Nehalem")]
    found = named(nehalem(lacking=dict.fromkeys(names, ("xsaves",))))
    assert found["host-model-cpu.node.kubevirt.io/Nehalem"] == "true"
    assert "cpu-model.node.kubevirt.io/Nehalem" not in found
    assert found["cpu-model-migration.node.kubevirt.io/Nehalem"] == "true"


def test_enlightenments_have_kubevirts_names() -> None:
    found = named(nehalem(hyperv={**ENLIGHTENED, "hv-stimer": True}))
    names = {name.partition("/")[2] for name in found if name.startswith("hyperv")}
    assert names == {"base", "vpindex", "synictimer"}


def test_protection_has_labels_without_a_value() -> None:
    found = named(nehalem(sev={"cbitpos": 51}, sgx={"sgx": True}))
    assert (found["kubevirt.io/sev"], found["kubevirt.io/sev-snp"], found["prober.dev/sgx"]) == ("", "", "true")
    assert {"kubevirt.io/sev", "prober.dev/sgx"}.isdisjoint(named(nehalem()))


def test_a_build_is_named_as_the_fleet_names_it() -> None:
    caps = load_capabilities(RECORDED["10.0.13"])
    build, variant = split(caps)
    found = named(caps)
    assert found["prober.dev/build"] == hex_of(pack_part(build)[0])
    assert found["prober.dev/variant"] == hex_of(pack_part(variant)[0])
    assert re.fullmatch(r"[0-9a-f]{40}", found["prober.dev/build"])
    kvm = named(nehalem())
    assert kvm["prober.dev/build"] == found["prober.dev/build"], "the same QEMU on another host"
    assert kvm["prober.dev/variant"] != found["prober.dev/variant"]


def test_labels_say_on_what_they_stand() -> None:
    labels = {label.name: label for label in labels_of(nehalem(hyperv=ENLIGHTENED))}
    assert labels["prober.dev/device.vfio-pci"].because == "qom-list-types lists this type"
    assert "hv-vpindex is true" in labels["hyperv.node.kubevirt.io/vpindex"].because
    assert all(label.because for label in labels.values())


def test_who_asks_for_types_loads_nothing_of_it() -> None:
    script = "import sys; import prober.service.answers; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert "prober.export.label" in loaded
    assert {"prober.export.labels", "prober.guest.cpu.map"}.isdisjoint(loaded)


def test_a_file_that_would_not_be_read_is_not_made(tmp_path: Path) -> None:
    line = "prober.dev/a=true\n"
    most = MOST_BYTES // len(line)
    assert len(feature_file([("prober.dev/a", "true")] * most)) <= MOST_BYTES
    with pytest.raises(UsageError, match="reads at most 65536"):
        feature_file([("prober.dev/a", "true")] * (most + 1))
