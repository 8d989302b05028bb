"""The text of a recording: what is read fast is what Python's parser makes of it, and odd text is left to that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.errors import RecordingError
from prober.qemu.recording import Exchange, Part, Recording
from prober.qemu.replies import JsonValue, pairs

_VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
_LISTS = st.lists(st.dictionaries(st.sampled_from(["name", "type", "default-value"]), _VALUES, max_size=3), max_size=4)


def _text(*lists: Any) -> str:
    asked = (Exchange("qom-list-properties", {"typename": "x"}, reply) for reply in lists)
    return Recording((Part(tuple(asked)),)).dumps()


def _replies(text: str) -> list[JsonValue]:
    return [reply for _, reply, _ in pairs(text)]


def _slowly(text: str) -> list[JsonValue]:
    """What Python's parser makes of the replies."""
    decoder, place, values = json.JSONDecoder(), 0, []
    while place < len(text.rstrip()):
        place += len(text[place:]) - len(text[place:].lstrip())
        value, place = decoder.raw_decode(text, place)
        values.append(value)
    return values[1::2]


@pytest.mark.slow
@given(st.lists(_LISTS, min_size=1, max_size=4))
def test_lists_are_read_as_pythons_parser_reads_them(lists: list[JsonValue]) -> None:
    read = _replies(_text(*lists))
    for one, other in zip(read, _slowly(_text(*lists)), strict=True):
        assert isinstance(one, dict)
        assert isinstance(other, dict)
        assert repr(one["return"]) == repr(other["return"])


def test_what_is_written_alike_is_one_object() -> None:
    first, second = _replies(_text([{"name": "a", "type": "bool"}], [{"name": "b"}, {"name": "a", "type": "bool"}]))
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    a, b = first["return"], second["return"]
    assert isinstance(a, list)
    assert isinstance(b, list)
    assert a[0] is b[1]


@given(st.lists(_LISTS.filter(bool), min_size=1, max_size=3).map(lambda lists: _text(*lists)), st.data())
def test_odd_text_is_read_or_refused_as_pythons_parser_does(text: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(text)))
    odd = (
        text[:place]
        + data.draw(st.sampled_from(["", " ", "\n", "}", "]", '"', ",", "},\n    {\n", "NaN", "-"]))
        + text[place + data.draw(st.integers(0, 3)) :]
    )
    try:
        expected = _slowly(odd)
    except ValueError:
        with pytest.raises(RecordingError):
            _replies(odd)
        return
    try:
        read = _replies(odd)
    except RecordingError as error:
        assert "has no reply" in error.message
        return
    for one, other in zip(read, expected, strict=True):
        assert isinstance(other, dict) or one == other
        if isinstance(one, dict) and isinstance(other, dict):
            assert repr(one.get("return")) == repr(other.get("return"))


def test_the_line_of_a_fault_in_a_list_is_told() -> None:
    text = _text([{"name": "a"}], [{"name": "b"}]).replace('"b"', "b")
    with pytest.raises(RecordingError, match="line 26: not JSON"):
        _replies(text)


@pytest.mark.parametrize("command", ["qom-list-properties", "query-commands"])
def test_half_of_a_pair_is_refused_with_its_line(command: str) -> None:
    """Also in a list that is read object by object."""
    text = _text([{"name": "a"}], [{"name": "\\ud83d"}]).replace("qom-list-properties", command)
    text = text.replace("\\\\", "\\")
    with pytest.raises(RecordingError, match="line 26: a text that is no Unicode"):
        _replies(text)
    whole = _replies(text.replace("\\ud83d", "\\ud83d\\ude00"))[1]
    assert isinstance(whole, dict)
    assert whole["return"] == [{"name": "😀"}]


def test_a_list_without_end_is_looked_for_once() -> None:
    question = '{"execute": "qom-list-properties"}\n'
    odd = '{\n  "return": [\n    {\n      "name": "]"}]}\n'
    assert len(_replies((question + odd) * 20_000)) == 20_000
