"""The book itself: each sentence leads to its own meaning, and the meanings are whole."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from prober.why.book import Book, load_book
from prober.why.find import find_said
from prober.why.meaning import Meaning, Speaker
from prober.why.template import KINDS, Template

MEANINGS = load_book().meanings

#: What stands in a hole of each kind, for an example.
_EXAMPLES = {"word": "zig", "n": "0x17", "path": "/srv/zig zag", "text": "zig zag zog", "error": "No zig zag"}


def _example(template: Template) -> str:
    return re.sub(r"\{(\w+)(?::(\w+))?\}", lambda hole: _EXAMPLES[hole[2] or "word"], template.text)


def test_a_name_is_given_once() -> None:
    assert [name for name, count in Counter(meaning.name for meaning in MEANINGS).items() if count > 1] == []


def test_there_is_an_example_for_each_kind() -> None:
    assert KINDS.keys() == _EXAMPLES.keys()


@pytest.mark.slow
@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda meaning: meaning.name)
def test_each_sentence_leads_to_its_meaning(meaning: Meaning) -> None:
    before = f"qemu: {meaning.of[0]} zig=zag: " if meaning.of else ""
    wrong = {}
    for says in meaning.says:
        found = [one.meaning.name for one in find_said(before + _example(says), load_book()).said]
        if found != [meaning.name]:
            wrong[says.text] = found
    assert wrong == {}


@pytest.mark.parametrize("meaning", MEANINGS, ids=lambda meaning: meaning.name)
def test_a_meaning_is_whole(meaning: Meaning) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", meaning.name)
    assert meaning.means.endswith(".") and meaning.do.endswith((".", "…"))
    assert meaning.speaker is not Speaker.prober or meaning.name.startswith("prober-")
    # What is told of a sentence is made of holes that one of its sentences has, or of its option.
    holes = {name for says in meaning.says for name in says.holes} | {"flag", "first"}
    told = (meaning.means, meaning.do, meaning.fact, meaning.option, meaning.element)
    assert {name for text in told for name in re.findall(r"\{(\w+)\}", text)} <= holes


def test_qemus_are_named_only_that_there_are_recordings_of() -> None:
    named = {version for meaning in MEANINGS for version in meaning.said_by or ()}
    assert named == {"5.2.0", "7.2.22", "10.0.13", "11.1.2"}


def test_a_sentence_of_holes_alone_is_none() -> None:
    with pytest.raises(ValueError, match="no word"):
        Template("{a}: {b}")
    with pytest.raises(ValueError, match="no kind"):
        Template("the {a:moon}")


def test_a_book_of_nothing_knows_nothing() -> None:
    assert find_said("Could not access KVM kernel module: Permission denied", Book(())).said == ()
