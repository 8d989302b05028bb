"""Elements of a document that is written, in the form in which libvirt writes its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prober.xml.written import xml_text


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
        head = self.name + "".join(f" {name}='{xml_text(value)}'" for name, value in self.attributes.items())
        if self.text is not None:
            yield f"{indent}<{head}>{xml_text(self.text)}</{self.name}>"
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
