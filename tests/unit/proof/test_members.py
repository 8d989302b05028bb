"""An option's members can be looked at and changed one by one, and the rest stays as it was written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.proof.members import JsonMembers, Members, PairMembers

_TREE = {"driver": "qcow2", "node-name": "n", "file": {"driver": "file", "filename": "/a,b"}}
_TEXT = "driver=qcow2,node-name=n,file.driver=file,file.filename=/a,,b"


def both() -> list[Members]:
    return [JsonMembers(json.loads(json.dumps(_TREE))), PairMembers.of(_TEXT, "driver")]


@pytest.mark.parametrize("members", both())
def test_a_tree_is_the_same_in_json_and_in_pairs(members: Members) -> None:
    assert members.names() == ["driver", "node-name", "file"]
    assert members.text("driver") == "qcow2"
    inner = members.inner("file")
    assert inner is not None
    assert inner.get("filename") == "/a,b"
    assert members.inner("driver") is None
    assert [len(one.names()) for one in members.walk()] == [3, 2]


@pytest.mark.parametrize("members", both())
def test_a_member_below_is_set_in_the_whole(members: Members) -> None:
    inner = members.inner("file")
    assert inner is not None
    inner.set("filename", "/c,d")
    inner.drop("driver")
    assert isinstance(members, JsonMembers | PairMembers)
    text = members.render()
    assert ("/c,,d" in text) == isinstance(members, PairMembers)
    assert '"driver":"file"' not in text
    assert "file.driver" not in text


def test_what_is_not_set_keeps_its_spelling() -> None:
    members = PairMembers.of("socket,id=a,path=/x,,y,nowait,server=on", "backend")
    assert members.get("wait") == "off"
    members.set("path", "/z")
    assert members.render() == "socket,id=a,path=/z,nowait,server=on"


def test_a_first_word_stays_one_when_it_is_set() -> None:
    members = PairMembers.of("tap,id=n", "type")
    members.set("type", "hubport")
    assert members.render() == "hubport,id=n"


def test_of_several_of_one_name_the_last_counts_and_one_is_left_when_it_is_set() -> None:
    members = PairMembers.of("user,hostfwd=a,id=n,hostfwd=b", "type")
    assert members.get("hostfwd") == "b"
    assert members.all("hostfwd") == ["a", "b"]
    members.set("hostfwd", "c")
    assert members.render() == "user,hostfwd=c,id=n"


def test_a_list_has_numbers_for_names() -> None:
    for members in (
        JsonMembers({"children": ["a", {"driver": "x"}]}),
        PairMembers.of("children.0=a,children.1.driver=x", ""),
    ):
        below = members.inner("children")
        assert below is not None
        assert below.names() == ["0", "1"]
        assert below.get("0") == "a"
        inner = below.inner("1")
        assert inner is not None
        assert inner.text("driver") == "x"


_values: st.SearchStrategy[Any] = st.dictionaries(
    st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True), st.text(min_size=1, max_size=12), max_size=6
)


@given(_values)
def test_pairs_that_are_set_are_read_as_they_were_set(values: dict[str, str]) -> None:
    members = PairMembers()
    for name, value in values.items():
        members.set(name, value)
    again = PairMembers.of(members.render(), "")
    assert {name: again.get(name) for name in again.names()} == values
