"""A word of a command line that stands in a file."""

from __future__ import annotations

from typing import NamedTuple


class Word(NamedTuple):
    """One word, and where its text begins and ends in the file.

    ``unknown`` names what it depends on and nobody knows: a variable, or a program's output.
    """

    text: str
    start: int
    end: int
    unknown: str = ""
