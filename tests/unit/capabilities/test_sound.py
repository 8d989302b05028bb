"""A schema is taken only in the form that QEMU gives it, and only where following it comes to an end."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest

from prober.capabilities.capabilities import Capabilities
from prober.capabilities.sound import require_sound
from prober.errors import RecordingError
from prober.qemu.recording import Recording
from tests.recordings import FIXTURES, load_recording

GOOD: list[dict[str, Any]] = [
    {"name": "do", "meta-type": "command", "arg-type": "0", "ret-type": "0"},
    {"name": "EVENT", "meta-type": "event", "arg-type": "0"},
    {
        "name": "0",
        "meta-type": "object",
        "members": [{"name": "t", "type": "3", "features": ["deprecated"]}, {"name": "again", "type": "0"}],
        "tag": "t",
        "variants": [{"case": "x", "type": "5"}],
    },
    {"name": "1", "meta-type": "array", "element-type": "2"},
    {"name": "2", "meta-type": "alternate", "members": [{"type": "str"}, {"type": "0"}]},
    {"name": "3", "meta-type": "enum", "members": [{"name": "x"}], "values": ["x"]},
    {"name": "4", "meta-type": "enum", "values": ["x"]},
    {"name": "5", "meta-type": "object", "members": []},
    {"name": "str", "meta-type": "builtin", "json-type": "string"},
    {"name": "new", "meta-type": "of a later QEMU"},
]


def changed(name: str, **members: Any) -> list[dict[str, Any]]:
    """The good schema with members of one entity replaced, or left out where they are None."""
    schema = deepcopy(GOOD)
    entity = next(entity for entity in schema if entity["name"] == name)
    for key, value in members.items():
        key = key.replace("_", "-")
        if value is None:
            del entity[key]
        else:
            entity[key] = value
    return schema


def test_a_good_one_is_taken() -> None:
    """Members may lead back: each is a step in a value, and values end."""
    require_sound(GOOD)


@pytest.mark.parametrize("version", ["5.2.0", "7.2.22", "10.0.13", "11.1.2"])
def test_real_ones_are_taken(version: str) -> None:
    part = load_recording(FIXTURES / f"qemu-{version}.replies.xz").parts[0]
    exchange = part.find("query-qmp-schema", None)
    assert exchange is not None
    require_sound(exchange.reply)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("do", {"arg_type": None}),
        ("EVENT", {"arg_type": 1}),
        ("0", {"members": [{"type": "3"}]}),
        ("0", {"members": [{"name": "t"}]}),
        ("0", {"members": [{"name": "t", "type": "3", "features": "deprecated"}]}),
        ("0", {"members": {"t": "3"}}),
        ("0", {"members": ["t"]}),
        ("0", {"tag": None}),
        ("0", {"tag": 1}),
        ("0", {"variants": [{"case": "x"}]}),
        ("0", {"variants": [{"type": "5"}]}),
        ("0", {"variants": [{"case": "x", "type": "nowhere"}]}),
        ("0", {"variants": [{"case": "x", "type": "str"}]}),
        ("1", {"element_type": None}),
        ("2", {"members": []}),
        ("2", {"members": [{}]}),
        ("3", {"members": [{"case": "x"}]}),
        ("4", {"values": [1]}),
        ("4", {"values": "x"}),
        ("str", {"json_type": None}),
        ("str", {"json_type": "text"}),
        ("str", {"json_type": []}),
        ("str", {"meta_type": 3}),
    ],
)
def test_another_form_is_refused_by_name(name: str, members: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"query-qmp-schema has '{name}'"):
        require_sound(changed(name, **members))


@pytest.mark.parametrize("schema", [{}, "x", [1], [{"meta-type": "enum"}], [{"name": 1, "meta-type": "enum"}]])
def test_what_is_no_list_of_entities_is_refused(schema: Any) -> None:
    with pytest.raises(TypeError, match="query-qmp-schema"):
        require_sound(schema)


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("0", {"variants": [{"case": "x", "type": "0"}]}),
        ("1", {"element_type": "1"}),
        ("2", {"members": [{"type": "1"}]}),
    ],
)
def test_what_leads_on_without_an_end_is_refused(name: str, members: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="without an end"):
        require_sound(changed(name, **members))


def test_too_many_ways_are_refused() -> None:
    """Each of fifteen alternates has two branches, which are the next one."""
    chain = [
        {"name": f"a{n}", "meta-type": "alternate", "members": [{"type": f"a{n + 1}"}, {"type": f"a{n + 1}"}]}
        for n in range(15)
    ]
    with pytest.raises(TypeError, match="more than 20000 ways"):
        require_sound([*GOOD, *chain])


def test_an_interview_with_such_a_schema_fails_with_the_reason() -> None:
    version = {"qemu": {"major": 9, "minor": 0, "micro": 0}, "package": ""}
    schema = changed("1", element_type=None)
    said = [{"execute": "query-version"}, {"return": version}, {"execute": "query-qmp-schema"}, {"return": schema}]
    recording = Recording.loads("\n\n".join(map(json.dumps, said)))
    with pytest.raises(RecordingError, match="query-qmp-schema has '1', which is no array as QEMU describes one"):
        Capabilities.from_recording(recording)


@pytest.mark.parametrize("where", ["schema", "command"])
def test_half_of_a_pair_is_no_text(where: str) -> None:
    """JSON can have one; nobody can write it again, so each answer with it would be a fault."""
    version = {"qemu": {"major": 9, "minor": 0, "micro": 0}, "package": ""}
    schema = [*GOOD, {"name": "\ud800", "meta-type": "enum", "values": []}]
    asked = {"schema": ("query-qmp-schema", schema), "command": ("query-commands", [{"name": "\ud800"}])}
    question, reply = asked[where]
    said = [{"execute": "query-version"}, {"return": version}, {"execute": question}, {"return": reply}]
    with pytest.raises(RecordingError, match="no Unicode"):
        Capabilities.from_recording(Recording.loads("\n\n".join(map(json.dumps, said))))
