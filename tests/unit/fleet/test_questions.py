"""The other questions: facts, lists, drift, upgrade, baseline, targets."""

from __future__ import annotations

import pytest
from lxml import etree

from prober.errors import FactError, FleetError, UsageError
from prober.fleet.baseline import baseline
from prober.fleet.can import can
from prober.fleet.census import builds, hosts, supports
from prober.fleet.drift import drift
from prober.fleet.judging import FleetJudge, FleetQuestion
from prober.fleet.known import Fleet, Where
from prober.fleet.records import HostBuild, HostRecord
from prober.fleet.targets import DefaultDifference, TargetsAnswer, targets
from prober.fleet.upgrade import Fate, build_called, upgrade
from tests.unit.fleet.fleets import QEMU, domain, fleet_of, names_of, record, recorded, with_kvm


@pytest.fixture(name="fleet")
def _fleet() -> Fleet:
    made = {
        "a": (with_kvm("7.2.22"),),
        "b": (with_kvm("7.2.22"),),
        "c": (with_kvm("7.2.22", "old"),),
        "d": (with_kvm("11.1.2"),),
        "e": (with_kvm("5.2.0", "old"),),
        "f": (),
    }
    labels = {name: {"rack": "1" if name in "abc" else "2"} for name in made}
    return fleet_of(made, labels)


def test_who_has_a_fact(fleet: Fleet) -> None:
    answer = supports(fleet, "ICH9-LPC.acpi-pci-hotplug-with-bridge-support")
    assert (answer.hosts, answer.present, answer.absent, answer.unknown, answer.silent) == (6, 4, 2, 0, 0)
    assert [(str(one.version), one.verdict, one.hosts) for one in answer.builds] == [
        ("7.2.22", "present", 3),
        *sorted(
            [("11.1.2", "present", 1), ("5.2.0", "absent", 1)], key=lambda one: names_of(with_kvm(one[0], "old"))[0]
        ),
    ]
    fleet.silent["d"] = 0.0
    fleet.put_host(record("g", with_kvm("10.0.13")))
    answer = supports(fleet, "ICH9-LPC.acpi-pci-hotplug-with-bridge-support")
    assert (answer.hosts, answer.present, answer.absent, answer.unknown, answer.silent) == (7, 3, 2, 1, 1)
    with pytest.raises(FactError):
        supports(fleet, "..")


def test_hosts_in_pages(fleet: Fleet) -> None:
    fleet.silent["b"] = 7.0
    first = hosts(fleet, most=4)
    assert ([one.name for one in first.entries], first.next, first.hosts, first.silent) == (list("abcd"), "d", 6, 1)
    assert [one.silent_since for one in first.entries] == [None, 7.0, None, None]
    assert str(first.entries[0].qemus[0].version) == "7.2.22"
    assert [one.name for one in hosts(fleet, most=4, after="d").entries] == ["e", "f"]
    assert [one.name for one in hosts(fleet, Where.parse("rack=2")).entries] == ["d", "e", "f"]


def test_builds(fleet: Fleet) -> None:
    told = builds(fleet).builds
    assert [(one.hosts, one.variants) for one in told] == [(3, 2), (1, 1), (1, 1)]
    assert (str(told[0].version), told[0].target, told[0].paths) == ("7.2.22", "x86_64", (QEMU,))


def test_drift(fleet: Fleet) -> None:
    answer = drift(fleet, label="rack")
    assert [(one.peers, one.what, one.usually, one.hosts, one.names) for one in answer.odd if one.peers == "1"] == [
        ("1", "variant", 2, 1, ("c",))
    ]
    others = {one.names: one.has for one in answer.odd if one.peers == "2"}
    assert len(others) == 2, "three hosts of that rack have three different things, one of which is the usual one"
    fleet.silent["c"] = 0.0
    assert drift(fleet, Where.parse("rack=1")).odd == ()
    assert {one.has for one in drift(fleet).odd if one.what == "build"} >= {names_of(with_kvm("11.1.2"))[0], ""}


def test_a_build_is_named_in_short(fleet: Fleet) -> None:
    name = names_of(with_kvm("7.2.22"))[0]
    for text in (name, name[:6], "7.2.22", "7.2", "7"):
        assert build_called(fleet, text) == name
    for text in ("8", "7.22", name[:2], ""):
        with pytest.raises(UsageError, match="build"):
            build_called(fleet, text)


def test_upgrade(fleet: Fleet) -> None:
    old, new = (names_of(with_kvm(version))[0] for version in ("7.2.22", "11.1.2"))
    questions = {
        "same": domain(machine="none", kind="kvm"),
        "breaks": domain(machine="pc-i440fx-2.3"),
        "mended": domain(machine="pc-q35-11.0"),
        "refused": domain(machine="zeta"),
        "changes": domain(machine="q35"),
        "no domain": b"<domain/>",
    }
    answer = upgrade(fleet, old, new, [(name, FleetQuestion(xml)) for name, xml in questions.items()])
    fates = {one.domain: one for one in answer.domains}
    assert fates["breaks"].fate is Fate.breaks
    assert "pc-i440fx-2.3" in {one.qemu_name for one in fates["breaks"].reasons}
    assert fates["mended"].fate is Fate.mended
    assert fates["refused"].fate is fates["no domain"].fate is Fate.refused
    assert fates["changes"].fate is Fate.changes
    assert any("acpi" in line for line in fates["changes"].argv_changes)
    assert (answer.hosts, answer.names) == (3, ("a", "b", "c"))
    assert sum(answer.fates.values()) == len(questions)
    assert answer.differences["machines"]
    with pytest.raises(FleetError, match="no host"):
        upgrade(fleet, old, "x" * 27, [])


def test_what_differs_is_compared_once(fleet: Fleet) -> None:
    """A command asks of many domains in parts, and each part is an upgrade."""
    old, new = (names_of(with_kvm(version))[0] for version in ("7.2.22", "11.1.2"))
    first = upgrade(fleet.snapshot(1.0), old, new, [])
    one, other = (fleet.example(name, kvm=True) for name in (old, new))
    assert one is not None and other is not None
    assert fleet.differences(one, other) is fleet.snapshot(2.0).differences(one, other)
    assert first.differences == fleet.differences(one, other)
    assert fleet.differences(other, one) != fleet.differences(one, other)


def test_an_upgrade_to_the_same_changes_nothing(fleet: Fleet) -> None:
    name = names_of(with_kvm("7.2.22"))[0]
    answer = upgrade(fleet, name, name, [("a", FleetQuestion(domain()))])
    assert (answer.domains[0].fate, answer.differences) == (Fate.same, {})


def test_baseline(fleet: Fleet) -> None:
    everywhere = baseline(fleet)
    assert (everywhere.hosts, everywhere.without, str(everywhere.oldest)) == (
        5,
        {"it has no QEMU for x86_64": 1},
        "5.2.0",
    )
    assert "pc-q35-5.2" in everywhere.machines
    assert "pc-q35-6.0" not in everywhere.machines
    assert "pc-q35-5.2" in everywhere.deprecated
    assert "none" not in everywhere.deprecated
    assert "virtio-net-pci" in everywhere.devices
    assert everywhere.features is not None
    assert "avx" not in everywhere.features
    assert everywhere.cpu_models is not None
    assert not [name for name in everywhere.cpu_models if name.startswith(("Haswell", "Skylake"))]
    assert everywhere.cpu is not None
    cpu = etree.fromstring(everywhere.cpu)
    assert cpu.findtext("model") == everywhere.model
    new = baseline(fleet, Where.parse("rack=1"))
    assert "pc-q35-7.2" in new.machines
    fleet.silent["c"] = 0.0
    newest = baseline(fleet, Where.parse("rack=1"))
    assert newest.cpu_models is not None
    assert "Haswell" in newest.cpu_models
    assert (newest.hosts, newest.silent) == (2, 1)
    assert baseline(fleet, target="aarch64").hosts == 0


def test_what_a_baseline_names_runs_everywhere(fleet: Fleet) -> None:
    """Its CPU, on each machine that it names, is taken by each host that it counts."""
    answer = baseline(fleet)
    assert answer.cpu is not None
    for machine in answer.machines:
        if machine.startswith(("pc-i440fx", "pc-q35")):
            told = can(fleet, FleetJudge(fleet), FleetQuestion(domain(answer.cpu, machine=machine)))
            assert told.able == answer.hosts, (machine, told.reasons)


def test_a_baseline_of_hosts_without_kvm_knows_no_cpu() -> None:
    answer = baseline(fleet_of({"a": (with_kvm("7.2.22"),), "b": (recorded("7.2.22"),)}))
    assert (answer.hosts, answer.cpu, answer.cpu_models) == (2, None, None)
    assert answer.machines


def reached(fleet: Fleet, xml: bytes, source: str = "a") -> TargetsAnswer:
    return targets(fleet, FleetJudge(fleet), FleetQuestion(xml), source, names=10)


@pytest.mark.slow
def test_targets_have_the_machine_that_the_guest_has(fleet: Fleet) -> None:
    """``q35`` is the newest machine of where it was started, and of that name only there."""
    answer = reached(fleet, domain())
    assert (answer.machine, answer.path, answer.names) == ("pc-q35-7.2", QEMU, ("b", "c", "d"))
    assert (answer.hosts, answer.able, answer.unable) == (5, 3, 2)
    assert reached(fleet, domain(), "d").names == ()
    assert reached(fleet, domain(), "e").names == ("a", "b", "c", "d")


def test_targets_have_the_cpu_that_the_guest_has(fleet: Fleet) -> None:
    answer = reached(fleet, domain("<cpu mode='host-passthrough'/>"))
    assert answer.names == ("b", "d")
    assert "its CPU lacks aes, avx, fma" in {one.message for one in answer.reasons}
    assert reached(fleet, domain("<cpu mode='host-passthrough'/>"), "c").names == ("a", "b", "d")


def test_targets_tell_of_other_defaults() -> None:
    fleet = fleet_of({"a": (with_kvm("10.0.13"),), "b": (with_kvm("11.1.2"),), "c": (with_kvm("10.0.13", "old"),)})
    disk = "<disk type='file'><source file='/a'/><target dev='sda' bus='scsi'/></disk>"
    answer = reached(fleet, domain(devices=f"<controller type='scsi' model='virtio-scsi'/>{disk}"))
    assert answer.names == ("b", "c")
    build = names_of(with_kvm("11.1.2"))[0]
    assert answer.differences == (DefaultDifference(build=build, fact="scsi-hd.dpofua", here=False, there=True),)
    assert reached(fleet, domain()).differences == ()


def test_targets_tell_whose_defaults_are_not_known(fleet: Fleet) -> None:
    answer = reached(fleet, domain())
    assert (answer.differences, answer.not_compared) == ((), (names_of(with_kvm("11.1.2"))[0],))


def test_silent_hosts_are_no_targets(fleet: Fleet) -> None:
    fleet.silent["b"] = 0.0
    answer = reached(fleet, domain())
    assert (answer.names, answer.silent) == (("c", "d"), 1)


def test_a_guest_that_cannot_run_where_it_is_said_to(fleet: Fleet) -> None:
    with pytest.raises(UsageError, match="is not known to run on f"):
        reached(fleet, domain(), "f")
    with pytest.raises(UsageError):
        reached(fleet, domain(), "zeta")


def test_a_wrong_pair_of_build_and_variant_spoils_no_question() -> None:
    """Each is asked of the build by hosts that tell what belongs to it, whoever is named first."""
    old, new = with_kvm("7.2.22"), with_kvm("11.1.2")
    fleet = fleet_of({"good": (old,), "new": (new,)})
    fleet.drop_host("good")
    wrong = HostBuild(names_of(old)[0], names_of(new)[1], QEMU)
    for name in ("bad", "worse"):
        fleet.put_host(HostRecord(name=name, labels={"host": name}, builds=(wrong,)))
    fleet.put_host(record("good", old))
    answer = upgrade(fleet, names_of(old)[0], names_of(new)[0], [("a", FleetQuestion(domain()))])
    assert (answer.domains[0].fate, answer.hosts) == (Fate.changes, 3)
    assert supports(fleet, "ICH9-LPC.acpi-pci-hotplug-with-bridge-support").present == 4
    common = baseline(fleet)
    assert (common.hosts, sum(common.without.values())) == (2, 2)
    assert "pc-q35-7.2" in common.machines
