"""Elements of a document that is written, in the form in which libvirt writes its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

#: What XML 1.0 cannot hold in any form; nothing sound has it, and a document with it could not be read.
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_QUOTES = {"'": "&apos;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


@dataclass(frozen=True)
class WrittenElement:
    """One element: its name, attributes, and either text or children."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str | None = None
    children: tuple[WrittenElement, ...] = ()

    def write(self) -> str:
        """The document whose root this is, two spaces a level, with a line's end at the end."""
        return "\n".join(self._lines("")) + "\n"

    def _lines(self, indent: str) -> Iterator[str]:
        head = self.name + "".join(f" {name}='{_escape(value)}'" for name, value in self.attributes.items())
        if self.text is not None:
            yield f"{indent}<{head}>{_escape(self.text)}</{self.name}>"
        elif self.children:
            yield f"{indent}<{head}>"
            for child in self.children:
                yield from child._lines(indent + "  ")
            yield f"{indent}</{self.name}>"
        else:
            yield f"{indent}<{head}/>"


def element(name: str, /, *children: WrittenElement, **attributes: str) -> WrittenElement:
    """An element with children."""
    return WrittenElement(name, attributes, children=children)


def text_element(name: str, text: str, /, **attributes: str) -> WrittenElement:
    """An element with text."""
    return WrittenElement(name, attributes, text=text)


def enum_element(name: str, values: Iterable[str]) -> WrittenElement:
    """``<enum name='…'>`` with a ``<value>`` for each."""
    return element("enum", *(text_element("value", value) for value in values), name=name)


def _escape(text: str) -> str:
    return escape(_UNSPEAKABLE.sub("\ufffd", text), _QUOTES)
