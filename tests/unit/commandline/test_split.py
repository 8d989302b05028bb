"""Pairs without two commas in a row are read in a shorter way, to the same effect."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prober.commandline.text import split_pairs

_TEXTS = st.text(alphabet="ab=,", max_size=12)


@given(_TEXTS, st.sampled_from(["", "driver"]))
def test_both_ways_read_the_same(text: str, implied: str) -> None:
    # Two commas behind a value are read in the long way, and are one comma of a value of its own.
    short = list(split_pairs(text, implied)) if ",," not in text else None
    long = list(split_pairs(f"{text.rstrip(',')},z=,,", implied)) if text.rstrip(",") else [("z", ",")]
    assert long[-1] == ("z", ",")
    if short is not None:
        assert long[:-1] == (list(split_pairs(text.rstrip(","), implied)))
