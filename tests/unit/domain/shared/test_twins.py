"""What there may be one of alone."""

from __future__ import annotations

from prober.domain.shared.twins import extras, twins


def test_a_twin_comes_with_the_first_that_has_its_key() -> None:
    words = ["ox", "bee", "ant", "yak", "ape"]
    assert list(twins(words, len)) == [("bee", "ant"), ("bee", "yak"), ("bee", "ape")]
    assert list(twins(words, lambda word: word)) == []


def test_all_but_the_first_are_extras() -> None:
    assert list(extras(["ox", "bee", "ant"])) == [("ox", "bee"), ("ox", "ant")]
    assert list(extras(["ox"])) == list(extras([])) == []
