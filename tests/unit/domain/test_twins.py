"""What is there more than once, each way of asking for it."""

from __future__ import annotations

from prober.domain.shared.twins import extras, given_twice, repeats, twins


def test_twins_are_told_with_the_first_that_has_their_key() -> None:
    words = ["ab", "b", "ac", "ad", "c"]
    assert list(twins(words, lambda word: word[0])) == [("ab", "ac"), ("ab", "ad")]


def test_extras_are_all_but_the_first() -> None:
    assert list(extras(["a", "b", "c"])) == [("a", "b"), ("a", "c")]
    assert list(extras([])) == []


def test_values_are_repeated_as_often_as_they_come_again() -> None:
    assert list(repeats([2, 1, 2, 3, 1, 2])) == [2, 1, 2]


def test_values_that_are_given_twice_are_told_once_and_in_order() -> None:
    assert given_twice(["c", "a", "c", "b", "a", "c"]) == ["a", "c"]
