"""Members of commands' arguments: unfolded, in words, and in bounded time whatever the schema says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prober.capabilities.members import (
    MemberNode,
    branches_of,
    find_members,
    members_of,
    object_type,
    type_words,
    unfold,
    values_of,
)
from prober.capabilities.schema import QapiSchema
from prober.errors import RecordingError
from tests.recordings import FIXTURES, load_capabilities

SCHEMA: list[dict[str, Any]] = [
    {"name": "add", "meta-type": "command", "arg-type": "1", "ret-type": "0"},
    {
        "name": "1",
        "meta-type": "object",
        "members": [
            {"name": "kind", "type": "2"},
            {"name": "modes", "type": "[2]", "default": None, "features": ["unstable"]},
            {"name": "either", "type": "5", "default": None, "features": [{"name": "deprecated"}]},
        ],
        "tag": "kind",
        "variants": [{"case": "a", "type": "3"}, {"case": "b", "type": "0"}],
    },
    {"name": "2", "meta-type": "enum", "members": [{"name": "a"}, {"name": "b", "features": ["deprecated"]}]},
    {"name": "[2]", "meta-type": "array", "element-type": "2"},
    {"name": "3", "meta-type": "object", "members": [{"name": "again", "type": "1"}, {"name": "size", "type": "int"}]},
    {"name": "4", "meta-type": "object", "members": [{"name": "leaf", "type": "str", "default": None}]},
    {"name": "5", "meta-type": "alternate", "members": [{"type": "4"}, {"type": "str"}]},
    {"name": "str", "meta-type": "builtin", "json-type": "string"},
    {"name": "int", "meta-type": "builtin", "json-type": "int"},
    {"name": "0", "meta-type": "object", "members": []},
]


def make_schema(entities: list[dict[str, Any]] | None = None) -> QapiSchema:
    return QapiSchema.loads(json.dumps(SCHEMA if entities is None else entities))


def test_types_in_words() -> None:
    schema = make_schema()
    words = {name: type_words(schema, name) for name in ("1", "2", "[2]", "5", "str", "int", "nowhere")}
    assert words == {
        "1": "object", "2": "enum", "[2]": "list of enum", "5": "string or object",
        "str": "string", "int": "integer", "nowhere": "unknown",
    }  # fmt: skip


def test_a_command_unfolds_to_a_tree() -> None:
    kind, modes, either, again, size = unfold(make_schema(), "add")
    assert [(value.name, value.deprecated) for value in kind.values] == [("a", False), ("b", True)]
    assert (kind.type, kind.optional, kind.when) == ("enum", False, ())
    assert (modes.type, modes.optional, modes.features, modes.deprecated) == (
        "list of enum",
        True,
        ("unstable",),
        False,
    )
    assert modes.values == kind.values
    assert (either.type, either.deprecated) == ("string or object", True)
    assert [(inner.name, inner.optional) for inner in either.members] == [("leaf", True)]
    assert (size.type, size.when) == ("integer", ("kind=a",))
    # The type of the arguments comes again below itself.
    assert (again.same_as, again.members) == ("add", ())


def test_what_a_value_may_have() -> None:
    schema = make_schema()
    assert branches_of(schema, "1") == {"kind=a", "kind=b"}
    assert [member.name for member in members_of(schema, "5")] == ["leaf"]
    assert [value.name for value in values_of(schema, "[2]")] == ["a", "b"]
    assert (object_type(schema, "5"), object_type(schema, "[2]")) == ("4", "")
    assert [found.when for found in find_members(schema, "add", ["again", "again", "size"])] == [("kind=a",)]
    assert find_members(schema, "add", ["leaf"]) == []


def _count(members: tuple[MemberNode, ...]) -> int:
    return sum(1 + _count(member.members) for member in members)


@pytest.mark.parametrize("version", ["5.2.0", "7.2.22", "10.0.13", "11.1.2"])
def test_every_command_of_a_real_qemu_unfolds(version: str) -> None:
    """And each member of the tree is a fact that the binary has, under its dotted path."""
    caps = load_capabilities(FIXTURES / f"qemu-{version}.replies.xz")
    assert caps.schema_ is not None
    sizes = {name: _count(unfold(caps.schema_, name)) for name in caps.schema_.commands()}
    assert max(sizes, key=lambda name: sizes[name]) == "blockdev-create"
    assert 200 < sizes["blockdev-add"] < 1000
    assert sizes["query-version"] == 0

    def check(members: tuple[MemberNode, ...], path: str) -> None:
        for member in members:
            assert caps.has(f"{path}.{member.name}"), f"{path}.{member.name}"
            check(member.members, f"{path}.{member.name}")

    check(unfold(caps.schema_, "blockdev-add"), "blockdev-add")


def _exploding() -> list[dict[str, Any]]:
    """Each type has ten members of the next: 10 to the power of 30."""
    types: list[dict[str, Any]] = [
        {
            "name": f"t{number}",
            "meta-type": "object",
            "members": [{"name": f"m{one}", "type": f"t{number + 1}"} for one in range(10)],
        }
        for number in range(30)
    ]
    return [{"name": "add", "meta-type": "command", "arg-type": "t0", "ret-type": "t0"}, *types]


def _branching(meta: str, key: str) -> list[dict[str, Any]]:
    """A type of a thousand branches, each of which is that type again."""
    branches = [{"case": str(number), "type": "t"} for number in range(1000)]
    entity = {"name": "t", "meta-type": meta, "tag": "x", key: branches}
    start = {"name": "1", "meta-type": "object", "members": [{"name": "m", "type": "t"}]}
    return [{"name": "add", "meta-type": "command", "arg-type": "1", "ret-type": "1"}, start, entity]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("entities", [_exploding(), _branching("object", "variants")], ids=["members", "variants"])
def test_a_crafted_schema_ends(entities: list[dict[str, Any]]) -> None:
    with pytest.raises(RecordingError, match="unfolds to more than"):
        unfold(make_schema(entities), "add")


@pytest.mark.timeout(30)
def test_crafted_alternates_end() -> None:
    with pytest.raises(RecordingError, match="more than"):
        unfold(make_schema(_branching("alternate", "members")), "add")


@pytest.mark.parametrize(
    "broken",
    [
        {"name": "1", "meta-type": "object", "members": [{"type": "str"}]},
        {"name": "1", "meta-type": "object", "members": 5},
        {"name": "1", "meta-type": "object", "variants": [{"case": "a", "type": "0"}, {"type": "0"}]},
        {"name": "1", "meta-type": "object", "members": [{"name": "x", "type": ["str"]}]},
    ],
)
def test_a_malformed_schema_is_an_error_of_the_recording(broken: dict[str, Any]) -> None:
    with pytest.raises(RecordingError, match="has not the form"):
        unfold(make_schema([*SCHEMA, broken]), "add")
