"""Split and joined, capabilities are what they were, to the byte; and a build is the same on every host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.capabilities import Capabilities
from prober.capabilities.models import Accelerator, CpuExpansion, CpuModel, Kvm, Machine, Version
from prober.fleet.names import canonical
from prober.fleet.parts import Build, HostAccelerator, Variant, join, split
from tests.recordings import FIXTURES, load_capabilities

pytestmark = pytest.mark.slow

FILES = sorted(FIXTURES.glob("*.replies.xz"))

NAMES = st.text("abcd-", min_size=1, max_size=3)
FEATURES = st.lists(NAMES, max_size=3).map(tuple)


def named(names: list[str], make: Any) -> dict[str, Any]:
    return {name: make(name) for name in dict.fromkeys(names)}


@st.composite
def accelerators(draw: st.DrawFn) -> Accelerator:
    models = draw(st.none() | st.lists(NAMES, max_size=4))
    machines = draw(st.none() | st.lists(NAMES, max_size=3))
    return Accelerator(
        machines=None
        if machines is None
        else named(machines, lambda name: Machine(name=name, alias=draw(st.none() | NAMES))),
        cpu_models=None
        if models is None
        else named(
            models,
            lambda name: CpuModel(
                name=name, unavailable_features=draw(st.none() | FEATURES), static=draw(st.none() | st.booleans())
            ),
        ),
        cpu_expansions=tuple(
            draw(
                st.lists(
                    st.builds(
                        CpuExpansion, type=NAMES, model=NAMES, props=st.none() | st.dictionaries(NAMES, st.booleans())
                    ),
                    max_size=2,
                )
            )
        ),
    )


CAPABILITIES = st.builds(
    Capabilities,
    version=st.builds(Version, major=st.integers(1, 11), minor=st.just(0), micro=st.just(0)),
    target=st.just("x86_64"),
    kvm=st.none() | st.builds(Kvm, present=st.booleans(), enabled=st.booleans()),
    commands=st.none() | st.frozensets(NAMES),
    types=st.none() | st.dictionaries(NAMES, st.none() | NAMES),
    accelerators=st.dictionaries(st.sampled_from(["kvm", "tcg", "hvf"]), accelerators()),
    sev=st.none() | st.dictionaries(NAMES, st.integers()),
)


@given(CAPABILITIES)
def test_joined_it_is_what_it_was(whole: Capabilities) -> None:
    build, variant = split(whole)
    assert canonical(join(build, variant)) == canonical(whole)
    stored = Build.model_validate_json(canonical(build)), Variant.model_validate_json(canonical(variant))
    assert canonical(join(*stored)) == canonical(whole)


@given(CAPABILITIES, st.data())
def test_what_a_host_lacks_makes_no_other_build(whole: Capabilities, data: st.DataObject) -> None:
    def elsewhere(models: dict[str, CpuModel] | None) -> dict[str, CpuModel] | None:
        lacking = (st.none() | FEATURES).map(lambda features: {"unavailable_features": features})
        return models and {name: model.model_copy(update=data.draw(lacking)) for name, model in models.items()}

    changed = {
        name: one.model_copy(update={"cpu_models": elsewhere(one.cpu_models), "cpu_expansions": ()})
        for name, one in whole.accelerators.items()
    }
    other = whole.model_copy(update={"accelerators": changed, "kvm": None, "sev": None})
    assert canonical(split(other)[0]) == canonical(split(whole)[0])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_recording_is_joined_as_it_was(file: Path) -> None:
    whole = load_capabilities(file)
    build, variant = split(whole)
    joined = join(Build.model_validate_json(canonical(build)), Variant.model_validate_json(canonical(variant)))
    assert joined == whole
    assert canonical(joined) == canonical(whole)
    assert joined.supports("PIIX4_PM.acpi-root-pci-hotplug") == whole.supports("PIIX4_PM.acpi-root-pci-hotplug")


def test_one_list_serves_two_accelerators() -> None:
    """What KVM lists is what TCG lists, but for what the host lacks: a host without KVM has the same build."""
    machines = {"pc": Machine(name="pc")}
    under_tcg = Accelerator(machines=machines, cpu_models={"qemu64": CpuModel(name="qemu64", unavailable_features=())})
    under_kvm = Accelerator(
        machines=machines, cpu_models={"qemu64": CpuModel(name="qemu64", unavailable_features=("svm",))}
    )
    version = Version(major=7, minor=2, micro=0)
    both = Capabilities(version=version, target="x86_64", accelerators={"kvm": under_kvm, "tcg": under_tcg})
    only = Capabilities(version=version, target="x86_64", accelerators={"tcg": under_tcg})
    assert canonical(split(both)[0]) == canonical(split(only)[0])
    assert split(both)[1].accelerators["kvm"].unavailable == {"qemu64": ("svm",)}


@pytest.mark.parametrize(
    "host", [HostAccelerator(models=1), HostAccelerator(models=-1), HostAccelerator(models=0, unavailable={"zeta": ()})]
)
def test_a_variant_of_another_build_is_refused(host: HostAccelerator) -> None:
    build, _ = split(load_capabilities(FILES[0]))
    with pytest.raises(ValueError, match="a variant names"):
        join(build, Variant(accelerators={"tcg": host}))
