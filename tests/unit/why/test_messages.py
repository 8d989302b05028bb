"""Messages that people met, each with what it means; and what only looks like one."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from prober.why.book import load_book
from prober.why.find import find_said
from tests.cost import processor_time

HERE = Path(__file__).parent
MESSAGES = [line.split("\t") for line in (HERE / "messages.tsv").read_text().splitlines()[1:]]
STRANGERS = (HERE / "strangers.txt").read_text().splitlines()


def _names(text: str) -> list[str]:
    return [one.meaning.name for one in find_said(text, load_book()).said]


def test_there_are_messages_of_many_kinds() -> None:
    assert len(MESSAGES) > 130
    assert len({name for name, _, _ in MESSAGES}) > 80


@pytest.mark.parametrize(("meaning", "message", "where"), MESSAGES, ids=lambda text: text[-40:])
def test_a_message_has_its_meaning_and_no_other(meaning: str, message: str, where: str) -> None:
    assert _names(message) == meaning.split(), where


#: Of wider kinds: where a word of a narrower sentence is another one, these are still right.
WIDER = {
    "libvirt-before-exec",
    "libvirt-exec",
    "libvirt-model-unsupported",
    "libvirt-not-in-qemu",
    "libvirt-xml-value",
    "parameter-value",
    "property-unknown",
    "bridge-helper",
    "cpu-global-unknown",
    "global-unknown",
}


def test_a_message_that_differs_in_one_word_is_not_taken_for_another() -> None:
    """Each of its own words (not those that may be anything) is another one."""
    chosen = random.Random(1)
    wrong = []
    tried = 0
    for _, message, _ in MESSAGES:
        for one in find_said(message, load_book()).said:
            entries = [entry for entry in load_book().entries(one.message) if entry.meaning is one.meaning]
            template = next(entry.template for entry in entries if entry.pattern.match(one.message))
            words = sorted(word for word in template.words if len(word) > 2)
            for word in chosen.sample(words, min(2, len(words))):
                changed = message.replace(one.message, re.sub(rf"\b{word}\b", "zyx", one.message, flags=re.IGNORECASE))
                tried += 1
                wrong += [
                    (said.meaning.name, said.message)
                    for said in find_said(changed, load_book()).said
                    if "zyx" in said.message and said.meaning.name not in {one.meaning.name, *WIDER}
                ]
    assert wrong == []
    assert tried > 200


@pytest.mark.parametrize("text", STRANGERS)
def test_what_others_say_is_not_known(text: str) -> None:
    assert _names(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "qemu: " * 100_000,
        ("Could not open 'a" + "': x" * 4_000 + "\n") * 20,
        ("Property 'a.b' doesn't take value " * 300 + "\n") * 20,
        ("error: '" * 2_000 + "\n") * 20,
        "-" * 1_000_000,
        "\0\x1b[31mqemu" * 10_000,
    ],
    ids=["starts", "quotes", "holes", "complaints", "dashes", "controls"],
)
def test_a_hostile_text_is_read_in_bounded_time(text: str) -> None:
    with processor_time() as cost:
        find_said(text, load_book())
    assert cost.seconds < 5
