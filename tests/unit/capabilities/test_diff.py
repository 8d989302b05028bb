"""What one QEMU has and another has not: true in both directions, and never guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.capabilities import Capabilities, Verdict
from prober.capabilities.diff import diff
from prober.capabilities.difference import GROUPS, Change, Difference
from prober.qemu.recording import Exchange, Part, Recording
from tests.recordings import FIXTURES, LIBVIRT, load_capabilities

#: Half a second and more each: not for each commit.
pytestmark = pytest.mark.slow

VERSIONS = ("5.2.0", "7.2.22", "10.0.13", "11.1.2")
OPPOSITE = {"added": "removed", "removed": "added", "deprecated": "undeprecated", "undeprecated": "deprecated"}


def load(version: str) -> Capabilities:
    return load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")


def mirrored(change: Change) -> Change:
    kind = OPPOSITE.get(change.kind, change.kind)
    return change.model_copy(update={"kind": kind, "a": change.b, "b": change.a})


def as_sets(difference: Difference, *, mirror: bool = False) -> dict[str, set[str]]:
    return {
        group.name: {(mirrored(change) if mirror else change).model_dump_json() for change in group.changes}
        for group in difference.groups
    }


def find(difference: Difference, group: str, fact: str) -> list[tuple[Any, ...]]:
    changes = [change for change in difference.group(group).changes if change.fact == fact]
    return [(change.kind, change.what, change.a, change.b) for change in changes]


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_differs_from_itself(version: str) -> None:
    caps = load(version)
    difference = diff(caps, caps)
    assert difference.is_empty
    assert [group.name for group in difference.groups] == list(GROUPS)
    assert difference.properties_compared > 8000


@pytest.mark.parametrize(("a", "b"), [("5.2.0", "7.2.22"), ("7.2.22", "10.0.13"), ("10.0.13", "11.1.2")])
def test_the_way_back_is_the_mirror(a: str, b: str) -> None:
    there, back = diff(load(a), load(b)), diff(load(b), load(a))
    assert as_sets(there) == as_sets(back, mirror=True)
    assert {group.name: group.unknown for group in there.groups} == {group.name: group.unknown for group in back.groups}
    assert Difference.model_validate_json(there.model_dump_json()) == there
    for group in there.groups:
        assert len(as_sets(there)[group.name]) == len(group.changes), f"{group.name} tells something twice"


@pytest.mark.parametrize(("a", "b"), [("5.2.0", "7.2.22"), ("7.2.22", "10.0.13"), ("10.0.13", "11.1.2")])
def test_each_fact_is_what_supports_says(a: str, b: str) -> None:
    """The difference and ``prober supports`` are two ways to ask one thing."""
    one, other = load(a), load(b)
    checked = 0
    for group in diff(one, other).groups:
        if group.name == "events":
            continue  # no fact tells of them
        for change in group.changes:
            verdicts = one.supports(change.fact).verdict, other.supports(change.fact).verdict
            if change.when:  # the same path may be there with another tag
                continue
            checked += 1
            match change.kind:
                case "added":
                    assert verdicts == (Verdict.absent, Verdict.present), change
                case "removed":
                    assert verdicts == (Verdict.present, Verdict.absent), change
                case _:
                    assert verdicts == (Verdict.present, Verdict.present), change
    assert checked > 500


def test_what_is_known_to_have_changed() -> None:
    """Each by QEMU's release notes or deprecation list, or seen in the recordings by hand."""
    older = diff(load("5.2.0"), load("7.2.22"))
    assert find(older, "properties", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support") == [("added", "", None, None)]
    assert find(older, "options", "-realtime") == [("removed", "", None, None)]
    assert find(older, "members", "object-add.qom-type") == [("changed", "type", "string", "enum")]
    newer = diff(load("7.2.22"), load("10.0.13"))
    assert find(newer, "machines", "pc-i440fx-7.2") == [
        ("changed", "alias", "pc", None), ("changed", "is-default", True, False),
    ]  # fmt: skip
    assert find(newer, "machines", "pc-i440fx-2.4") == [("deprecated", "", None, None)]
    assert find(newer, "devices", "virtio-sound-pci") == [("added", "", None, None)]
    assert find(newer, "keys", "-overcommit.mem-lock") == [("changed", "type", "boolean", "string")]
    newest = diff(load("10.0.13"), load("11.1.2"))
    assert find(newest, "commands", "block-job-complete") == [("deprecated", "", None, None)]
    assert find(newest, "properties", "mch.extended-tseg-mbytes") == [("changed", "default", 16, 64)]
    assert newest.defaults_compared > 4000
    assert newer.defaults_compared == 0  # 7.2 told none


def test_nothing_is_told_twice() -> None:
    difference = diff(load("7.2.22"), load("10.0.13"))
    types = [change.fact for name in ("devices", "types") for change in difference.group(name).changes]
    assert types
    assert not [name for name in types if name.endswith(("-machine", "-x86_64-cpu"))]
    # A family of CPU models is compared once, and properties of new types not at all.
    families = {change.of for change in difference.group("properties").changes if change.of.endswith("-x86_64-cpu")}
    assert families == {"486-v1-x86_64-cpu", "base-x86_64-cpu", "host-x86_64-cpu", "max-x86_64-cpu"}
    added = {change.fact for name in ("devices", "types") for change in difference.group(name).changes}
    assert not added & {change.of for change in difference.group("properties").changes}
    # Of a new block driver its name is told, and not its members.
    members = difference.group("members").changes
    assert [change for change in members if change.fact == "blockdev-add.driver.virtio-blk-vfio-pci"] or [
        change for change in members if change.fact == "blockdev-add.driver.io_uring"
    ]
    assert not [change for change in members if "driver=io_uring" in change.when]


def _recording(*exchanges: Exchange, version: int = 9) -> Capabilities:
    numbers: Any = {"qemu": {"major": version, "minor": 0, "micro": 0}, "package": ""}
    first = (Exchange("qmp_capabilities", None, {}), Exchange("query-version", None, numbers))
    return Capabilities.from_recording(Recording((Part((*first, *exchanges)),)))


def test_what_was_never_asked_is_neither_added_nor_removed() -> None:
    nothing, whole = _recording(), load("7.2.22")
    for difference in (diff(nothing, whole), diff(whole, nothing)):
        assert difference.is_empty
        unknown = {group.name: group.unknown for group in difference.groups}
        assert {name for name, count in unknown.items() if count} >= {
            "machines",
            "devices",
            "types",
            "commands",
            "options",
        }


def test_abstract_types_that_one_side_was_not_asked_for_are_unknown() -> None:
    listed: Any = [{"name": "real", "parent": "device"}]
    every: Any = [*listed, {"name": "unreal", "parent": "device"}]
    asked = _recording(Exchange("qom-list-types", None, listed), Exchange("qom-list-types", {"abstract": True}, every))
    not_asked = _recording(Exchange("qom-list-types", None, listed))
    for difference in (diff(asked, not_asked), diff(not_asked, asked)):
        assert difference.is_empty
        assert difference.group("types").unknown == 1


def test_two_questions_about_one_type_make_no_difference() -> None:
    """``device-list-properties`` leaves out what every device has."""
    types: Any = [{"name": "real", "parent": "device"}]
    own: Any = [{"name": "speed", "type": "uint32"}]
    more: Any = [*own, {"name": "realized", "type": "bool"}, {"name": "type", "type": "string"}]
    listed = Exchange("qom-list-types", None, types)
    qom = _recording(listed, Exchange("qom-list-properties", {"typename": "real"}, more))
    device = _recording(listed, Exchange("device-list-properties", {"typename": "real"}, own))
    assert diff(qom, device).is_empty
    fewer = _recording(listed, Exchange("qom-list-properties", {"typename": "real"}, own))
    assert len(diff(qom, fewer).group("properties").changes) == 2


def test_libvirts_partial_recordings(libvirt_data: Path) -> None:
    """libvirt asks some thirty types: what it did not ask is counted, and nothing of it is taken for gone."""
    partial, whole = load_capabilities(LIBVIRT / "replies" / "qemu-10.0.0.replies.xz"), load("10.0.13")
    difference = diff(partial, whole)
    assert difference.group("properties").changes == ()
    assert difference.group("properties").unknown > 400
    assert difference.group("commands").changes == ()


# One thing is changed in a schema, and that one thing is found.

_TYPES: list[dict[str, Any]] = [
    {"name": "str", "meta-type": "builtin", "json-type": "string"},
    {"name": "int", "meta-type": "builtin", "json-type": "int"},
    {"name": "none", "meta-type": "object", "members": []},
]


def _schema(members: dict[str, tuple[str, bool, bool]], values: list[str]) -> Capabilities:
    """``add`` with these members (type, optional, deprecated) in an object of a list, and one enum."""
    described = [
        {
            "name": name,
            "type": kind,
            **({"default": None} if optional else {}),
            **({"features": ["deprecated"]} if deprecated else {}),
        }
        for name, (kind, optional, deprecated) in members.items()
    ]
    entities: Any = [
        *_TYPES,
        {"name": "add", "meta-type": "command", "arg-type": "args", "ret-type": "none"},
        {
            "name": "args",
            "meta-type": "object",
            "members": [{"name": "list", "type": "[item]"}, {"name": "e", "type": "en"}],
        },
        {"name": "[item]", "meta-type": "array", "element-type": "item"},
        {"name": "item", "meta-type": "object", "members": [*described, {"name": "more", "type": "[item]"}]},
        {"name": "en", "meta-type": "enum", "values": values},
    ]
    return _recording(Exchange("query-qmp-schema", None, json.loads(json.dumps(entities))))


_members = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]), st.tuples(st.sampled_from(["str", "int"]), st.booleans(), st.booleans())
)
_values = st.lists(st.sampled_from(["x", "y", "z"]), unique=True, min_size=1)


@settings(max_examples=60, deadline=None)
@given(_members, _members, _values, _values)
def test_members_that_differ_are_found_one_by_one(
    first: dict[str, tuple[str, bool, bool]],
    second: dict[str, tuple[str, bool, bool]],
    one: list[str],
    other: list[str],
) -> None:
    expected: set[tuple[str, str, str]] = set()
    for name in first.keys() | second.keys():
        fact = f"add.list.{name}"
        if name not in second:
            expected.add((fact, "removed", ""))
        elif name not in first:
            expected.add((fact, "added", ""))
        else:
            (kind, optional, old), (kinds, optionals, new) = first[name], second[name]
            if kind != kinds:
                expected.add((fact, "changed", "type"))
            if optional != optionals:
                expected.add((fact, "changed", "optional"))
            if old != new:
                expected.add((fact, "deprecated" if new else "undeprecated", ""))
    expected |= {(f"add.e.{value}", "removed", "") for value in set(one) - set(other)}
    expected |= {(f"add.e.{value}", "added", "") for value in set(other) - set(one)}
    there = diff(_schema(first, one), _schema(second, other))
    changes = there.group("members").changes
    assert {(change.fact, change.kind, change.what) for change in changes} == expected
    assert len(changes) == len(expected)
    assert as_sets(there) == as_sets(diff(_schema(second, other), _schema(first, one)), mirror=True)
