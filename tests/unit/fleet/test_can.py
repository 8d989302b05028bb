"""Who can run a domain: each host is able, unable, unknown or silent, and each that is unable has its reasons."""

from __future__ import annotations

import pytest

from prober.errors import UsageError
from prober.fleet.can import can, why
from prober.fleet.judging import Able, FleetJudge, FleetQuestion
from prober.fleet.known import Fleet, Where
from prober.fleet.records import HostBuild, HostRecord
from tests.unit.fleet.fleets import QEMU, domain, fleet_of, names_of, record, recorded, tell, with_kvm

pytestmark = pytest.mark.slow


@pytest.fixture(name="fleet")
def _fleet() -> Fleet:
    hosts = {
        "a": (with_kvm("7.2.22"),),
        "b": (with_kvm("11.1.2"),),
        "c": (recorded("7.2.22"),),
        "d": (with_kvm("5.2.0"), with_kvm("11.1.2")),
        "e": (),
    }
    return fleet_of(hosts, {"a": {"rack": "1"}, "b": {"rack": "2"}, "c": {"rack": "1"}})


def asked(fleet: Fleet, xml: bytes, where: str | None = None, **options: bool) -> tuple[int, int, int, int]:
    answer = can(fleet, FleetJudge(fleet), FleetQuestion(xml, **options), Where.parse(where))
    assert answer.hosts == answer.able + answer.unable + answer.unknown + answer.silent
    return answer.able, answer.unable, answer.unknown, answer.silent


def test_each_host_is_one_of_four(fleet: Fleet) -> None:
    assert asked(fleet, domain()) == (3, 2, 0, 0)
    assert asked(fleet, domain(kind="qemu")) == (4, 1, 0, 0)
    fleet.silent["a"] = 0.0
    assert asked(fleet, domain()) == (2, 2, 0, 1)
    fleet.put_host(record("f", with_kvm("10.0.13")))
    assert asked(fleet, domain()) == (2, 2, 1, 1)


def test_a_machine_that_an_old_qemu_lacks(fleet: Fleet) -> None:
    assert asked(fleet, domain(machine="pc-q35-11.0")) == (2, 3, 0, 0)


def test_labels(fleet: Fleet) -> None:
    assert asked(fleet, domain(), "rack=1") == (1, 1, 0, 0)
    assert asked(fleet, domain(), "rack=2") == (1, 0, 0, 0)
    assert asked(fleet, domain(), "rack=1,row=4") == (0, 0, 0, 0)
    with pytest.raises(UsageError, match="is no label"):
        Where.parse("rack")


def test_an_emulator_is_heeded_unless_any_will_do(fleet: Fleet) -> None:
    xml = domain(machine="pc-q35-11.0", emulator=QEMU)
    assert asked(fleet, xml) == (1, 4, 0, 0)
    assert asked(fleet, xml, any_emulator=True) == (2, 3, 0, 0)
    assert asked(fleet, domain(emulator="/opt/none")) == (0, 5, 0, 0)


def test_reasons_are_counted(fleet: Fleet) -> None:
    answer = can(fleet, FleetJudge(fleet), FleetQuestion(domain(machine="pc-q35-11.0")))
    assert [(one.qemu_name, one.hosts) for one in answer.reasons if one.qemu_name] == [("pc-q35-11.0", 2)]
    assert {one.message: one.hosts for one in answer.reasons}["it has no QEMU"] == 1


def test_what_is_refused_everywhere_is_so(fleet: Fleet) -> None:
    answer = can(fleet, FleetJudge(fleet), FleetQuestion(b"<domain type='kvm'><zeta/></domain>"))
    assert (answer.able, answer.unable) == (0, 5)
    assert any("zeta" in one.message for one in answer.reasons)


def test_names_come_in_pages(fleet: Fleet) -> None:
    judge, question = FleetJudge(fleet), FleetQuestion(domain())
    first = can(fleet, judge, question, names=2)
    assert (first.names, first.next) == (("a", "b"), "b")
    second = can(fleet, judge, question, names=2, after=first.next or "")
    assert (second.names, second.next) == (("d",), None)
    fleet.silent["a"] = 0.0
    assert can(fleet, judge, question, names=5).names == ("b", "d")


def test_why(fleet: Fleet) -> None:
    judge = FleetJudge(fleet)
    answer = why(fleet, judge, FleetQuestion(domain()), "c")
    assert answer.able is Able.unable
    assert [str(one.version) for one in answer.qemus] == ["7.2.22"]
    assert "KVM" in answer.qemus[0].refusals[0].message
    assert why(fleet, judge, FleetQuestion(domain()), "a").qemus[0].refusals == ()
    assert why(fleet, judge, FleetQuestion(domain()), "e").reason == "it has no QEMU"
    two = why(fleet, judge, FleetQuestion(domain(machine="pc-q35-11.0")), "d")
    assert (two.able, [one.able for one in two.qemus]) == (Able.able, [Able.unable, Able.able])
    fleet.silent["a"] = 7.0
    assert why(fleet, judge, FleetQuestion(domain()), "a").able is Able.unknown
    with pytest.raises(UsageError, match="no host of this fleet is called 'zeta'"):
        why(fleet, judge, FleetQuestion(domain()), "zeta")


def test_a_domain_is_translated_once_for_each_build() -> None:
    """And not for each host, or each kind of host; the second time not at all."""
    builds = [with_kvm("7.2.22", cpu, micro) for micro in range(40) for cpu in ("old", "new")]
    fleet = fleet_of({f"host{number}": (builds[number % 80],) for number in range(400)})
    assert len(fleet.builds) == 40
    assert len(fleet.kits) == 80
    judge, question = FleetJudge(fleet), FleetQuestion(domain())
    assert can(fleet, judge, question).able == 400
    assert question.translated == 40
    again = FleetQuestion(domain())
    assert can(fleet, judge, again).able == 400
    assert again.translated == 0


def test_a_domain_that_is_asked_again_is_not_read_again(fleet: Fleet) -> None:
    judge = FleetJudge(fleet)
    question = judge.question(domain())
    assert judge.question(domain()) is question
    assert judge.question(domain(), any_emulator=True) is not question
    assert judge.question(domain(), assume_unknown_present=True) is not question
    large = domain(devices=f"<!--{'x' * 40_000}-->")
    assert judge.question(large) is not judge.question(large)  # Nobody shall fill the memory by asking.
    for number in range(100):
        judge.question(domain(machine=f"m{number}"))
    assert judge.question(domain()) is not question


def test_what_is_told_later_changes_what_is_remembered(fleet: Fleet) -> None:
    judge = FleetJudge(fleet)
    fleet.put_host(record("f", with_kvm("10.0.13")))
    told = can(fleet, judge, judge.question(domain()))
    assert (told.able, told.unknown, judge.translations) == (3, 1, 3)
    tell(fleet, with_kvm("10.0.13"))
    told = can(fleet, judge, judge.question(domain()))
    assert (told.able, told.unknown, judge.translations) == (4, 0, 4)
    snapshot = fleet.snapshot(2.0)
    fleet.put_host(record("a", recorded("7.2.22")))
    for known, able in ((snapshot, 4), (fleet, 3), (snapshot, 4)):
        assert can(known, judge.over(known), judge.question(domain())).able == able
    assert judge.translations == 4


def test_silent_hosts_are_counted_of_whole_kits_and_of_parts(fleet: Fleet) -> None:
    for number in range(6):
        fleet.put_host(record(f"x{number}", with_kvm("11.1.2"), labels={"rack": str(number % 2)}))
    for name in ("b", "x0", "x1", "x2", "c"):
        fleet.hush(name, 1.0)
    assert asked(fleet, domain()) == (5, 1, 0, 5)
    assert asked(fleet, domain(), "rack=0") == (1, 0, 0, 2)


def test_a_host_that_changes_is_counted_once(fleet: Fleet) -> None:
    fleet.put_host(record("a", recorded("7.2.22"), labels={"rack": "9"}))
    assert asked(fleet, domain()) == (2, 3, 0, 0)
    assert asked(fleet, domain(), "rack=9") == (0, 1, 0, 0)
    for name in list(fleet.hosts):
        fleet.drop_host(name)
    assert asked(fleet, domain()) == (0, 0, 0, 0)
    assert not fleet.kits
    assert list(fleet.missing()) == []


def test_what_a_hosts_cpu_lacks() -> None:
    """One build, two processors: it is translated once, and compared with each."""
    fleet = fleet_of({"old": (with_kvm("7.2.22", "old"),), "new": (with_kvm("7.2.22", "new"),)})
    judge = FleetJudge(fleet)
    question = FleetQuestion(domain("<cpu mode='custom' match='exact' check='partial'><model>Haswell</model></cpu>"))
    answer = can(fleet, judge, question, names=2)
    assert (answer.names, answer.unable, question.translated) == (("new",), 1, 1)
    assert "this host's CPU lacks what Haswell has: aes, avx, fma" in answer.reasons[0].message
    (qemu,) = why(fleet, judge, question, "old").qemus
    assert qemu.able is Able.unable
    assert [refusal.place.path for refusal in qemu.refusals] == ["/domain/cpu/model"]
    required = "<cpu><model>qemu64</model><feature policy='require' name='avx'/></cpu>"
    answer = can(fleet, judge, FleetQuestion(domain(required)), names=2)
    assert answer.names == ("new",)
    assert can(fleet, judge, FleetQuestion(domain(required, kind="qemu"))).unable == 0


def test_a_host_that_pairs_a_build_with_anothers_variant_spoils_no_others() -> None:
    """It is named first, so that it would be taken for the one that the build is translated with."""
    good, other = with_kvm("7.2.22"), with_kvm("11.1.2")
    fleet = fleet_of({"good": (good,), "new": (other,)})
    bad = HostBuild(names_of(good)[0], names_of(other)[1], QEMU)
    fleet.drop_host("good")
    fleet.put_host(HostRecord(name="bad", builds=(bad,)))
    fleet.put_host(record("good", good))
    answer = can(fleet, FleetJudge(fleet), FleetQuestion(domain()), names=3)
    assert (answer.names, answer.unknown) == (("good", "new"), 1)
    assert answer.unknown_reasons[0].message == "what it adds to its build is told for another one"
    assert why(fleet, FleetJudge(fleet), FleetQuestion(domain()), "bad").able is Able.unknown
