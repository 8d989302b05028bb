"""What is wrong, from a single value to the refusal of a domain: each step out adds what is known there."""

from __future__ import annotations

import pytest

from prober.capabilities import Verdict
from prober.commandline.refusal import (
    MOST_OF_A_KIND,
    Broken,
    Fault,
    Finding,
    Kind,
    Misfit,
    No,
    Place,
    Position,
    Refusal,
    Unfit,
    as_refusals,
    first_of_each_kind,
)

DISK = Place(line=7, path="/domain/devices/disk")


def place_of(field: str) -> Place:
    return DISK.attribute(field) if field else DISK


def test_a_value_is_of_a_field_and_that_of_an_element() -> None:
    unfit = Unfit("is not a number", "write one", rule="xml/value")
    broken = unfit.at("target_dev")
    assert (str(unfit), str(broken), broken.field) == ("is not a number", "is not a number", "target_dev")
    assert broken.at(place_of, "disk") == Refusal(
        place=DISK.attribute("target_dev"), message="is not a number", hint="write one", rule="xml/value"
    )


@pytest.mark.parametrize(
    ("field", "given", "rule"),
    [
        ("target_dev", "", "element/disk.target-dev"),
        ("", "", "element/disk"),
        ("target_dev", "disk/name", "disk/name"),
    ],
)
def test_a_rule_without_a_name_is_called_after_its_field(field: str, given: str, rule: str) -> None:
    assert Broken(field, "no", rule=given).at(place_of, "disk").rule == rule
    assert Broken(field, "no", rule=given).at(place_of).rule == given


def test_a_broken_rule_is_a_field_and_a_sentence() -> None:
    broken = Broken("port", "there is none", "give one")
    assert (broken.field, broken.message) == ("port", "there is none")


def test_both_may_be_raised() -> None:
    class PortError(Unfit):
        rule = "domain/port"

    with pytest.raises(PortError, match="no port is free") as raised:
        raise PortError("no port is free")
    assert raised.value.at("address").at(place_of).rule == "domain/port"
    with pytest.raises(Broken, match="none"):
        raise Broken("port", "none")


def test_what_a_rule_finds_has_the_name_of_the_rule() -> None:
    place = Position(3, "-device")
    finding = Fault(place, "unit", "unit 2 is not there", "take another").by("line/ide-unit", "a.c, f")
    assert (finding.kind, finding.place, finding.part, finding.rule) == (Kind.error, place, "unit", "line/ide-unit")
    assert finding.evidence is not None
    assert (finding.evidence.verdict, finding.evidence.note) == (Verdict.absent, "QEMU refuses it (a.c, f)")
    assert Fault(place, "unit", "no", rule="line/own").by("line/ide-unit", "a.c").rule == "line/own"


def test_a_domain_is_refused_for_what_is_found_of_its_options() -> None:
    found = [
        Finding(kind=kind, place=DISK, message=kind.value, qemu_name="x", hint="h", rule=f"option/{kind.value}")
        for kind in Kind
    ]
    refusals = list(as_refusals(found, assume_unknown_present=False))
    assert [(one.message, one.rule) for one in refusals] == [
        ("error", "option/error"),
        ("ignored", "option/ignored"),
        ("unknown", "option/unknown"),
    ]
    assert [one.message for one in as_refusals(found, assume_unknown_present=True)] == ["error", "ignored"]
    assert str(refusals[0]) == "7: /domain/devices/disk: error (h)"


def test_a_refusal_keeps_the_name_that_it_has() -> None:
    refusal = Refusal(place=DISK, message="no")
    named = refusal.by("domain/refuse-os")
    assert (refusal.rule, named.rule, named.by("domain/other").rule) == ("", "domain/refuse-os", "domain/refuse-os")


def test_the_rule_is_in_the_answer() -> None:
    for model in (Refusal(place=DISK, message="no", rule="x/y"),
                  Finding(kind=Kind.error, place=DISK, message="no", rule="x/y")):  # fmt: skip
        assert model.model_dump()["rule"] == "x/y"
        for mode in ("validation", "serialization"):
            assert "rule" in type(model).model_json_schema(mode=mode)["properties"]


def test_all_are_of_one_family() -> None:
    found: list[No] = [
        Unfit("a"),
        Broken("f", "a"),
        Misfit(("m",), "a"),
        Fault(DISK, "p", "a"),
        Finding(kind=Kind.error, place=DISK, message="a"),
        Refusal(place=DISK, message="a"),
    ]
    assert {(one.message, one.hint) for one in found} == {("a", "")}
    assert all(isinstance(one.rule, str) for one in found)


def test_of_many_refusals_of_one_kind_a_hundred_are_told_and_how_many_more() -> None:
    def refusals(rule: str, number: int) -> list[Refusal]:
        return [Refusal(place=Place(line, "/domain"), message=f"{rule} {line}", rule=rule) for line in range(number)]

    few, many = refusals("domain/few", MOST_OF_A_KIND), refusals("domain/many", MOST_OF_A_KIND + 50)
    assert first_of_each_kind(few) is few
    *told, more = first_of_each_kind(many)
    assert told == many[:MOST_OF_A_KIND]
    assert (more.message, more.place) == ("and 50 more of this kind", many[MOST_OF_A_KIND].place)
    assert first_of_each_kind([*many, *few]) == [*told, more, *few]
