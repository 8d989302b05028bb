"""Read which names libvirt's schema of domains has, from Debian's package: elements, attributes, and their words.

``python -m tools.schema [DIRECTORY] [--check]`` writes ``tools/libvirt_names.txt`` from the directory with
``domain.rng`` (by default that of the root ``libvirt-12``, see ``make peer-roots``; ``PROBER_LIBVIRT_SCHEMA`` names
another).  Names are facts and carried over; the schema is not part of the checkout.  What of them is not understood,
``tools/domain_xml.py`` lists in docs/domain-xml.md.

A line is a path: ``devices/disk/driver/@cache``, and behind it the words that an attribute may be, where the schema
lists them all.  What is in itself again (a ``backingStore`` behind a ``backingStore``) is there once; names of other
namespaces (``qemu:commandline``) are not there.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from tools.roots import CHECKOUT, find_root

NAMES = Path(__file__).with_name("libvirt_names.txt")

#: The release whose names the file has, and where it is in its root.
RELEASE = "12.8"
_IN_ROOT = "usr/share/libvirt/schemas"

_RNG = "{http://relaxng.org/ns/structure/1.0}"

#: Elements that only group what is in them.
_GROUPS = frozenset({"optional", "zeroOrMore", "oneOrMore", "interleave", "group", "choice", "mixed", "list", "define"})

#: An attribute or a text whose words are not all listed.
_ANY = "*"


class Schema:
    """The patterns of a schema by name, all files that it includes together."""

    def __init__(self, directory: Path, first: str = "domain.rng") -> None:
        self._directory = directory
        self._defines: dict[str, list[Any]] = {}
        self._read: set[str] = set()
        self._starts: list[Any] = []
        self._load(first, is_first=True)

    def _load(self, name: str, *, is_first: bool = False) -> None:
        if name in self._read:
            return
        self._read.add(name)
        root: Any = etree.parse(str(self._directory / name)).getroot()
        for node in root.iter(f"{_RNG}define", f"{_RNG}start", f"{_RNG}include"):
            tag = node.tag.removeprefix(_RNG)
            if tag == "include":
                self._load(node.get("href"))
            elif tag == "define":
                self._defines.setdefault(node.get("name"), []).append(node)
            elif is_first:
                self._starts.append(node)

    def names(self) -> dict[str, set[str]]:
        """Each path, with the words of an attribute; those of an element are not kept."""
        found: dict[str, set[str]] = {}
        for start in self._starts:
            for child in start:
                self._walk(child, (), (), found)
        return found

    def _walk(self, node: Any, path: tuple[str, ...], within: tuple[str, ...], found: dict[str, set[str]]) -> None:
        tag = node.tag.removeprefix(_RNG) if isinstance(node.tag, str) else ""
        if tag == "ref":
            name = node.get("name")
            if name not in within:
                for define in self._defines.get(name, ()):
                    for child in define:
                        self._walk(child, path, (*within, name), found)
        elif tag == "element" and not node.get("ns"):
            for name in _names_of(node):
                found.setdefault("/".join((*path, name)), set())
                for child in _contents(node):
                    self._walk(child, (*path, name), within, found)
        elif tag == "attribute":
            for name in _names_of(node):
                words = found.setdefault("/".join((*path, f"@{name}")), set())
                contents = _contents(node)
                words.update(self._words(contents, within) if contents else {_ANY})
        elif tag in _GROUPS:
            for child in node:
                self._walk(child, path, within, found)

    def _words(self, nodes: list[Any], within: tuple[str, ...]) -> Iterator[str]:
        """The words that a text may be, ``*`` among them where it may be others."""
        for node in nodes:
            tag = node.tag.removeprefix(_RNG) if isinstance(node.tag, str) else ""
            if tag == "value":
                yield (node.text or "").strip()
            elif tag == "ref":
                name = node.get("name")
                if name not in within:
                    for define in self._defines.get(name, ()):
                        yield from self._words(list(define), (*within, name))
            elif tag in _GROUPS:
                yield from self._words(list(node), within)
            elif tag:
                yield _ANY


def _names_of(node: Any) -> list[str]:
    """The name, or several that may stand in its place; none for any name at all."""
    own = node.get("name")
    if own is not None:
        return [own]
    first = next(iter(node), None)
    if first is None:
        return []
    return [name.text.strip() for name in first.iter(f"{_RNG}name") if name.text]


def _contents(node: Any) -> list[Any]:
    """What is in an element or attribute, less what tells its name."""
    children = list(node)
    return children if node.get("name") is not None else children[1:]


def render_names(names: dict[str, set[str]]) -> str:
    """The file's text: a path a line, from below the domain, with the words where they are all listed."""
    lines = [f"# Names of libvirt {RELEASE}'s schema of domains; `python -m tools.schema` writes them."]
    for path, words in sorted(names.items()):
        below = path.partition("/")[2]
        if below:
            lines.append(f"{below} {' '.join(sorted(words))}" if words and _ANY not in words else below)
    return "\n".join(lines) + "\n"


def read_names() -> dict[str, frozenset[str]]:
    """The names that are carried over: each path below the domain, with the words of an attribute, none for any."""
    rows = (line.split(" ") for line in NAMES.read_text().splitlines() if not line.startswith("#"))
    return {path: frozenset(words) for path, *words in rows}


def find_schemas() -> Path | None:
    """The directory of the schemas, where there is one at hand."""
    named = os.environ.get("PROBER_LIBVIRT_SCHEMA")
    root = find_root("libvirt-12")
    places = [Path(named).parent if named else None, root / _IN_ROOT if root is not None else None]
    return next((place for place in places if place is not None and (place / "domain.rng").exists()), None)


def main() -> None:
    """Write the file, or with ``--check`` say whether it is what the schema says."""
    given = [word for word in sys.argv[1:] if word != "--check"]
    directory = Path(given[0]) if given else find_schemas()
    if directory is None:
        sys.exit("there is no schema at hand: make peer-roots lays out the root that has it")
    text = render_names(Schema(directory).names())
    if "--check" not in sys.argv:
        NAMES.write_text(text)
    elif NAMES.read_text() != text:
        sys.exit(f"{NAMES.relative_to(CHECKOUT)} is not what {directory} says")


if __name__ == "__main__":
    main()
