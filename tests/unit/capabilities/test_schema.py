"""The QAPI schema is followed by member, variant, alternate, list and enum value."""

from __future__ import annotations

import json

import pytest

from prober.capabilities.schema import QapiSchema
from tests.recordings import FIXTURES, load_capabilities

SCHEMA = QapiSchema.loads(
    json.dumps(
        [
            {"name": "add", "meta-type": "command", "arg-type": "1", "ret-type": "0"},
            {
                "name": "1",
                "meta-type": "object",
                "members": [
                    {"name": "kind", "type": "2"},
                    {"name": "list", "type": "[4]", "default": None},
                    {"name": "either", "type": "5", "default": None, "features": ["deprecated"]},
                ],
                "tag": "kind",
                "variants": [{"case": "a", "type": "3"}, {"case": "b", "type": "0"}],
            },
            {"name": "2", "meta-type": "enum", "values": ["a", "b"], "members": [{"name": "a"}, {"name": "b"}]},
            {
                "name": "6",
                "meta-type": "enum",
                "members": [{"name": "new"}, {"name": "old", "features": ["deprecated"]}],
            },
            {"name": "7", "meta-type": "object", "members": [{"name": "word", "type": "6"}]},
            {"name": "3", "meta-type": "object", "members": [{"name": "deep", "type": "4"}]},
            {"name": "4", "meta-type": "object", "members": [{"name": "leaf", "type": "str"}]},
            {"name": "[4]", "meta-type": "array", "element-type": "4"},
            {"name": "5", "meta-type": "alternate", "members": [{"type": "str"}, {"type": "3"}]},
            {"name": "str", "meta-type": "builtin", "json-type": "string"},
            {"name": "0", "meta-type": "object", "members": []},
        ]
    )
)


@pytest.mark.parametrize("path", ["kind", "kind.b", "list.leaf", "deep.leaf", "either.deep", "either.deep.leaf"])
def test_found(path: str) -> None:
    assert SCHEMA.find_member("add", path.split("."))[0] == "found"


@pytest.mark.parametrize(
    ("path", "known"),
    [("x", ["deep", "either", "kind", "list"]), ("kind.c", ["a", "b"]), ("list.x", ["leaf"]), ("deep.leaf.x", [])],
)
def test_lost_says_what_there_is(path: str, known: list[str]) -> None:
    assert SCHEMA.find_member("add", path.split(".")) == ("lost", known)


def test_members_and_variants() -> None:
    members = {member.name: member for member in SCHEMA.members("1")}
    assert not members["kind"].optional
    assert members["either"].optional
    assert members["either"].features == ("deprecated",)
    assert SCHEMA.variant("1", "a") == "3"
    assert SCHEMA.variant("1", "z") is None
    assert SCHEMA.enum_values("2") == ("a", "b")
    assert list(SCHEMA.commands()) == ["add"]
    assert SCHEMA.command("1") is None
    assert SCHEMA.kind("nothing") == ""


@pytest.mark.timeout(20)
def test_a_long_path_through_many_variants_is_followed_at_once() -> None:
    """Some thirty block drivers have ``file``, which is a block driver again: 30 ways become 900, and so on."""
    schema = load_capabilities(FIXTURES / "qemu-11.1.2.replies.xz").schema_
    assert schema is not None
    assert schema.find_member("blockdev-add", ["file"] * 40 + ["driver"])[0] == "found"


def test_values_that_may_not_be_taken_for_long() -> None:
    assert SCHEMA.deprecated_values("6") == {"old"}
    assert SCHEMA.deprecated_values("2") == frozenset()


def test_members_of_which_every_value_fits() -> None:
    assert [member.scalar for member in SCHEMA.members("1")] == [None, None, None]
    assert next(SCHEMA.members("4")).scalar is str


def test_members_that_take_words() -> None:
    assert [member.words for member in SCHEMA.members("1")] == [{"a", "b"}, frozenset(), frozenset()]
    assert [member.words for member in SCHEMA.members("7")] == [{"new"}]


def test_what_an_object_cannot_be_without() -> None:
    shape = SCHEMA.shape_with("1", "a", {"kind": "a"})
    assert shape.required == ("kind", "deep")
    assert shape.members.keys() == {"kind", "list", "either", "deep"}
    assert SCHEMA.shape_with("1", None, {}).required == ("kind",)
