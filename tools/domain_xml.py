"""Write the tables of docs/domain-xml.md from the models, so that the page can neither forget nor promise too much.

``make docs``.  What stands before the first mark and after the last is written by hand, and kept.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import AfterValidator

from prober.devices.rows import READ_AS
from prober.domain.shared.devices import Devices
from prober.xml.binding import Becomes, Element, Field, Neutral, Opaque, Qemu, fields_of
from prober.xml.shape import Child, Shape, shape_of
from prober.xml.values import Reads
from tools.pages import as_markdown, put_between_marks
from tools.refused_names import refused_table

PAGE = Path(__file__).parent.parent / "docs" / "domain-xml.md"

#: A model that stands in more places than this has a section of its own.
_OFTEN = 2
#: How many choices are named that say the same of a path.
_LABELS = 4


@dataclass
class Section:
    """One heading and the rows below it: for each path, what is said of it under which choices."""

    title: str
    words: str
    rows: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)
    choices: int = 1

    def say(self, path: str, label: str, values: str, becomes: str) -> None:
        """Add a row, or what one choice of a class says of a path."""
        self.rows.setdefault(path, []).append((label, values, becomes))


class Writer:
    """Walks all models, and gathers the sections."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.shared: dict[type[Element], Section] = {}
        self.often = {cls for cls, places in _places().items() if len(places) > _OFTEN}
        #: Fields that no mark says anything of.
        self.silent: list[str] = []

    def write(self) -> str:
        """All tables."""
        domain = self._section("The domain", _words(READ_AS))
        for info in fields_of(READ_AS).values():
            for path, model in _models_of(info):
                if model is Devices:
                    continue
                self._element(model, path, _becomes(info))
        shape = shape_of(READ_AS)
        plain = Shape(shape.attributes, shape.text, {k: c for k, c in shape.children.items() if c.model is None})
        domain.say("/domain", "", "", "the whole")
        self._shape(READ_AS, plain, "/domain", "", domain)
        devices = self._section("The devices", _words(Devices))
        self._walk_devices(devices)
        done: set[type[Element]] = set()
        while set(self.shared) - done:
            for cls in [cls for cls in self.shared if cls not in done]:
                done.add(cls)
                self._model(cls, "…", "", self.shared[cls], "")
        tables = [line for section in [*self.sections, *self.shared.values()] for line in _table(section)]
        return "\n".join([*tables, *refused_table()])

    def _walk_devices(self, section: Section) -> None:
        shape = shape_of(Devices)
        plain = {name: child for name, child in shape.children.items() if child.model is None or not child.many}
        section.say("/domain/devices", "", "", "the devices of the sections below")
        self._shape(Devices, Shape(shape.attributes, shape.text, plain), "/domain/devices", "", section)
        for name, child in sorted(shape.children.items()):
            if child.model is not None and child.many:
                self._element(
                    child.model,
                    f"/domain/devices/{name}",
                    where=" in `<devices>`" * (name in shape_of(READ_AS).children),
                )

    def _section(self, title: str, words: str) -> Section:
        self.sections.append(Section(title, words))
        return self.sections[-1]

    def _element(self, cls: type[Element], path: str, about: str = "", where: str = "") -> None:
        section = self._section(f"`<{path.rpartition('/')[2]}>`{where}", _words(cls))
        self._model(cls, path, "", section, about)

    def _model(self, cls: type[Element], path: str, label: str, section: Section, about: str | None = None) -> None:
        """All of one model; ``about`` stands beside its own element, where the class's words do not."""
        if cls.tag:
            known = ", ".join(f"`{value}`" for value in cls.choices if value)
            section.say(f"{path}/@{cls.tag}", label, known, "")
            for value, choice in cls.choices.items():
                own = f"`{value}`" if value else f"no {cls.tag}"
                self._model(choice, path, f"{label} {own}".strip(), section, about)
            return
        section.say(path, "", "", about if about is not None else _words(cls))
        self._shape(cls, shape_of(cls), path, label, section)

    def _shape(self, cls: type[Element], shape: Shape, path: str, label: str, section: Section) -> None:
        if shape.text is not None:
            self._say(cls, shape.text, path, label, section)
        for name, field_name in shape.attributes.items():
            self._say(cls, field_name, f"{path}/@{name}", label, section)
        for name, child in shape.children.items():
            self._child(cls, child, f"{path}/{name}", label, section)

    def _child(self, cls: type[Element], child: Child, path: str, label: str, section: Section) -> None:
        if child.model is not None:
            if child.model in self.often:
                title = _title(child.model)
                self.shared.setdefault(child.model, Section(title, _words(child.model)))
                anchor = re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
                section.say(path, "", "", f"see [{title}](#{anchor})")
            else:
                about = _becomes(fields_of(cls)[child.field or ""])
                self._model(child.model, path, label, section, about or None)
        elif child.flag or child.opaque:
            assert child.field is not None
            self._say(cls, child.field, path, label, section)
        else:
            assert child.shape is not None
            section.say(path, "", "", "")
            self._shape(cls, child.shape, path, label, section)

    def _say(self, cls: type[Element], name: str, path: str, label: str, section: Section) -> None:
        info = fields_of(cls)[name]
        becomes = _becomes(info)
        if not becomes:
            self.silent.append(f"{cls.__name__}.{name}")
        # The values of an attribute that chooses the class are all said where it chooses.
        chooses = label and any(known for own, known, _ in section.rows.get(path, []) if own != label)
        is_choice = chooses and _is_word_of(info.kind, section.rows[path][0][1])
        section.say(path, label, "" if is_choice else _values(info.kind), becomes)


def _places() -> dict[type[Element], set[tuple[type[Element], str]]]:
    """Every model, and where it stands."""
    found: dict[type[Element], set[tuple[type[Element], str]]] = {}
    waiting: list[type[Element]] = [READ_AS]
    seen: set[type[Element]] = set()
    while waiting:
        cls = waiting.pop()
        if cls in seen:
            continue
        seen.add(cls)
        waiting += cls.choices.values()
        for name, model in [] if cls.tag else _children_of(shape_of(cls)):
            if cls is not Devices and cls is not READ_AS:
                declared = next(base for base in cls.__mro__ if name in inspect.get_annotations(base))
                found.setdefault(model, set()).add((declared, name))
            waiting.append(model)
    return found


def _children_of(shape: Shape) -> Iterator[tuple[str, type[Element]]]:
    for child in shape.children.values():
        if child.model is not None:
            assert child.field is not None
            yield child.field, child.model
        if child.shape is not None:
            yield from _children_of(child.shape)


def _models_of(info: Field) -> Iterator[tuple[str, type[Element]]]:
    for name, child in shape_of(READ_AS).children.items():
        if child.model is not None and fields_of(READ_AS)[child.field or ""] is info:
            yield f"/domain/{name}", child.model


def _becomes(info: Field) -> str:
    for mark in info.marks:
        if isinstance(mark, Becomes):
            return mark.text
        if isinstance(mark, Qemu):
            return f"`{mark.property}`"
        if isinstance(mark, Neutral):
            return f"nothing: {mark.why}"
    return ""


def _values(annotation: Any, marks: Sequence[Any] = ()) -> str:
    """What a text may be."""
    for mark in marks:
        if isinstance(mark, Reads):
            return mark.words
        if isinstance(mark, AfterValidator):
            return _sentence(mark.func.__doc__ or "").rstrip(".")
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        inner = next(arg for arg in typing.get_args(annotation) if arg is not type(None))
        return _values(inner)
    if origin is typing.Annotated:
        inner, *marks = typing.get_args(annotation)
        return _values(inner, marks)
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(annotation))
    if origin is tuple:
        return _values(typing.get_args(annotation)[0])
    return {str: "any text", int: "a number", Opaque: "anything"}.get(annotation, "")


def _words(cls: type[Element]) -> str:
    """What a class is; its element's name is not said again, as it stands above."""
    words = re.sub(r"^`<[a-zA-Z:-]+>`: ", "", _sentence(cls.__doc__ or ""))
    return words[:1].upper() + words[1:]


def _is_word_of(annotation: Any, known: str) -> bool:
    """Whether a field can only be one word, which stands among those known."""
    words = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()
    return len(words) == 1 and f"`{words[0]}`" in known


def _sentence(text: str) -> str:
    """The first sentence of a docstring, as Markdown has it."""
    paragraph = " ".join(inspect.cleandoc(text).split("\n\n")[0].split())
    first = re.split(r"(?<=[.])\s(?=[A-Z`])|(?<=\w):\s(?=so |libvirt )", paragraph)[0]
    return as_markdown(first)


def _title(cls: type[Element]) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", cls.__name__)
    return words[:1] + words[1:].lower()


def _table(section: Section) -> Iterator[str]:
    yield from ("", f"## {section.title}", "", section.words, "")
    yield from ("| path | values | becomes |", "| --- | --- | --- |")
    for path, said in section.rows.items():
        values = _join([(label, values) for label, values, _ in said])
        becomes = _join([(label, becomes) for label, _, becomes in said])
        if not values and not becomes and any(other.startswith(f"{path}/") for other in section.rows):
            continue  # a mere container: the rows of what is in it name it
        yield f"| `{path}` | {_cell(values)} | {_cell(becomes)} |"


def _join(said: list[tuple[str, str]]) -> str:
    """What the choices say, each on a line of its own with its label where they differ."""
    texts = dict.fromkeys(text for _, text in said if text)
    if len(texts) <= 1:
        return next(iter(texts), "")
    lines = []
    for text in texts:
        labels = list(dict.fromkeys(label for label, own in said if own == text and label))
        shown = ", ".join([*labels[:_LABELS], *(["…"] if len(labels) > _LABELS else [])])
        lines.append(f"{shown}: {text}" if shown else text)
    return "<br>".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").strip()


def render_page(page: str) -> str:
    """The page with its tables written anew."""
    return put_between_marks(page, Writer().write())


def main() -> None:
    """Write the page; with ``--silent`` print the fields that say nothing of themselves instead."""
    if "--silent" in sys.argv:
        writer = Writer()
        writer.write()
        print("\n".join(dict.fromkeys(writer.silent)))
        return
    PAGE.write_text(render_page(PAGE.read_text()))


if __name__ == "__main__":
    main()
