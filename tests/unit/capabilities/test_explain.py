"""What is known of a fact, and which recorded versions have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from prober.capabilities import Capabilities
from prober.capabilities.explain import (
    AboutCommand,
    AboutCpu,
    AboutKey,
    AboutMachine,
    AboutMember,
    AboutOption,
    AboutProperty,
    AboutType,
    AboutValue,
    Explanation,
    explain,
)
from prober.capabilities.history import trace
from prober.errors import FactError
from tests.recordings import FIXTURES, LIBVIRT, load_capabilities
from tests.unit.capabilities.making import make_recording

VERSIONS = ("5.2.0", "7.2.22", "10.0.13", "11.1.2")


@pytest.fixture(scope="module")
def bundled() -> dict[str, Capabilities]:
    return {version: load_capabilities(FIXTURES / f"qemu-{version}.replies.xz") for version in VERSIONS}


@pytest.fixture(scope="module")
def caps(bundled: dict[str, Capabilities]) -> Capabilities:
    return bundled["7.2.22"]


def test_a_property_and_its_default(bundled: dict[str, Capabilities]) -> None:
    """7.2 does not tell defaults where it is asked with qom-list-properties, and 10.0 does."""
    fact = "PIIX4_PM.acpi-root-pci-hotplug"
    older, newer = explain(bundled["7.2.22"], fact).about, explain(bundled["10.0.13"], fact).about
    assert isinstance(older, AboutProperty)
    assert isinstance(newer, AboutProperty)
    assert (older.of, older.name, older.type, older.default_told) == (
        "PIIX4_PM",
        "acpi-root-pci-hotplug",
        "bool",
        False,
    )
    assert "tells no defaults" in older.default_note
    assert (newer.default, newer.default_told, newer.default_note) == (True, True, "")
    # A property that has no default is another matter than a QEMU that tells none.
    without = explain(bundled["10.0.13"], "virtio-blk-pci.drive").about
    assert isinstance(without, AboutProperty)
    assert "told none for this property" in without.default_note


def test_a_property_of_a_machine_and_of_a_family(caps: Capabilities) -> None:
    hpet = explain(caps, "pc.hpet").about
    assert isinstance(hpet, AboutProperty)
    assert (hpet.of, hpet.type) == ("pc-i440fx-7.2-machine", "bool")
    avx = explain(caps, "Penryn-x86_64-cpu.avx").about
    assert isinstance(avx, AboutProperty)
    assert avx.type == "bool"


def test_types_machines_and_cpu_models(caps: Capabilities) -> None:
    assert explain(caps, "PIIX4_PM").about == AboutType(
        name="PIIX4_PM",
        abstract=False,
        parents=("pci-device", "device", "object"),
        properties=len(caps.properties_of("PIIX4_PM") or ()),
    )
    assert explain(caps, "pci-device").about == AboutType(
        name="pci-device", abstract=True, parents=("device", "object"), properties=None
    )
    machine = explain(caps, "q35").about
    assert isinstance(machine, AboutMachine)
    assert (machine.machine, machine.parent) == (caps.machine("q35"), "generic-pc-machine")
    model = explain(caps, "Skylake-Client").about
    assert isinstance(model, AboutCpu)
    assert (model.model.alias_of, model.accelerator) == ("Skylake-Client-v1", "tcg")


def test_commands_and_members(caps: Capabilities) -> None:
    command = explain(caps, "blockdev-add").about
    assert isinstance(command, AboutCommand)
    assert {"driver", "discard", "filename"} <= set(command.members or ())
    discard = explain(caps, "blockdev-add.discard").about
    assert isinstance(discard, AboutMember)
    (form,) = discard.forms
    assert (form.type, form.optional, [value.name for value in form.values]) == ("enum", True, ["ignore", "unmap"])
    filename = explain(caps, "blockdev-add.filename").about
    assert isinstance(filename, AboutMember)
    assert "driver=file" in filename.forms[0].when
    # One name, one path, and in each driver of its own form.
    server = explain(caps, "blockdev-add.server").about
    assert isinstance(server, AboutMember)
    assert {form.type for form in server.forms} == {"object", "list of object"}
    value = explain(caps, "blockdev-add.driver.qcow2").about
    assert value == AboutValue(command="blockdev-add", path="driver", value="qcow2")


def test_deprecation_is_told(bundled: dict[str, Capabilities]) -> None:
    command = explain(bundled["11.1.2"], "block-job-complete").about
    assert isinstance(command, AboutCommand)
    assert command.deprecated
    machine = explain(bundled["7.2.22"], "pc-i440fx-1.7").about
    assert isinstance(machine, AboutMachine)
    assert machine.machine.deprecated


def test_options(caps: Capabilities) -> None:
    option = explain(caps, "-overcommit").about
    assert option == AboutOption(name="overcommit", keys={"mem-lock": "boolean", "cpu-pm": "boolean"})
    assert explain(caps, "-overcommit.mem-lock").about == AboutKey(option="overcommit", name="mem-lock", type="boolean")


@pytest.mark.parametrize(
    "fact", ["PIIX4_PM.nothing", "blockdev-add.iothreads", "nothing", "-nothing", "colo-compare.x"]
)
def test_of_what_is_not_there_the_evidence_is_all(caps: Capabilities, fact: str) -> None:
    explanation = explain(caps, fact)
    assert explanation.about is None
    assert explanation.evidence == caps.supports(fact)
    with pytest.raises(FactError):
        explain(caps, "..")


def test_everything_that_is_present_is_explained(caps: Capabilities) -> None:
    facts = [
        *(caps.types or ()), *(caps.abstract_types or ()), *(caps.machines or ()), *(caps.cpu_models or ()),
        *(caps.commands or ()), *(f"-{name}" for name in caps.options or () if name),
    ]  # fmt: skip
    for fact in facts:
        explanation = explain(caps, fact)
        assert (explanation.about is not None) == explanation.evidence.is_present, fact
        assert Explanation.model_validate_json(explanation.model_dump_json()) == explanation


def test_history_over_the_bundled_recordings(bundled: dict[str, Capabilities]) -> None:
    history = trace("ICH9-LPC.acpi-pci-hotplug-with-bridge-support", bundled.items(), "x86_64")
    assert str(history) == "absent 5.2.0, present 7.2.22 to 11.1.2"
    assert [one.label for one in history.seen] == list(VERSIONS)
    # 11.1 survives the question that kills the others.
    assert str(trace("colo-compare.x", bundled.items(), "x86_64")) == "absent 11.1.2; unknown 5.2.0 to 10.0.13"
    assert str(trace("PIIX4_PM", [], "x86_64")) == "no recording"


def test_a_span_is_of_neighbours_alone() -> None:
    """Something that went and came back has three spans; other targets say nothing."""

    def make(version: tuple[int, int, int], target: str = "x86_64") -> tuple[str, Capabilities]:
        return str(version), Capabilities.from_recording(make_recording(version, target))

    with_it, other = [make((9, 0, 0)), make((1, 0, 0)), make((10, 0, 0))], make((2, 0, 0), "aarch64")
    history = trace("PIIX4_PM.acpi-root-pci-hotplug", [*with_it, other], "x86_64")
    assert (str(history), history.left_out) == ("present 1.0.0 to 10.0.0", 1)


@pytest.mark.slow
def test_history_over_libvirts_recordings(libvirt_data: Path, bundled: dict[str, Capabilities]) -> None:
    """The versions that the first milestone's changelog names."""
    paths = sorted((LIBVIRT / "replies").glob("*.xz"))
    recordings = [*bundled.items(), *((path.name, load_capabilities(path)) for path in paths)]
    expected = {
        "PIIX4_PM.acpi-pci-hotplug-with-bridge-support": "absent 1.5.3 to 1.7.0, present 2.1.1 to 11.1.2",
        "PIIX4_PM.acpi-root-pci-hotplug": "absent 1.5.3 to 5.1.0, present 5.2.0 to 11.1.2",
        "ICH9-LPC.acpi-pci-hotplug-with-bridge-support": "present 6.1.0 to 11.1.2",
    }
    for fact, words in expected.items():
        assert str(trace(fact, recordings, "x86_64")).endswith(words), fact
