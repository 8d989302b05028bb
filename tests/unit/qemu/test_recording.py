"""Recordings: the ``.replies`` form is read and written as libvirt has it, and nothing else is read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.errors import RecordingError
from prober.qemu.recording import ErrorReply, Exchange, Part, Recording
from prober.qemu.replies import JsonValue

JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
COMMANDS = st.text(min_size=1).filter(lambda name: name != "qmp_capabilities")
EXCHANGES = st.builds(
    lambda command, arguments, reply, error: Exchange(command, arguments, None if error else reply, error),
    COMMANDS,
    st.none() | st.dictionaries(st.text(), JSON, max_size=3),
    JSON,
    st.none() | st.builds(ErrorReply, st.text(), st.text()),
)
PARTS = st.lists(EXCHANGES, max_size=4).map(lambda rest: Part((Exchange("qmp_capabilities", None, {}), *rest)))


@pytest.mark.slow
@given(st.lists(PARTS, min_size=1, max_size=3))
def test_what_is_written_is_read_again(parts: list[Part]) -> None:
    recording = Recording(tuple(parts))
    assert Recording.loads(recording.dumps()) == recording


def test_the_form_is_libvirts() -> None:
    text = Recording((Part((Exchange("query-kvm", {"a": 1}, {"enabled": False}),)),)).dumps()
    assert text == (
        '{\n  "execute": "query-kvm",\n  "arguments": {\n    "a": 1\n  },\n  "id": "libvirt-1"\n}\n'
        '\n{\n  "return": {\n    "enabled": false\n  },\n  "id": "libvirt-1"\n}\n'
    )


def test_a_second_negotiation_begins_a_second_part() -> None:
    hello = '{"execute": "qmp_capabilities"}\n\n{"return": {}}\n\n'
    assert len(Recording.loads(hello + hello).parts) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the recording is empty"),
        ("[" * 100_000, "nested too deeply"),
        ("\n\n{", "line 3: not JSON"),
        ('{"execute": "a"}', "line 1: the last command has no reply"),
        ('{"return": {}}\n{"return": {}}', "line 1: expected a command"),
        ('{"execute": "a", "arguments": []}\n{"return": {}}', "the arguments of a are not an object"),
        ('{"execute": "a"}\n[]', "the reply to a is not an object"),
        ('{"execute": "a"}\n{"event": "X"}', "neither `return` nor `error`"),
    ],
)
def test_other_text_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(RecordingError) as caught:
        Recording.loads(text)
    assert message in str(caught.value)


@given(st.text())
def test_no_text_is_more_than_refused(text: str) -> None:
    try:
        Recording.loads(text)
    except RecordingError:
        return
    json.loads(text.split("\n\n")[0])


def test_a_question_is_found_whatever_the_order_of_its_arguments() -> None:
    part = Part((Exchange("q", {"a": 1, "b": 2}, "yes"),))
    found = part.find("q", {"b": 2, "a": 1})
    assert found is not None
    assert found.reply == "yes"
    assert part.find("q") is None
    assert part.find("q", {"a": 1}) is None
