"""In which line and columns something of an XML document stands, by the path that a place has.

The tree of a document knows lines alone, and of an element that of its start tag's end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple
from xml.parsers import expat

#: A start tag's attributes, each with its value.
_ATTRIBUTE = re.compile(r"""([^\s=/>"']+)\s*=\s*("[^"]*"|'[^']*')""")


class DocumentPlace(NamedTuple):
    """Line and column, both from 1; a column counts characters.  ``end`` is the column behind it, 0 where that is in
    another line."""

    line: int
    column: int
    end: int = 0


class _Open(NamedTuple):
    """An element that is not closed yet: its number among all, and how many of each name are in it so far."""

    number: int
    counts: dict[str, int]


class _Element(NamedTuple):
    """One element: its parent's number (-1: it is the root), its name and turn among those of that name, and the byte
    that its start tag begins at."""

    parent: int
    name: str
    turn: int
    start: int


def find_columns(xml: bytes) -> Callable[[str], DocumentPlace | None]:
    """Who tells where the element or the attribute of a path stands; None where it does not, or nobody can tell.

    What is no XML has no places, and neither has a document that is not UTF-8.

    >>> find_columns(b"<a>\\n  <b c='1'/><b\\n     c='2'/></a>")("/a/b[2]/@c")
    DocumentPlace(line=3, column=6, end=11)
    """
    elements, several = _walk(xml)
    try:
        text = xml.decode()
    except UnicodeDecodeError:
        return lambda path: None
    paths: list[str] = []
    numbers: dict[str, int] = {}
    for number, one in enumerate(elements):
        index = f"[{one.turn}]" if (one.parent, one.name) in several else ""
        paths.append(f"{paths[one.parent] if one.parent >= 0 else ''}/{one.name}{index}")
        numbers[paths[-1]] = number

    def find(path: str) -> DocumentPlace | None:
        parent, _, attribute = path.partition("/@")
        number = numbers.get(parent)
        if number is None:
            return None
        start = len(xml[: elements[number].start].decode())
        return _place(text, *_attribute(text, start, attribute))

    return find


def _walk(xml: bytes) -> tuple[list[_Element], set[tuple[int, str]]]:
    """All elements in order, and which names an element has several of."""
    parser = expat.ParserCreate()
    elements: list[_Element] = []
    several: set[tuple[int, str]] = set()
    ways = [_Open(-1, {})]

    def start(name: str, _: object) -> None:
        parent, counts = ways[-1]
        turn = counts[name] = counts.get(name, 0) + 1
        if turn > 1:
            several.add((parent, name))
        elements.append(_Element(parent, name, turn, parser.CurrentByteIndex))
        ways.append(_Open(len(elements) - 1, {}))

    def end(_: str) -> None:
        ways.pop()

    def refuse(*_: object) -> None:
        raise ValueError("no domain has a document type")

    parser.StartElementHandler, parser.EndElementHandler, parser.StartDoctypeDeclHandler = start, end, refuse
    try:
        parser.Parse(xml, True)
    except (expat.ExpatError, ValueError):
        return [], set()
    return elements, several


def _attribute(text: str, start: int, name: str) -> tuple[int, int]:
    """Where an attribute of the start tag that begins there begins and ends; the tag itself where it has none of this
    name, or none is named."""
    at = start + 1
    while at < len(text) and not text[at].isspace() and text[at] not in "/>":
        at += 1
    while (found := _ATTRIBUTE.match(text, _skip(text, at))) is not None:
        if found[1] == name:
            return found.span()
        at = found.end()
    return start, text.find(">", at) + 1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _place(text: str, at: int, end: int) -> DocumentPlace:
    column = at - text.rfind("\n", 0, at)
    return DocumentPlace(text.count("\n", 0, at) + 1, column, 0 if "\n" in text[at:end] else column + end - at)
