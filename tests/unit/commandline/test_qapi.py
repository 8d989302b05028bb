"""The QAPI value checker against a real schema: valid values pass, and every single mutation of one fails."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prober.capabilities import Capabilities
from prober.capabilities.schema import QapiSchema
from prober.commandline.deprecated import find_deprecated
from prober.commandline.qapi import is_plain, misfits
from prober.commandline.text import Text
from tests.recordings import FIXTURES, LIBVIRT, load_capabilities, load_recording

COMMANDS = ("blockdev-add", "netdev_add", "chardev-add", "object-add")


@cache
def schema(version: str) -> QapiSchema:
    found = load_capabilities(FIXTURES / f"qemu-{version}.replies.xz").schema_
    assert found is not None
    return found


def argument(version: str, command: str) -> str:
    entity = schema(version).command(command)
    assert entity is not None
    return str(entity["arg-type"])


def values(version: str, type_name: str, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of a type; optional members only near the top, as QAPI types are recursive."""
    entity = schema(version).entity(type_name)
    assert entity is not None
    match entity["meta-type"]:
        case "enum":
            return st.sampled_from(schema(version).enum_values(type_name))
        case "array":
            if depth >= 3:
                return st.just([])
            return st.lists(values(version, entity["element-type"], depth + 1), max_size=2)
        case "alternate":
            simple = [m["type"] for m in entity["members"] if schema(version).kind(m["type"]) in ("builtin", "enum")]
            chosen = simple if depth >= 2 and simple else [m["type"] for m in entity["members"]]
            return st.sampled_from(chosen).flatmap(lambda name: values(version, name, depth + 1))
        case "builtin":
            return {
                "string": st.text(max_size=5),
                "int": st.integers(0, 100),
                "number": st.floats(0, 1),
                "boolean": st.booleans(),
                "null": st.none(),
                "value": st.none() | st.text(max_size=3),
            }[entity["json-type"]]
    return objects(version, type_name, depth)


@st.composite
def objects(draw: st.DrawFn, version: str, type_name: str, depth: int) -> dict[str, Any]:
    entity = schema(version).entity(type_name)
    assert entity is not None
    value: dict[str, Any] = {}
    members = list(entity.get("members", ()))
    tag = entity.get("tag")
    while members:
        member = members.pop(0)
        name = member["name"]
        if "default" in member and (depth > 1 or not draw(st.booleans())):
            continue
        if name == tag:
            bare = {"0"} | {case["case"] for case in entity["variants"]}
            plain = [{"case": n, "type": None} for n in schema(version).enum_values(member["type"]) if n not in bare]
            simple = [case for case in entity["variants"] if shallow(version, case["type"])]
            case = draw(st.sampled_from((plain + simple if depth >= 3 else []) or plain + entity["variants"]))
            value[name] = case["case"]
            if case["type"] is not None:
                value |= draw(objects(version, case["type"], depth + 1))
        else:
            value[name] = draw(values(version, member["type"], depth + 1))
    return value


def shallow(version: str, type_name: str) -> bool:
    """Whether an object needs nothing that is an object itself."""
    entity = schema(version).entity(type_name) or {}
    return not entity.get("tag") and all(
        schema(version).kind(member["type"]) in ("builtin", "enum")
        for member in entity.get("members", ())
        if "default" not in member
    )


@pytest.mark.parametrize("version", ["7.2.22", "11.1.2"])
@pytest.mark.parametrize("command", COMMANDS)
def test_valid_values_fit(version: str, command: str) -> None:
    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values(version, argument(version, command)))
    def fits(value: Any) -> None:
        assert list(misfits(schema(version), argument(version, command), value)) == []
        if is_plain(schema(version), argument(version, command), value):
            assert list(find_deprecated(schema(version), argument(version, command), value)) == []

    fits()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_single_mutation_does_not(command: str) -> None:
    version = "11.1.2"

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values(version, argument(version, command)), st.data())
    def fails(value: dict[str, Any], data: st.DataObject) -> None:
        mutated = mutate(value, data)
        assert list(misfits(schema(version), argument(version, command), mutated))
        assert not is_plain(schema(version), argument(version, command), mutated)

    fails()


def mutate(value: Mapping[str, Any], data: st.DataObject) -> Any:
    """A member that is not known, a tag that is not, or no object at all."""
    tag = next(name for name in ("driver", "type", "qom-type", "backend") if name in value)
    kind = data.draw(st.sampled_from(["unknown", "tag", "missing", "list"]))
    if kind == "unknown":
        return {**value, "no-such-member": 1}
    if kind == "tag":
        return {**value, tag: "no-such-value"}
    if kind == "missing":
        return {name: item for name, item in value.items() if name != tag}
    return [dict(value)]


FILE = {"driver": "file", "node-name": "n", "filename": "a", "discard": "unmap", "read-only": True}


@pytest.mark.parametrize(
    ("more", "plain"),
    [
        ({}, True),
        ({"aio": "io_uring"}, True),
        ({"discard": "all"}, False),
        ({"discard": Text("unmap")}, False),
        ({"discard": ["unmap"]}, False),
        ({"read-only": "on"}, False),
        ({"filename": 7}, False),
        ({"filename": None}, False),
        ({"discord": "unmap"}, False),
        ({"cache": {"direct": True}}, False),
        ({"driver": "raw", "file": "n"}, False),
        ({"driver": "none"}, False),
        ({"driver": ["file"]}, False),
    ],
)
def test_right_at_first_sight(more: dict[str, Any], plain: bool) -> None:
    blockdev = argument("11.1.2", "blockdev-add")
    assert is_plain(schema("11.1.2"), blockdev, FILE | more) is plain


def test_at_first_sight_something_is_missing_or_deprecated_or_no_object() -> None:
    blockdev = argument("11.1.2", "blockdev-add")
    assert not is_plain(schema("11.1.2"), blockdev, {"driver": "file"})
    assert not is_plain(schema("11.1.2"), blockdev, "file")
    assert not is_plain(schema("11.1.2"), "no-such-type", FILE)
    backed = {"driver": "qcow2", "file": "n", "node-name": "m"}
    assert not is_plain(schema("11.1.2"), blockdev, backed)  # a name or a node: an alternate


def test_where_and_why() -> None:
    found = list(
        misfits(
            schema("11.1.2"),
            argument("11.1.2", "blockdev-add"),
            {"driver": "qcow2", "file": {"driver": "file", "filename": 7}, "discord": "unmap", "read-only": "on"},
        )
    )
    assert {(misfit.dotted, misfit.message) for misfit in found} == {
        ("file.filename", "is 7, not a string"),
        ("discord", "is not known"),
        ("read-only", "is 'on', not a boolean"),
    }
    known = next(misfit.known for misfit in found if misfit.dotted == "discord")
    assert "discard" in known


def test_a_value_without_end_is_not_followed() -> None:
    value: dict[str, Any] = {"driver": "raw", "file": "x"}
    for _ in range(100):
        value = {"driver": "raw", "file": value}
    assert "nested too deeply" in str(list(misfits(schema("11.1.2"), argument("11.1.2", "blockdev-add"), value)))


RECORDED = [*sorted(FIXTURES.glob("*.replies.xz")), *sorted((LIBVIRT / "replies").glob("*.replies.xz"))]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
def test_every_question_that_was_answered_fits(path: Path) -> None:
    """What QEMU took from an interview is what its own schema says that it takes."""
    recording = load_recording(path)
    known = Capabilities.from_recording(recording).schema_
    if known is None:
        return  # before QEMU 2.5 there is no schema to hold it against
    held = 0
    for part in recording.parts:
        for exchange in part.exchanges:
            entity = known.command(exchange.command)
            if exchange.arguments is None or entity is None or exchange.error is not None:
                continue
            assert list(misfits(known, str(entity["arg-type"]), dict(exchange.arguments))) == [], exchange
            held += 1
    assert held > 20
