"""What has no room in an answer is cut and counted, and nothing of what has."""

from __future__ import annotations

import json

import pytest

from prober.commandline.brief import MOST_OF_AN_ANSWER, cut, within_an_answer
from prober.commandline.refusal import Place, Refusal


def refusal(message: str) -> Refusal:
    return Refusal(place=Place(1, "/domain"), message=message)


def size(items: list[Refusal]) -> int:
    return len(json.dumps([item.model_dump(mode="json") for item in items]))


@pytest.mark.parametrize("message", ["a" * 900, "é" * 900, "\x01" * 300, "a" * 900_000])
def test_what_fits_is_told_whole(message: str) -> None:
    many = [refusal(message)] * (1 if len(message) > 1000 else 150)
    assert within_an_answer(many) == many


@pytest.mark.parametrize("letter", ["a", "é", "\x01", "😀"])
def test_what_does_not_fit_is_cut_or_left_off(letter: str) -> None:
    told = within_an_answer([refusal(letter * 200_000), *[refusal(letter * 900)] * 2000])
    assert told[0].message == f"{letter * 200}… (200000 characters)"
    assert told[1].message == letter * 900
    assert 50 < len(told) < 2001
    assert MOST_OF_AN_ANSWER * 0.8 < size(told) < MOST_OF_AN_ANSWER


@pytest.mark.parametrize("letter", ["é", "中", "😀"])
def test_letters_count_as_the_bytes_that_they_take(letter: str) -> None:
    """So many that they would fit if each took one; none of the texts is long enough to be cut."""
    assert size(within_an_answer([refusal(letter * 1000)] * 300)) < MOST_OF_AN_ANSWER


def test_texts_are_cut_wherever_they_are() -> None:
    long = "a" * 1001
    short = "a" * 200 + "… (1001 characters)"
    assert cut({long: [long, 1, None, {"b": long}], "b": "a" * 1000}) == {
        short: [short, 1, None, {"b": short}],
        "b": "a" * 1000,
    }
